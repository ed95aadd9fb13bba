internal import HTTPServer
internal import Telemetry

/// Which answer a request gets.
struct StatusRouter: Sendable {
    private enum Page: String {
        case overview = "/"
        case metrics = "/metrics"
        case healthy = "/-/healthy"
        case ready = "/-/ready"
        case targetMetadata = "/api/v1/targets/metadata"
    }

    private let pages: any StatusPages
    private let registry: MetricRegistry
    private let prefix: RoutePrefix

    init(pages: any StatusPages, registry: MetricRegistry, prefix: RoutePrefix = RoutePrefix()) {
        self.pages = pages
        self.registry = registry
        self.prefix = prefix
        // Prometheus shows its handlers before their first request, so that a rate has a beginning.
        for page in [Page.overview, .metrics, .healthy, .ready, .targetMetadata] {
            _ = counter(status: 200, handler: page.rawValue)
        }
    }

    func answer(_ request: ServerRequest) -> ServerResponse {
        // Counted by the page's own path, as Prometheus does: the prefix is not in the label.
        let page = prefix.below(request.path).flatMap(Page.init)
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
        response.headers.add("X-Content-Type-Options", "nosniff")
        response.headers.add("Cache-Control", "no-store")
        // A path that is no page has no label of its own: whoever asks must not make series.
        counter(status: response.status, handler: page?.rawValue ?? "other").add()
        return response
    }

    private func answer(_ page: Page, _ request: ServerRequest) -> ServerResponse {
        switch page {
        case .overview:
            let html = OverviewPage.html(pages.summary(), isReady: pages.isReady())
            return ServerResponse(contentType: "text/html; charset=utf-8", text: html)
        case .metrics:
            return ServerResponse(
                contentType: "text/plain; version=0.0.4; charset=utf-8", text: pages.metrics())
        case .healthy: return ServerResponse(text: "Narthex is Healthy.\n")
        case .targetMetadata: return targetMetadata(request.query)
        case .ready:
            return pages.isReady()
                ? ServerResponse(text: "Narthex is Ready.\n")
                : ServerResponse(status: 503, text: "Narthex is not Ready yet.\n")
        }
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

    private func counter(status: Int, handler: String) -> Counter {
        registry.counter(
            "prometheus_http_requests_total", help: "Counter of HTTP requests.",
            labels: [("code", String(status)), ("handler", handler)])
    }
}
