public import HTTPServer

/// Many exporters in one process: counters, gauges and histograms, numbers that move, series that come and
/// go, faults on cue. Deterministic: the same configuration gives the same pages in the same order.
public final class ExporterFleet: Sendable {
    public let configuration: FleetConfiguration
    /// By exporter number.
    public let places: [ExporterPlace]

    private let pages: FleetPages
    private let servers: [HTTPServer]

    private init(
        _ configuration: FleetConfiguration, pages: FleetPages, servers: [HTTPServer], places: [ExporterPlace]
    ) {
        self.configuration = configuration
        self.pages = pages
        self.servers = servers
        self.places = places
    }

    /// Starts listening.
    public static func start(_ configuration: FleetConfiguration) async throws(ServerError) -> ExporterFleet {
        let pages = FleetPages(configuration)
        var servers: [HTTPServer] = []
        var places: [ExporterPlace] = []
        // Every scraper in flight has a connection, and a bench keeps one to each exporter.
        let connections = configuration.exporters * 4 + 64
        do throws(ServerError) {
            switch configuration.addressing {
            case .paths:
                let server = try await HTTPServer.startStandIn(
                    port: configuration.port, bodyLimitBytes: 4_096, maxConnections: connections,
                    sent: { pages.note($0) }
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
        _ pages: FleetPages
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
            host: host, port: port, bodyLimitBytes: 4_096, maxConnections: connections,
            sent: { pages.note($0) }
        ) {
            if $0.path == "/metrics" { return pages.answer(number, $0) }
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
    public func scrapes(of exporter: Int) -> UInt64 { pages.scrapes[exporter].count }

    /// Pages asked of all of them.
    public var totalScrapes: UInt64 { pages.scrapes.reduce(0) { $0 + $1.count } }

    /// The text page an exporter gives at its scrape number `scrape`, counted from 0.
    public func page(exporter: Int, scrape: UInt64) -> String {
        String(
            decoding: pages.contents.page(exporter: exporter, scrape: scrape, format: .text), as: UTF8.self)
    }

    public func stop() async {
        for server in servers { await server.stop(graceMs: 100) }
    }
}
