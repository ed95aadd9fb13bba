import Configuration
import HTTPTransport

/// The request that a scrape sends and the rules by which an answer counts.
struct ScrapeExchange: Sendable {
    /// What Prometheus sends for `scrape_protocols: [PrometheusText1.0.0, PrometheusText0.0.4]`: the two
    /// versions that are read today. Asking for OpenMetrics or protobuf would get them from targets that have
    /// both.
    static let accept =
        "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;q=0.5,*/*;q=0.4"

    let request: HTTPRequest
    /// 0 is no limit.
    private let bodySizeLimitBytes: Int
    private let fallbackProtocol: String?

    init(_ configuration: ScrapeConfiguration, url: String) {
        let limit = Int(clamping: configuration.bodySizeLimitBytes)
        bodySizeLimitBytes = limit
        fallbackProtocol = configuration.fallbackScrapeProtocol
        // A body of the limit's length fails already, so the transfer may stop one byte before it.
        let transferLimit =
            limit == 0 ? BodyReader.maxBodyBytes : max(1, min(limit - 1, BodyReader.maxBodyBytes))
        request = HTTPRequest(
            method: .get, url: url,
            headers: [
                HTTPHeader(name: "Accept", value: Self.accept),
                HTTPHeader(
                    name: "X-Prometheus-Scrape-Timeout-Seconds",
                    value: Self.seconds(configuration.scrapeTimeoutMs)),
            ],
            timeoutMs: configuration.scrapeTimeoutMs, bodyLimitBytes: transferLimit,
            acceptGzip: configuration.enableCompression, followRedirects: configuration.followRedirects,
            takesBodySlot: true)
    }

    /// Why the answer does not count; nil when its body is to be read.
    func refusal(of response: HTTPResponse) -> ScrapeError? {
        guard response.status == 200 else {
            return ScrapeError(.status, "the target answered with HTTP status \(response.status), not 200")
        }
        if bodySizeLimitBytes > 0, response.body.count >= bodySizeLimitBytes { return bodyTooLarge }
        return contentTypeRefusal(response.headers["Content-Type"])
    }

    /// The reason for an exchange that gave no answer.
    func reason(for error: HTTPError) -> ScrapeError {
        switch error.code {
        case .timeout: ScrapeError(.timeout, error.message)
        case .bodyTooLarge: bodyTooLarge
        default: ScrapeError(.transport, error.message)
        }
    }

    private var bodyTooLarge: ScrapeError {
        bodySizeLimitBytes > 0
            ? ScrapeError(.bodyTooLarge, "the body reaches body_size_limit, \(bodySizeLimitBytes) bytes")
            : ScrapeError(
                .bodyTooLarge, "the body is longer than the \(BodyReader.maxBodyBytes) bytes that are read")
    }

    /// The media type chooses the parser, whatever its version; a blank or unknown one leaves it to
    /// fallback_scrape_protocol (Prometheus 3, textparse.New).
    private func contentTypeRefusal(_ header: String?) -> ScrapeError? {
        let mediaType = Self.mediaType(header ?? "")
        if mediaType == "text/plain" { return nil }
        if mediaType == "application/openmetrics-text" || mediaType == "application/vnd.google.protobuf" {
            return ScrapeError(
                .contentType,
                "the target answered with \(mediaType), which was not asked for and is not read yet")
        }
        let said = "the answer's Content-Type \"\(header ?? "")\" is no exposition format"
        switch fallbackProtocol {
        case "PrometheusText0.0.4", "PrometheusText1.0.0": return nil
        case let other?:
            return ScrapeError(
                .contentType,
                "\(said); fallback_scrape_protocol \(other) is not read yet, PrometheusText0.0.4 is")
        case nil:
            return ScrapeError(
                .contentType,
                "\(said); set fallback_scrape_protocol: PrometheusText0.0.4 if the target sends text")
        }
    }

    /// The part before any parameter, in lower case.
    static func mediaType(_ header: String) -> String {
        let end = header.utf8.firstIndex(of: UInt8(ascii: ";")) ?? header.endIndex
        return String(header[..<end].filter { $0 != " " && $0 != "\t" }).lowercased()
    }

    /// Seconds without trailing zeros: `10`, `2.5`.
    static func seconds(_ milliseconds: Int64) -> String {
        let rest = milliseconds % 1_000
        guard rest != 0 else { return "\(milliseconds / 1_000)" }
        var digits = String(repeating: "0", count: 3 - "\(rest)".utf8.count) + "\(rest)"
        while digits.hasSuffix("0") { digits.removeLast() }
        return "\(milliseconds / 1_000).\(digits)"
    }
}
