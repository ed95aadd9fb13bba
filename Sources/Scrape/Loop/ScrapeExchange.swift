import Configuration
import HTTPTransport
import Platform

/// The request that a scrape sends and the rules by which an answer counts.
struct ScrapeExchange: Sendable {
    /// What becomes of an answer.
    enum Verdict: Sendable {
        /// Its body, decoded, and how it is written.
        case read(ExpositionFormat, HTTPBody)
        case refused(ScrapeError)
    }

    let request: HTTPRequest
    /// 0 is no limit.
    private let bodySizeLimitBytes: Int
    private let fallbackProtocol: ScrapeProtocol?

    init(_ configuration: ScrapeConfiguration, url: String, unixSocketPath: String? = nil) {
        let limit = Int(clamping: configuration.bodySizeLimitBytes)
        bodySizeLimitBytes = limit
        fallbackProtocol = configuration.fallbackScrapeProtocol
        // A body of the limit's length fails already, so the transfer may stop one byte before it.
        let transferLimit =
            limit == 0 ? BodyReader.maxBodyBytes : max(1, min(limit - 1, BodyReader.maxBodyBytes))
        request = HTTPRequest(
            method: .get, url: url,
            headers: [
                HTTPHeader(
                    name: "Accept",
                    value: AcceptHeader.value(
                        configuration.scrapeProtocols, escaping: configuration.metricNameEscapingScheme)),
                HTTPHeader(
                    name: "X-Prometheus-Scrape-Timeout-Seconds",
                    value: SecondsText.from(milliseconds: configuration.scrapeTimeoutMs)),
            ],
            timeoutMs: configuration.scrapeTimeoutMs, bodyLimitBytes: transferLimit,
            acceptGzip: configuration.enableCompression, followRedirects: configuration.http.followRedirects,
            takesBodySlot: true,
            connection: Self.connection(
                unixSocketPath, offersHTTP2: configuration.http.enableHTTP2 && url.hasPrefix("https:")))
    }

    /// One object for all targets that only want HTTP/2.
    private static let http2 = HTTPConnectionOptions(offersHTTP2: true)

    private static func connection(
        _ unixSocketPath: String?, offersHTTP2: Bool
    ) -> HTTPConnectionOptions? {
        guard let unixSocketPath else { return offersHTTP2 ? http2 : nil }
        return HTTPConnectionOptions(unixSocketPath: unixSocketPath, offersHTTP2: offersHTTP2)
    }

    /// Whether the answer counts, and as what it is read. Decodes the body, so it is a worker's.
    func verdict(on response: HTTPResponse) -> Verdict {
        guard response.status == 200 else {
            return .refused(
                ScrapeError(.status, "the target answered with HTTP status \(response.status), not 200"))
        }
        let body: HTTPBody
        do throws(HTTPError) {
            body = try response.decoded().body
        } catch {
            return .refused(reason(for: error))
        }
        if bodySizeLimitBytes > 0, body.count >= bodySizeLimitBytes { return .refused(bodyTooLarge) }
        // Without a body there is nothing to choose a parser for (Prometheus 3, scrapeLoop.append).
        if body.count == 0 { return .read(.text, body) }
        do {
            let format = try ExpositionFormat.of(
                contentType: response.headers["Content-Type"], fallback: fallbackProtocol)
            return .read(format, body)
        } catch {
            return .refused(error)
        }
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
}
