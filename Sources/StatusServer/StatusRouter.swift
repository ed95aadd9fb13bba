internal import HTTPServer
internal import Platform
internal import Telemetry

/// Which answer a request gets.
struct StatusRouter: Sendable {
    private enum Page: String {
        case overview = "/"
        case metrics = "/metrics"
        case healthy = "/-/healthy"
        case ready = "/-/ready"
        case targetMetadata = "/api/v1/targets/metadata"
        case memory = "/api/v1/narthex/memory"
        case ledger = "/api/v1/narthex/ledger"
        case reload = "/-/reload"
        case quit = "/-/quit"

        /// Whether it asks for something to be done.
        var isOrder: Bool { self == .reload || self == .quit }
    }

    private let pages: any StatusPages
    private let registry: MetricRegistry
    private let prefix: RoutePrefix
    private let lifecycle: Lifecycle?
    private let clock: any AgentClock

    /// Without a `lifecycle` nobody may ask for a reload or for the end.
    init(
        pages: any StatusPages, registry: MetricRegistry, prefix: RoutePrefix = RoutePrefix(),
        lifecycle: Lifecycle? = nil, clock: any AgentClock = SystemClock()
    ) {
        self.lifecycle = lifecycle
        self.pages = pages
        self.registry = registry
        self.prefix = prefix
        self.clock = clock
        // Prometheus shows its handlers before their first request, so that a rate has a beginning.
        let known: [Page] = [
            .overview, .metrics, .healthy, .ready, .targetMetadata, .memory, .ledger, .reload, .quit,
        ]
        for page in known { _ = counter(status: 200, handler: page.rawValue) }
    }

    /// Any answer; that of `/-/reload` comes once the configuration was read again.
    func respond(_ request: ServerRequest) async -> ServerResponse {
        let startNs = clock.monotonicNs
        guard let order = page(request), order.isOrder else { return answer(request) }
        return finished(await carryOut(order, request), order, startNs)
    }

    /// The answer that needs no waiting.
    func answer(_ request: ServerRequest) -> ServerResponse {
        let startNs = clock.monotonicNs
        let page = page(request)
        var response: ServerResponse
        if let page {
            // The server leaves the body of an answer to HEAD out and tells its length.
            if request.method == "GET" || request.method == "HEAD" {
                response = answer(page, request)
            } else {
                response = ServerResponse(status: 405, text: "Method Not Allowed\n")
                response.headers.add("Allow", "GET, HEAD")
            }
        } else if let place = prefix.redirect(request.path) {
            response = ServerResponse(status: 302, text: "")
            response.headers.add("Location", place)
        } else {
            response = ServerResponse(status: 404, text: "404 page not found\n")
        }
        return finished(response, page, startNs)
    }

    /// Counted by the page's own path, as Prometheus does: the prefix is not in the label.
    private func page(_ request: ServerRequest) -> Page? { prefix.below(request.path).flatMap(Page.init) }

    /// With what every answer has, counted and measured.
    private func finished(
        _ answer: ServerResponse, _ page: Page?, _ startNs: UInt64
    ) -> ServerResponse {
        var response = answer
        response.headers.add("X-Content-Type-Options", "nosniff")
        response.headers.add("Cache-Control", "no-store")
        // A path that is no page has no label of its own: whoever asks must not make series.
        let handler = page?.rawValue ?? "other"
        counter(status: response.status, handler: handler).add()
        measure(handler, seconds: Double(clock.monotonicNs &- startNs) / 1e9, bytes: response.body.count)
        return response
    }

    /// By the methods and with the words of Prometheus (web/web.go).
    private func carryOut(_ order: Page, _ request: ServerRequest) async -> ServerResponse {
        guard request.method == "POST" || request.method == "PUT" else {
            var response = ServerResponse(status: 405, text: "Only POST or PUT requests allowed")
            response.headers.add("Allow", "POST, PUT")
            return response
        }
        // A page of another site may send a form to loopback: browsers say where it comes from.
        if let site = request.headers["Sec-Fetch-Site"], site != "same-origin", site != "none" {
            return ServerResponse(status: 403, text: "A page of another site may not ask for this.\n")
        }
        guard let lifecycle else {
            return ServerResponse(
                status: 403, text: "Lifecycle API is not enabled. Start with --web.enable-lifecycle.\n")
        }
        guard order == .reload else {
            let answer =
                lifecycle.quit() ? "Requesting termination... Goodbye!" : "Termination already in progress."
            return ServerResponse(text: answer)
        }
        guard let fault = await lifecycle.reload() else { return ServerResponse(text: "") }
        return ServerResponse(status: 500, text: "failed to reload config: \(fault)\n")
    }

    private func answer(_ page: Page, _ request: ServerRequest) -> ServerResponse {
        switch page {
        case .overview:
            let html = OverviewPage.html(pages.summary(), isReady: pages.isReady())
            return ServerResponse(contentType: "text/html; charset=utf-8", text: html)
        case .metrics:
            let content = MetricsContent(for: request)
            var response = ServerResponse(
                contentType: content.contentType, text: pages.metrics(content.format))
            response.headers.add("Vary", "Accept, Accept-Encoding")
            response.code(for: request)
            return response
        case .healthy: return ServerResponse(text: StatusServer.healthyText)
        case .targetMetadata: return targetMetadata(request.query)
        case .memory: return memory()
        case .ledger: return ServerResponse(contentType: "application/json", text: pages.ledger())
        case .reload, .quit: return ServerResponse(status: 404, text: "404 page not found\n")
        case .ready:
            return pages.isReady()
                ? ServerResponse(text: "Narthex is Ready.\n")
                : ServerResponse(status: 503, text: "Narthex is not Ready yet.\n")
        }
    }

    private func memory() -> ServerResponse {
        guard let text = pages.memory() else {
            let error = #"{"status":"error","errorType":"unavailable","error":"/proc cannot be read"}"#
            return ServerResponse(status: 503, contentType: "application/json", text: error)
        }
        return ServerResponse(contentType: "application/json", text: text)
    }

    private func targetMetadata(_ text: String) -> ServerResponse {
        do throws(StatusQueryError) {
            let query = try TargetMetadataQuery(text)
            var answer = TargetMetadataAnswer(query)
            try pages.eachTargetMetadata(query) { answer.add($0) }
            return ServerResponse(contentType: "application/json", text: answer.text)
        } catch {
            return ServerResponse(
                status: 400, contentType: "application/json", text: TargetMetadataAnswer.error(error))
        }
    }

    /// Adds a request to the families that Prometheus has for them, with its buckets.
    private func measure(_ handler: String, seconds: Double, bytes: Int) {
        let labels = [(name: "handler", value: handler)]
        registry.histogram(
            "prometheus_http_request_duration_seconds", help: "Histogram of latencies for HTTP requests.",
            bounds: [0.1, 0.2, 0.4, 1, 3, 8, 20, 60, 120], labels: labels
        ).observe(seconds)
        registry.histogram(
            "prometheus_http_response_size_bytes", help: "Histogram of response size for HTTP requests.",
            bounds: [100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9], labels: labels
        ).observe(Double(bytes))
    }

    private func counter(status: Int, handler: String) -> Counter {
        registry.counter(
            "prometheus_http_requests_total", help: "Counter of HTTP requests.",
            labels: [("code", String(status)), ("handler", handler)])
    }
}
