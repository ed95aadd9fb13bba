import Configuration
import HTTPTransport
import Testing

@testable import Scrape

@Suite struct ScrapeExchangeTests {
    private func exchange(limit: UInt64 = 0, fallback: ScrapeProtocol? = nil, timeoutMs: Int64 = 10_000)
        -> ScrapeExchange
    {
        ScrapeExchange(
            ScrapeConfiguration(
                jobName: "j", scrapeTimeoutMs: timeoutMs, bodySizeLimitBytes: limit,
                fallbackScrapeProtocol: fallback),
            url: "http://h:1/metrics")
    }

    private func response(_ status: Int = 200, type: String? = "text/plain", body: String = "a 1\n")
        -> HTTPResponse
    {
        HTTPResponse(
            status: status,
            headers: HTTPHeaders(type.map { [HTTPHeader(name: "content-type", value: $0)] } ?? []),
            body: HTTPBody(Array(body.utf8)))
    }

    @Test func theConnectionSaysWhatTheClientDoesNotDoAnyway() {
        func connection(
            _ url: String, http2: Bool = true, socket: String? = nil
        ) -> HTTPConnectionOptions? {
            let configuration = ScrapeConfiguration(
                jobName: "j", http: HTTPClientOptions(enableHTTP2: http2))
            return ScrapeExchange(configuration, url: url, unixSocketPath: socket).request.connection
        }
        #expect(connection("http://h:1/metrics") == nil)
        #expect(connection("https://h:1/metrics", http2: false) == nil)
        #expect(connection("https://h:1/metrics") == HTTPConnectionOptions(offersHTTP2: true))
        #expect(
            connection("https://h:1/metrics") === connection("https://i:1/metrics"), "no memory a target")
        #expect(connection("http://h/metrics", socket: "/s") == HTTPConnectionOptions(unixSocketPath: "/s"))
    }

    @Test func theRequestSaysWhatIsRead() {
        let request = exchange(timeoutMs: 2_500).request
        #expect(request.url == "http://h:1/metrics")
        #expect(
            request.headers == [
                HTTPHeader(
                    name: "Accept",
                    value:
                        "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
                        + "application/openmetrics-text;version=0.0.1;q=0.5,"
                        + "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
                        + "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"),
                HTTPHeader(name: "X-Prometheus-Scrape-Timeout-Seconds", value: "2.5"),
            ])
        #expect(request.timeoutMs == 2_500)
        #expect(request.acceptGzip && request.followRedirects && request.takesBodySlot)
    }

    private func refusal(_ exchange: ScrapeExchange, _ response: HTTPResponse) -> ScrapeError? {
        guard case .refused(let error) = exchange.verdict(on: response) else { return nil }
        return error
    }

    @Test func theJobsProtocolsAreAskedFor() {
        let exchange = ScrapeExchange(
            ScrapeConfiguration(
                jobName: "j", scrapeProtocols: [.prometheusText100], metricNameEscapingScheme: .dots),
            url: "http://h:1/metrics")
        #expect(
            exchange.request.headers.first
                == HTTPHeader(
                    name: "Accept", value: "text/plain;version=1.0.0;escaping=dots;q=0.6,*/*;q=0.5"))
    }

    @Test(arguments: [201, 204, 206, 301, 404, 500, 503])
    func onlyStatus200Counts(status: Int) {
        #expect(refusal(exchange(), response(status))?.code == .status)
    }

    @Test func theMediaTypeChooses() {
        #expect(refusal(exchange(), response(type: "text/plain; version=0.0.4")) == nil)
        #expect(refusal(exchange(), response(type: "text/html"))?.code == .contentType)
        #expect(refusal(exchange(fallback: .prometheusText004), response(type: "text/html")) == nil)
    }

    @Test func anEmptyBodyNeedsNoContentType() {
        #expect(refusal(exchange(), response(type: nil, body: "")) == nil)
        #expect(refusal(exchange(), response(type: nil))?.code == .contentType)
    }

    @Test func everyFormatIsReadAsItself() {
        let type = "application/vnd.google.protobuf;proto=x"
        #expect(refusal(exchange(fallback: .prometheusText004), response(type: type)) == nil)
        #expect(refusal(exchange(), response(type: "application/openmetrics-text")) == nil)
    }

    @Test func aBodyOfTheLimitsLengthFails() {
        #expect(refusal(exchange(limit: 4), response(body: "a 1\n"))?.code == .bodyTooLarge)
        #expect(refusal(exchange(limit: 5), response(body: "a 1\n")) == nil)
        #expect(exchange(limit: 5).request.bodyLimitBytes == 4)
        #expect(exchange(limit: 1).request.bodyLimitBytes == 1)
        #expect(refusal(exchange(limit: 1), response(body: "x"))?.code == .bodyTooLarge)
        #expect(exchange(limit: UInt64.max).request.bodyLimitBytes == BodyReader.maxBodyBytes)
        #expect(exchange().request.bodyLimitBytes == BodyReader.maxBodyBytes)
    }

    @Test func faultsOfTheTransferKeepTheirReason() {
        #expect(exchange().reason(for: HTTPError(.timeout, "t")).code == .timeout)
        #expect(exchange().reason(for: HTTPError(.connect, "c")) == ScrapeError(.transport, "c"))
        #expect(exchange(limit: 7).reason(for: HTTPError(.bodyTooLarge, "x")).message.contains("7 bytes"))
    }
}
