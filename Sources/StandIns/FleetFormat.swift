internal import HTTPServer

/// The exposition format that the exporters of a fleet answer in to clients that ask for it. Others get text.
public enum FleetFormat: String, Sendable, CaseIterable {
    /// The Prometheus text format 0.0.4.
    case text
    /// OpenMetrics 1.0.0.
    case openmetrics
    /// `io.prometheus.client.MetricFamily` messages, each behind its length.
    case protobuf

    var contentType: String {
        switch self {
        case .text: "text/plain; version=0.0.4; charset=utf-8"
        case .openmetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
        case .protobuf:
            "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
        }
    }

    /// Whether a request takes this format. Its rank among others that the client takes is not looked at.
    func isTaken(by headers: ServerHeaders) -> Bool {
        if self == .text { return true }
        return headers.weighted("Accept").contains { range in
            guard range.weight > 0 else { return false }
            let parameters = range.parameters
            if self == .openmetrics {
                return range.name == "application/openmetrics-text"
                    && parameters["version", default: "1.0.0"] == "1.0.0"
            }
            return range.name == "application/vnd.google.protobuf"
                && parameters["proto"] == "io.prometheus.client.MetricFamily"
                && parameters["encoding", default: "delimited"] == "delimited"
        }
    }
}
