import Configuration

/// A family of exposition formats that one parser reads. The versions in a family differ in what a target may
/// write, not in how it is read.
enum ExpositionFormat: Sendable {
    /// text/plain, versions 0.0.4 and 1.0.0.
    case text
    /// application/openmetrics-text, versions 0.0.1 and 1.0.0.
    case openMetrics
    /// application/vnd.google.protobuf, delimited io.prometheus.client.MetricFamily.
    case protobuf

    init(_ scrapeProtocol: ScrapeProtocol) {
        switch scrapeProtocol {
        case .prometheusProto: self = .protobuf
        case .openMetricsText001, .openMetricsText100: self = .openMetrics
        case .prometheusText100, .prometheusText004: self = .text
        }
    }

    /// Nil for a media type that is no exposition format; `mediaType` is in lower case.
    init?(mediaType: String) {
        switch mediaType {
        case "text/plain": self = .text
        case "application/openmetrics-text": self = .openMetrics
        case "application/vnd.google.protobuf": self = .protobuf
        default: return nil
        }
    }

    private static let known = KnownFormats()

    /// The format of an answer (Prometheus 3, textparse.New): its media type decides, whatever the version it
    /// names; a Content-Type that is absent, blank, malformed or no exposition format leaves it to
    /// `fallback`.
    static func of(contentType: String?, fallback: ScrapeProtocol?) throws(ScrapeError) -> ExpositionFormat {
        let header = contentType ?? ""
        if let format = known.format(of: header) { return format }
        let mediaType = MediaType(header)
        if let mediaType, let format = ExpositionFormat(mediaType: mediaType.name) {
            known.keep(format, of: header)
            return format
        }
        if let fallback { return ExpositionFormat(fallback) }
        let advice = "set fallback_scrape_protocol (PrometheusText0.0.4 if the target sends text)"
        if header.isEmpty {
            throw ScrapeError(.contentType, "the answer has no Content-Type; \(advice)")
        }
        // A header is bytes of any origin; what is shown of it is bounded.
        let shown = String(String.UnicodeScalarView(header.unicodeScalars.prefix(100)))
        throw ScrapeError(
            .contentType,
            mediaType == nil
                ? "the answer's Content-Type \"\(shown)\" is malformed; \(advice)"
                : "the answer's Content-Type \"\(shown)\" is no exposition format; \(advice)")
    }
}
