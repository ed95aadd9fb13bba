import Configuration
import HTTPTransport
import Testing

@testable import Scrape

@Suite struct ScrapeExchangeTests {
    private func exchange(limit: UInt64 = 0, fallback: String? = nil, timeoutMs: Int64 = 10_000)
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

    @Test func theRequestSaysWhatIsRead() {
        let request = exchange(timeoutMs: 2_500).request
        #expect(request.url == "http://h:1/metrics")
        #expect(
            request.headers == [
                HTTPHeader(
                    name: "Accept",
                    value:
                        "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;q=0.5,"
                        + "*/*;q=0.4"),
                HTTPHeader(name: "X-Prometheus-Scrape-Timeout-Seconds", value: "2.5"),
            ])
        #expect(request.timeoutMs == 2_500)
        #expect(request.acceptGzip && request.followRedirects && request.takesBodySlot)
    }

    @Test(arguments: [201, 204, 206, 301, 404, 500, 503])
    func onlyStatus200Counts(status: Int) {
        #expect(exchange().refusal(of: response(status))?.code == .status)
    }

    @Test(arguments: [
        "text/plain", "text/plain; version=0.0.4", "TEXT/Plain;version=9.9.9;charset=utf-8", " text/plain ",
    ])
    func textIsRead(type: String) {
        #expect(exchange().refusal(of: response(type: type)) == nil)
    }

    @Test(arguments: [nil, "", "text/html", "application/json", ";", "text/plain2"] as [String?])
    func otherTypesAreLeftToTheFallback(type: String?) {
        #expect(exchange().refusal(of: response(type: type))?.code == .contentType)
        #expect(exchange(fallback: "PrometheusText0.0.4").refusal(of: response(type: type)) == nil)
        #expect(exchange(fallback: "PrometheusText1.0.0").refusal(of: response(type: type)) == nil)
        #expect(
            exchange(fallback: "OpenMetricsText1.0.0").refusal(of: response(type: type))?.code == .contentType
        )
    }

    @Test(arguments: [
        "application/openmetrics-text; version=1.0.0", "application/vnd.google.protobuf;proto=x",
    ])
    func formatsThatAreNotReadAreRefusedEvenWithAFallback(type: String) {
        #expect(
            exchange(fallback: "PrometheusText0.0.4").refusal(of: response(type: type))?.code == .contentType)
    }

    @Test func aBodyOfTheLimitsLengthFails() {
        #expect(exchange(limit: 4).refusal(of: response(body: "a 1\n"))?.code == .bodyTooLarge)
        #expect(exchange(limit: 5).refusal(of: response(body: "a 1\n")) == nil)
        #expect(exchange(limit: 5).request.bodyLimitBytes == 4)
        #expect(exchange(limit: 1).request.bodyLimitBytes == 1)
        #expect(exchange(limit: 1).refusal(of: response(body: "x"))?.code == .bodyTooLarge)
        #expect(exchange(limit: UInt64.max).request.bodyLimitBytes == BodyReader.maxBodyBytes)
        #expect(exchange().request.bodyLimitBytes == BodyReader.maxBodyBytes)
    }

    @Test func faultsOfTheTransferKeepTheirReason() {
        #expect(exchange().reason(for: HTTPError(.timeout, "t")).code == .timeout)
        #expect(exchange().reason(for: HTTPError(.connect, "c")) == ScrapeError(.transport, "c"))
        #expect(exchange(limit: 7).reason(for: HTTPError(.bodyTooLarge, "x")).message.contains("7 bytes"))
    }
}
