public import HTTPServer
import Platform
import Synchronization

/// Many exporters in one process: text format 0.0.4, counters, gauges and histograms, numbers that move,
/// faults on cue. Deterministic: the same configuration gives the same pages in the same order.
public final class ExporterFleet: Sendable {
    private struct State {
        var scrapes: [ScrapeTimes]
        var faults: [Int: ExporterFault] = [:]
        var visible: [Int: Int] = [:]
    }

    public let configuration: FleetConfiguration
    /// By exporter number.
    public let places: [ExporterPlace]

    private let pages: Pages
    private let servers: [HTTPServer]

    private init(
        _ configuration: FleetConfiguration, pages: Pages, servers: [HTTPServer], places: [ExporterPlace]
    ) {
        self.configuration = configuration
        self.pages = pages
        self.servers = servers
        self.places = places
    }

    /// Starts listening.
    public static func start(_ configuration: FleetConfiguration) async throws(ServerError) -> ExporterFleet {
        let pages = Pages(configuration)
        var servers: [HTTPServer] = []
        var places: [ExporterPlace] = []
        // Every scraper in flight has a connection, and a bench keeps one to each exporter.
        let connections = configuration.exporters * 4 + 64
        do throws(ServerError) {
            switch configuration.addressing {
            case .paths:
                let server = try await HTTPServer.startStandIn(
                    port: configuration.port, bodyLimitBytes: 4_096, maxConnections: connections
                ) { pages.answer($0) }
                servers.append(server)
                places = (0..<configuration.exporters).map {
                    ExporterPlace(host: "127.0.0.1", port: server.port, path: "/exporter/\($0)/metrics")
                }
            case .ports, .addresses:
                for number in 0..<configuration.exporters {
                    let server = try await start(
                        number, configuration, after: servers.last, connections, pages)
                    servers.append(server)
                    places.append(ExporterPlace(host: server.host, port: server.port, path: "/metrics"))
                }
            }
        } catch {
            for server in servers { await server.stop(graceMs: 0) }
            throw error
        }
        return ExporterFleet(configuration, pages: pages, servers: servers, places: places)
    }

    private static func start(
        _ number: Int, _ configuration: FleetConfiguration, after last: HTTPServer?, _ connections: Int,
        _ pages: Pages
    ) async throws(ServerError) -> HTTPServer {
        let sharesPort = configuration.addressing == .addresses
        let host = sharesPort ? "127.1.\((number + 1) / 250).\((number + 1) % 250 + 1)" : "127.0.0.1"
        var port = configuration.port
        if sharesPort {
            port = last?.port ?? port
        } else if port > 0 {
            port += number
        }
        return try await HTTPServer.startStandIn(
            host: host, port: port, bodyLimitBytes: 4_096, maxConnections: connections
        ) {
            if $0.path == "/metrics" { return pages.answer(number) }
            return pages.order($0)
        }
    }

    /// What `exporter` does from now on; nil for all of them, and a nil fault ends it.
    public func setFault(_ fault: ExporterFault?, exporter: Int? = nil) {
        pages.apply(.fault(fault), exporter: exporter)
    }

    /// Shows only the first `count` series of an exporter, nil for all of them.
    public func setVisibleSeries(_ count: Int?, exporter: Int) {
        pages.apply(.visible(count), exporter: exporter)
    }

    /// Pages asked of one exporter, faulty answers included.
    public func scrapes(of exporter: Int) -> UInt64 { pages.state.withLock { $0.scrapes[exporter].count } }

    /// Pages asked of all of them.
    public var totalScrapes: UInt64 { pages.state.withLock { $0.scrapes.reduce(0) { $0 + $1.count } } }

    /// The page an exporter gives at its scrape number `scrape`, counted from 0.
    public func page(exporter: Int, scrape: UInt64) -> String {
        String(decoding: pages.body(exporter, scrape: scrape, visible: .max), as: UTF8.self)
    }

    public func stop() async {
        for server in servers { await server.stop(graceMs: 100) }
    }

    /// What the handlers need; the fleet itself is made after its listeners.
    private final class Pages: Sendable {
        let state: Mutex<State>
        private let shape: ExporterShape
        private let isDistinct: Bool
        private let count: Int
        private let clock = SystemClock()

        init(_ configuration: FleetConfiguration) {
            precondition(
                configuration.exporters > 0 && configuration.seriesEach >= 0, "a fleet has exporters")
            shape = ExporterShape(
                count: configuration.seriesEach, movingShare: configuration.movingShare,
                seed: configuration.seed)
            isDistinct = configuration.isDistinct
            count = configuration.exporters
            state = Mutex(State(scrapes: Array(repeating: ScrapeTimes(), count: configuration.exporters)))
        }

        func body(_ number: Int, scrape: UInt64, visible: Int) -> [UInt8] {
            shape.body(exporter: number, scrape: scrape, isDistinct: isDistinct, visible: visible)
        }

        func apply(_ action: FleetOrder.Action, exporter: Int?) {
            state.withLock { state in
                for number in exporter.map({ [$0] }) ?? Array(0..<count) {
                    switch action {
                    case .fault(let fault): state.faults[number] = fault
                    case .visible(let series): state.visible[number] = series
                    }
                }
            }
        }

        /// What any of the ports answers beside metrics.
        func order(_ request: ServerRequest) -> ServerResponse {
            switch request.path {
            case "/fault": obey(request)
            case "/scrapes": ServerResponse(text: ScrapeTimes.text(state.withLock { $0.scrapes }))
            default: ServerResponse(status: 404)
            }
        }

        private func obey(_ request: ServerRequest) -> ServerResponse {
            guard request.method == "POST", let order = FleetOrder.read(request), let action = order.action,
                (0..<count).contains(order.exporter ?? 0)
            else { return ServerResponse(status: 400, text: "no order to a fleet\n") }
            apply(action, exporter: order.exporter)
            return ServerResponse(text: "ok\n")
        }

        func answer(_ request: ServerRequest) -> ServerResponse {
            let parts = request.path.split(separator: "/", omittingEmptySubsequences: false)
            guard parts.count == 4, parts[1] == "exporter", parts[3] == "metrics", let number = Int(parts[2]),
                (0..<count).contains(number)
            else { return order(request) }
            return answer(number)
        }

        func answer(_ number: Int) -> ServerResponse {
            let nowNs = clock.monotonicNs
            let (scrape, fault, visible) = state.withLock { state in
                let scrape = state.scrapes[number].count
                state.scrapes[number].note(nowNs)
                return (scrape, state.faults[number], state.visible[number] ?? .max)
            }
            let type: ServerHeaders = ["Content-Type": "text/plain; version=0.0.4; charset=utf-8"]
            switch fault {
            case .status(let status): return ServerResponse(status: status, text: "a fault on cue\n")
            case .hang: return ServerResponse(fault: .neverAnswer)
            case .close: return ServerResponse(fault: .closeWithoutAnswer)
            case .garbage:
                return ServerResponse(headers: type, body: Array("<html>not { metrics 1.2.3\n".utf8))
            case .truncate, .delay, nil: break
            }
            var response = ServerResponse(headers: type, body: body(number, scrape: scrape, visible: visible))
            if case .truncate(let bytes) = fault { response.set(fault: .closeAfter(bodyBytes: bytes)) }
            if case .delay(let ms) = fault { response.set(fault: .delay(ms: ms)) }
            return response
        }
    }
}
