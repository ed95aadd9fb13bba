internal import HTTPServer
internal import Telemetry

/// How the page of metrics is written, as Prometheus' client library negotiates it.
struct MetricsContent: Equatable {
    let format: MetricFormat
    let contentType: String

    /// The format that a request ranks highest among those there are; text where it names none.
    init(for request: ServerRequest) {
        for value in request.headers.weighted("Accept") where value.weight > 0 {
            let version = value.parameters["version"] ?? ""
            switch (value.name, version) {
            case ("application/openmetrics-text", "1.0.0"):
                self.init(format: .openMetrics, version: version)
                return
            // Readers of the older version, and of none, read the same text.
            case ("application/openmetrics-text", ""), ("application/openmetrics-text", "0.0.1"):
                self.init(format: .openMetrics, version: "0.0.1")
                return
            case ("text/plain", ""), ("text/plain", "0.0.4"), ("text/*", ""), ("*/*", ""):
                self.init()
                return
            default: break
            }
        }
        self.init()
    }

    private init() {
        format = .text
        contentType = "text/plain; version=0.0.4; charset=utf-8"
    }

    private init(format: MetricFormat, version: String) {
        self.format = format
        contentType = "application/openmetrics-text; version=\(version); charset=utf-8"
    }
}
