import HTTPServer
import Synchronization
import Telemetry
import Testing

@testable import StatusServer

/// Pages in the test's hand.
final class FakePages: StatusPages {
    let ready = Mutex(false)
    let numbers = Mutex(StatusSummary())

    func metrics() -> String { "fake_metric 1\n" }
    func isReady() -> Bool { ready.withLock { $0 } }
    func summary() -> StatusSummary { numbers.withLock { $0 } }
}

struct StatusRouterTests {
    let pages = FakePages()
    let registry = MetricRegistry()

    private func answer(_ method: String, _ target: String) -> ServerResponse {
        StatusRouter(pages: pages, registry: registry).answer(ServerRequest(method: method, target: target))
    }

    private func text(_ response: ServerResponse) -> String { String(decoding: response.body, as: UTF8.self) }

    @Test func metricsAreText004() {
        let response = answer("GET", "/metrics")
        #expect(response.status == 200)
        #expect(response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8")
        #expect(text(response) == "fake_metric 1\n")
    }

    @Test func healthyIsAlways200() {
        #expect(answer("GET", "/-/healthy").status == 200)
        #expect(answer("HEAD", "/-/healthy").status == 200)
    }

    @Test func readyIs503UntilReady() {
        #expect(answer("GET", "/-/ready").status == 503)
        pages.ready.withLock { $0 = true }
        #expect(answer("GET", "/-/ready").status == 200)
    }

    @Test func overviewShowsTheNumbersAndTheLinks() {
        pages.numbers.withLock {
            $0 = StatusSummary(
                version: "1<2&\"'", discoveredTargets: 3, healthyTargets: 2,
                scrapedSamples: 18_446_744_073_709_551_615,
                bufferedSamples: 5, acknowledgedSamples: 6, droppedSamples: 7)
        }
        let page = text(answer("GET", "/?any=query"))
        for part in [
            "Narthex 1&lt;2&amp;&quot;&#39;", "<td>Targets discovered</td><td>3</td>",
            "<td>Samples scraped</td><td>18446744073709551615</td>", "<td>Samples buffered</td><td>5</td>",
            "<td>Samples acknowledged</td><td>6</td>", "<td>Samples dropped</td><td>7</td>", "Not ready yet",
            "href=\"/metrics\"", "href=\"/-/healthy\"", "href=\"/-/ready\"",
        ] {
            #expect(page.contains(part), "\(part)")
        }
    }

    @Test(arguments: ["/nothing", "//", "/metrics/", "/-/", "/METRICS", "*", "/-/healthy%00"])
    func whatIsNoPageIs404(target: String) {
        #expect(answer("GET", target).status == 404)
        #expect(registry.render().contains("{code=\"404\",handler=\"other\"} 1\n"))
    }

    @Test(arguments: ["POST", "PUT", "DELETE", "OPTIONS", "get"])
    func otherMethodsAre405AndSayWhatIsAllowed(method: String) {
        let response = answer(method, "/metrics")
        #expect(response.status == 405)
        #expect(response.headers["allow"] == "GET, HEAD")
    }

    @Test func requestsAreCountedByCodeAndHandler() {
        let router = StatusRouter(pages: pages, registry: registry)
        let before = registry.render()
        #expect(before.contains("prometheus_http_requests_total{code=\"200\",handler=\"/metrics\"} 0\n"))
        for target in ["/metrics", "/metrics", "/-/ready", "/x"] {
            _ = router.answer(ServerRequest(method: "GET", target: target))
        }
        let page = registry.render()
        #expect(page.contains("prometheus_http_requests_total{code=\"200\",handler=\"/metrics\"} 2\n"))
        #expect(page.contains("prometheus_http_requests_total{code=\"503\",handler=\"/-/ready\"} 1\n"))
        #expect(page.contains("prometheus_http_requests_total{code=\"404\",handler=\"other\"} 1\n"))
    }
}
