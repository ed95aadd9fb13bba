import Configuration

/// The `Accept` header of a scrape, byte for byte as Prometheus sends it.
enum AcceptHeader {
    /// The protocols in the order of preference, each a tenth less wanted than the one before, and anything
    /// else last. The first has one tenth more than there are protocols in all. Only the two formats of
    /// version 1.0.0 know the `escaping` parameter.
    static func value(_ protocols: [ScrapeProtocol], escaping: NameEscapingScheme) -> String {
        var weight = ScrapeProtocol.allCases.count + 1
        var parts: [String] = []
        for scrapeProtocol in protocols {
            var part = mediaRange(scrapeProtocol)
            switch scrapeProtocol {
            case .openMetricsText100, .prometheusText100: part += ";escaping=\(escaping.rawValue)"
            case .prometheusProto, .openMetricsText001, .prometheusText004: break
            }
            parts.append("\(part);q=0.\(weight)")
            weight -= 1
        }
        parts.append("*/*;q=0.\(weight)")
        return parts.joined(separator: ",")
    }

    private static func mediaRange(_ scrapeProtocol: ScrapeProtocol) -> String {
        switch scrapeProtocol {
        case .prometheusProto:
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
        case .openMetricsText001: "application/openmetrics-text;version=0.0.1"
        case .openMetricsText100: "application/openmetrics-text;version=1.0.0"
        case .prometheusText100: "text/plain;version=1.0.0"
        case .prometheusText004: "text/plain;version=0.0.4"
        }
    }
}
