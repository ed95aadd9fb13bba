internal import HTTPServer
import Platform
import Synchronization

/// What the servers of a fleet answer. The fleet itself is made after its listeners.
final class FleetPages: Sendable {
    private struct State {
        var scrapes: [ScrapeTimes]
        var faults: [Int: ExporterFault] = [:]
        var visible: [Int: Int] = [:]
        var served: [ServedPage] = []
    }

    let contents: FleetContents
    private let configuration: FleetConfiguration
    private let cache: PageCache
    private let state: Mutex<State>
    private let clock = SystemClock()

    init(_ configuration: FleetConfiguration) {
        self.configuration = configuration
        contents = FleetContents(configuration)
        cache = PageCache(sets: configuration.isDistinct ? 0 : configuration.numberSets)
        state = Mutex(State(scrapes: Array(repeating: ScrapeTimes(), count: configuration.exporters)))
    }

    var scrapes: [ScrapeTimes] { state.withLock { $0.scrapes } }

    func apply(_ action: FleetOrder.Action, exporter: Int?) {
        state.withLock { state in
            for number in exporter.map({ [$0] }) ?? Array(0..<configuration.exporters) {
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
        case "/served": servedAnswer(request.query)
        case "/scrapes": ServerResponse(text: ScrapeTimes.text(scrapes))
        default: ServerResponse(status: 404)
        }
    }

    /// All pages without a query, and with `from=NUMBER` those behind the first so many.
    private func servedAnswer(_ query: String) -> ServerResponse {
        if query.isEmpty { return ServerResponse(text: ServedPage.text(state.withLock { $0.served })) }
        guard query.hasPrefix("from="), let first = Int(query.dropFirst("from=".count)), first >= 0 else {
            return ServerResponse(status: 400, text: "pages are asked for with from=NUMBER\n")
        }
        return ServerResponse(text: ServedPage.text(state.withLock { Array($0.served.dropFirst(first)) }))
    }

    private func obey(_ request: ServerRequest) -> ServerResponse {
        guard request.method == "POST", let order = FleetOrder.read(request), let action = order.action,
            (0..<configuration.exporters).contains(order.exporter ?? 0)
        else { return ServerResponse(status: 400, text: "no order to a fleet\n") }
        apply(action, exporter: order.exporter)
        return ServerResponse(text: "ok\n")
    }

    /// Answers where exporters are told apart by paths.
    func answer(_ request: ServerRequest) -> ServerResponse {
        let parts = request.path.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 4, parts[1] == "exporter", parts[3] == "metrics", let number = Int(parts[2]),
            (0..<configuration.exporters).contains(number)
        else { return order(request) }
        return answer(number, request)
    }

    /// A page has gone whole.
    func note(_ receipt: PageReceipt) {
        let page = receipt.page(endMs: clock.wallMs)
        state.withLock { $0.served.append(page) }
    }

    /// Answers for one exporter.
    func answer(_ number: Int, _ request: ServerRequest) -> ServerResponse {
        let startMs = clock.wallMs
        let nowNs = clock.monotonicNs
        let (scrape, faultOnCue, visible) = state.withLock { state in
            let scrape = state.scrapes[number].count
            state.scrapes[number].note(nowNs)
            return (scrape, state.faults[number], state.visible[number] ?? .max)
        }
        let fault = faultOnCue ?? configuration.standingFault(of: number)
        let format = configuration.format.isTaken(by: request.headers) ? configuration.format : .text
        var headers: ServerHeaders = ["Content-Type": format.contentType]
        switch fault {
        case .status(let status): return ServerResponse(status: status, text: "a fault on cue\n")
        case .hang: return ServerResponse(fault: .neverAnswer)
        case .close: return ServerResponse(fault: .closeWithoutAnswer)
        case .garbage:
            return ServerResponse(headers: headers, body: Array("<html>not { metrics 1.2.3\n".utf8))
        case .truncate, .delay, nil: break
        }
        var page = contents.id(exporter: number, scrape: scrape, format: format)
        page.visible = visible
        let body = cache.body(
            page, of: contents.shape, packed: configuration.isCompressed && request.takesGzip)
        if body.isPacked { headers.add("Content-Encoding", "gzip") }
        var response = ServerResponse(headers: headers, body: body.bytes)
        let samples = min(visible, contents.seriesCount(exporter: number, scrape: scrape))
        let isAsSet = format == configuration.format && body.isPacked == configuration.isCompressed
        response.set(
            receipt: PageReceipt(exporter: number, startMs: startMs, samples: samples, isAsSet: isAsSet))
        if case .truncate(let bytes) = fault { response.set(fault: .closeAfter(bodyBytes: bytes)) }
        if case .delay(let ms) = fault { response.set(fault: .delay(ms: ms)) }
        return response
    }
}

extension ServerRequest {
    fileprivate var takesGzip: Bool {
        headers.weighted("Accept-Encoding").contains { $0.name == "gzip" && $0.weight > 0 }
    }
}
