import Configuration
import HTTPTransport
import MetricModel
import Platform
import Synchronization
import Telemetry
import TestSupport
import Testing

@testable import Discovery

/// A web server in the test's hand.
final class FakeWeb: HTTPPerforming {
    let answer: Mutex<Result<HTTPResponse, HTTPError>>
    private let asked = Mutex<[HTTPRequest]>([])

    init(_ answer: Result<HTTPResponse, HTTPError>) { self.answer = Mutex(answer) }

    var requests: [HTTPRequest] { asked.withLock { $0 } }

    func perform(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse {
        asked.withLock { $0.append(request) }
        return try answer.withLock { $0 }.get()
    }
}

@Suite(.timeLimit(.minutes(1)))
struct HTTPProviderTests {
    private static func json(_ text: String, type: String = "application/json", status: Int = 200) -> Result<
        HTTPResponse, HTTPError
    > {
        .success(
            HTTPResponse(
                status: status, headers: HTTPHeaders([HTTPHeader(name: "Content-Type", value: type)]),
                body: HTTPBody(Array(text.utf8))))
    }

    private func provider(
        _ web: FakeWeb, _ clock: ManualClock, _ registry: MetricRegistry = MetricRegistry(),
        _ said: SaidLines = SaidLines()
    ) -> HTTPProvider {
        HTTPProvider(
            HTTPSDConfiguration(url: "http://sd/targets?token=geheim", refreshIntervalMs: 30_500), job: "j",
            http: web, workers: WorkerPool(name: "test", threads: 1), clock: clock, registry: registry,
            logger: said.logger)
    }

    @Test func aListBecomesGroupsAndFaultsKeepThem() async throws {
        let web = FakeWeb(
            Self.json("\t\n[{\"targets\":[\"a:1\",\"b:2\"],\"labels\":{\"x\":\"y\"}},{\"targets\":[]}]"))
        let clock = ManualClock()
        let registry = MetricRegistry()
        let said = SaidLines()
        let reports = Reports<[TargetGroup]>()
        let provider = provider(web, clock, registry, said)
        let run = Task { await provider.run { reports.add($0) } }
        defer { run.cancel() }
        let url = "http://sd/targets?token=geheim"
        #expect(
            await reports.next() == [
                TargetGroup(
                    source: "http://sd/targets:0",
                    targets: [labels(("__address__", "a:1")), labels(("__address__", "b:2"))],
                    labels: labels(("x", "y"), ("__meta_url", url))),
                TargetGroup(source: "http://sd/targets:1", targets: [], labels: labels(("__meta_url", url))),
            ])
        let request = try #require(web.requests.first)
        #expect(request.url == url && request.timeoutMs == 30_500)
        #expect(
            request.headers.contains(
                HTTPHeader(name: "X-Prometheus-Refresh-Interval-Seconds", value: "30.5")))

        await waitForSleepers(clock)
        web.answer.withLock { $0 = .failure(HTTPError(.connect, "nobody there")) }
        clock.advance(ms: 30_500)
        // Asked again after 2 s, 4 s, …, not after the whole interval.
        for waitMs in [2_000, 4_000, 8_000] as [Int64] {
            await waitForSleepers(clock)
            clock.advance(ms: waitMs)
        }
        await waitForSleepers(clock)
        #expect(web.requests.count == 5 && reports.received == 1)
        #expect(said.all.count == 1 && !said.all[0].contains("geheim"), "\(said.all)")
        let page = registry.render()
        #expect(page.contains("prometheus_sd_http_failures_total 4\n"))
        for line in [
            "failures_total{config=\"j\",mechanism=\"http\"} 4",
            "duration_seconds{config=\"j\",mechanism=\"http\",quantile=\"0.99\"} 0",
            "duration_seconds_count{config=\"j\",mechanism=\"http\"} 5",
            "duration_histogram_seconds_bucket{mechanism=\"http\",le=\"0.01\"} 5",
        ] {
            #expect(page.contains("\nprometheus_sd_refresh_\(line)\n"), "\(line)")
        }
        web.answer.withLock { $0 = Self.json("[]") }
        clock.advance(ms: 16_000)
        #expect(await reports.next() == [])
    }

    @Test(arguments: [
        ("[]", "text/html", 200, "Content-Type"),
        ("[]", "application/json; charset=latin1", 200, "Content-Type"),
        ("[]", "application/json", 204, "status is 204"), ("{}", "application/json", 200, "no JSON list"),
        ("", "application/json", 200, "no JSON list"), ("<html>", "application/json", 200, "no JSON list"),
        ("[{\"target\":[]}]", "application/json", 200, "answer:1:3: unknown key"),
        ("[{\"targets\":[\"a\"", "application/json", 200, "answer:"),
        ("[{\"targets\":\"a\"}]", "application/json", 200, "must be a list"),
        ("[1]", "application/json", 200, "takes a mapping"),
    ])
    func brokenAnswersAreRefused(text: String, type: String, status: Int, message: String) async {
        let web = FakeWeb(Self.json(text, type: type, status: status))
        let clock = ManualClock()
        let said = SaidLines()
        let reports = Reports<[TargetGroup]>()
        let provider = provider(web, clock, MetricRegistry(), said)
        let run = Task { await provider.run { reports.add($0) } }
        defer { run.cancel() }
        await waitForSleepers(clock)
        #expect(reports.received == 0)
        #expect(said.all.contains { $0.contains(message) }, "\(said.all)")
        #expect(said.all.allSatisfy { $0.contains("none is known") }, "\(said.all)")
        #expect(provider.problems.count == 1)
        #expect(provider.problems.first?.contains(message) == true, "\(provider.problems)")
        #expect(provider.problems.first?.contains("geheim") == false)
    }

    @Test(arguments: [
        ("application/json", true), ("Application/JSON; charset=UTF-8", true),
        ("application/json;charset=\"utf-8\"", true), ("application/jsonx", false), ("", false),
    ])
    func contentTypesAsInPrometheus(type: String, isJSON: Bool) {
        #expect(HTTPProvider.isJSON(type) == isJSON)
    }
}
