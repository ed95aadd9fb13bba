import HTTPServer
import Synchronization
import Telemetry
import Testing

@testable import StatusServer

/// Pages in the test's hand.
final class FakePages: StatusPages {
    let ready = Mutex(false)
    let numbers = Mutex(StatusSummary())

    func metrics(_ format: MetricFormat) -> String {
        format == .text ? "fake_metric 1\n" : "# EOF\n"
    }
    func isReady() -> Bool { ready.withLock { $0 } }
    func summary() -> StatusSummary { numbers.withLock { $0 } }
    let memoryText = Mutex<String?>(nil)
    func memory() -> String? { memoryText.withLock { $0 } }
    func ledger() -> String { #"{"status":"success","data":{"scraped":{}}}"# }

    func eachTargetMetadata(
        _ query: TargetMetadataQuery, _ take: (TargetMetadata) -> Bool
    ) throws(StatusQueryError) {
        if query.matchTarget == "{" { throw StatusQueryError(message: "no \"end\"") }
        for number in 0..<20_000 {
            let entry = TargetMetadata(
                labels: [("job", "j")], family: "f\(number)", type: "gauge", help: "a\nb", unit: "")
            guard take(entry) else { return }
        }
    }
}

/// What was asked for, and what comes of a reload.
private final class Orders: Sendable {
    let reloads = Mutex(0)
    let quits = Mutex(0)
    let fault = Mutex<String?>(nil)
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

    @Test func underAPrefixThePagesAreThereAndCountedAsEver() throws {
        let router = StatusRouter(
            pages: pages, registry: registry,
            prefix: try RoutePrefix(externalURL: "https://h/prom", routePrefix: nil))
        func status(_ target: String) -> Int {
            router.answer(ServerRequest(method: "GET", target: target)).status
        }
        #expect(status("/prom/metrics") == 200 && status("/prom/") == 200)
        #expect(status("/metrics") == 404 && status("/promo") == 404)
        for target in ["/", "/prom"] {
            let answer = router.answer(ServerRequest(method: "GET", target: target))
            #expect(answer.status == 302 && answer.headers["location"] == "/prom/")
        }
        #expect(
            registry.render().contains(
                #"prometheus_http_requests_total{code="200",handler="/metrics"} 1"#))
    }

    @Test(
        arguments: [
            ("application/openmetrics-text;version=1.0.0,text/plain;q=0.5", "1.0.0"),
            ("text/plain;q=0.5, application/openmetrics-text; version=\"1.0.0\"; q=0.6", "1.0.0"),
            ("application/openmetrics-text", "0.0.1"),
            ("application/openmetrics-text;version=0.0.1,*/*;q=0.1", "0.0.1"),
            ("application/openmetrics-text;version=2.0.0,text/plain", nil),
            ("application/openmetrics-text;q=0", nil),
            ("application/openmetrics-text;q=0.1,text/plain;version=0.0.4", nil),
            ("text/plain,application/openmetrics-text", nil),
            ("application/vnd.google.protobuf;encoding=delimited,text/html", nil),
            (";;,,=;q", nil), ("", nil),
        ] as [(String, String?)])
    func metricsAreOpenMetricsForWhoPrefersThem(accept: String, version: String?) {
        let request = ServerRequest(method: "GET", target: "/metrics", headers: ["Accept": accept])
        let response = StatusRouter(pages: pages, registry: registry).answer(request)
        let kind = version.map { "application/openmetrics-text; version=\($0); charset=utf-8" }
        #expect(response.headers["Content-Type"] == kind ?? "text/plain; version=0.0.4; charset=utf-8")
        #expect(text(response) == (version == nil ? "fake_metric 1\n" : "# EOF\n"))
        #expect(response.headers["Vary"] == "Accept, Accept-Encoding")
    }

    @Test func metricsAreGzipForWhoTakesIt() {
        let router = StatusRouter(pages: pages, registry: registry)
        let coded = router.answer(
            ServerRequest(
                method: "GET", target: "/metrics", headers: ["Accept-Encoding": "br, GZIP;q=0.2"]))
        #expect(coded.headers["Content-Encoding"] == "gzip")
        #expect(coded.body.prefix(2) == [0x1F, 0x8B])
        for taken in ["gzip;q=0", "br", "gzip2", "gzip;q=nonsense"] {
            let plain = router.answer(
                ServerRequest(method: "GET", target: "/metrics", headers: ["Accept-Encoding": taken]))
            #expect(plain.headers["Content-Encoding"] == nil, "\(taken)")
            #expect(text(plain) == "fake_metric 1\n")
        }
    }

    @Test func whatIsHeldInMemoryIsJSONOrAnError() {
        #expect(answer("GET", "/api/v1/narthex/memory").status == 503)
        let json = #"{"status":"success","data":{}}"#
        pages.memoryText.withLock { $0 = json }
        let response = answer("GET", "/api/v1/narthex/memory")
        #expect(response.status == 200 && text(response) == json)
        #expect(response.headers["content-type"] == "application/json")
        #expect(answer("POST", "/api/v1/narthex/memory").status == 405)
    }

    @Test func theBooksAreJSON() {
        let response = answer("GET", "/api/v1/narthex/ledger")
        #expect(response.status == 200 && text(response) == pages.ledger())
        #expect(response.headers["content-type"] == "application/json")
        #expect(answer("POST", "/api/v1/narthex/ledger").status == 405)
        #expect(
            registry.render().contains(
                #"prometheus_http_requests_total{code="200",handler="/api/v1/narthex/ledger"} 1"#))
    }

    @Test func requestsAreMeasuredByHandler() {
        let router = StatusRouter(pages: pages, registry: registry)
        _ = router.answer(ServerRequest(method: "GET", target: "/metrics"))
        _ = router.answer(ServerRequest(method: "GET", target: "/x"))
        let page = registry.render()
        for handler in ["/metrics", "other"] {
            #expect(
                page.contains("prometheus_http_request_duration_seconds_count{handler=\"\(handler)\"} 1\n"))
            #expect(page.contains("prometheus_http_response_size_bytes_count{handler=\"\(handler)\"} 1\n"))
        }
        #expect(page.contains("prometheus_http_response_size_bytes_sum{handler=\"/metrics\"} 14\n"))
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
            "href=\"metrics\"", "href=\"-/healthy\"", "href=\"-/ready\"",
        ] {
            #expect(page.contains(part), "\(part)")
        }
    }

    @Test func overviewSaysWhatIsWrongWithDiscovery() {
        pages.ready.withLock { $0 = true }
        #expect(text(answer("GET", "/")).contains("<p>Ready to scrape, but no target is known.</p>"))
        pages.numbers.withLock {
            $0.discoveryProblems = [
                .init(job: "j", provider: "ecs", message: "cluster prod: allow ecs:ListTasks <")
            ]
        }
        let page = text(answer("GET", "/"))
        #expect(page.contains("<p>Ready to scrape, but no target is known: see what is wrong"))
        #expect(
            page.contains("<td>j</td><td>ecs</td><td>cluster prod: allow ecs:ListTasks &lt;</td>"))
        #expect(answer("GET", "/-/ready").status == 200)
    }

    @Test func overviewSaysThatTheDiskTakesNoSamples() {
        pages.ready.withLock { $0 = true }
        #expect(!text(answer("GET", "/")).contains("The disk takes"))
        pages.numbers.withLock { $0.diskRefusal = .init(reason: "No space <left>", samplesInMemory: 55_455) }
        #expect(
            text(answer("GET", "/")).contains(
                "<p>The disk takes no samples (No space &lt;left&gt;): 55455 samples are in memory alone.</p>"
            ))
        pages.numbers.withLock { $0.diskRefusal = .init(reason: nil, samplesInMemory: 1) }
        #expect(
            text(answer("GET", "/")).contains(
                "<p>The disk takes samples again, and 1 sample from before is still in memory alone: it "
                    + "has no room for them yet.</p>"))
        #expect(answer("GET", "/-/ready").status == 200)
    }

    @Test func overviewSaysFirstWhatHasNoEffect() throws {
        #expect(!text(answer("GET", "/")).contains("no effect"))
        pages.numbers.withLock {
            $0.ignoredSettings = [
                .init(key: "storage", place: "a.yml:1:1", sentence: "configures <", isMissed: false),
                .init(key: "rule_files", place: "a.yml:2:1", sentence: "is not followed", isMissed: true),
            ]
        }
        let page = text(answer("GET", "/"))
        let missed = try #require(
            page.firstRange(of: "<td>rule_files</td><td>a.yml:2:1</td><td>rule_files is not followed</td>"))
        let harmless = try #require(page.firstRange(of: "<td>storage configures &lt;</td>"))
        let numbers = try #require(page.firstRange(of: "Targets discovered"))
        #expect(missed.lowerBound < harmless.lowerBound && harmless.lowerBound < numbers.lowerBound)
    }

    @Test func overviewShowsWhatIsDownFirstAndWhatStandsInTheWay() throws {
        let up = StatusSummary.Target(job: "a", url: "http://a:1/", labels: "{}", isUp: true, lastError: nil)
        var down = up
        down.url = "http://b:1/"
        down.isUp = false
        down.lastError = "<script>"
        pages.numbers.withLock {
            $0.targets = Array(repeating: up, count: OverviewPage.mostTargets) + [down]
            $0.destinations = [
                .init(
                    name: "main", url: "http://r/w", delivered: 34, dropped: ["too_old": 5], buffered: 12,
                    lastError: "status 403: no", isHolding: true, ageLimit: "55m"),
                .init(
                    name: "other", url: "http://o/w", buffered: 3, lastError: nil,
                    readingStopped: "the buffer is not read on", isHolding: true),
            ]
        }
        let page = text(answer("GET", "/"))
        let held = "held: nothing is lost while the buffer has room for them"
        #expect(
            page.contains(
                "<td>main</td><td>http://r/w</td><td>34</td><td>5 (too_old 5)</td><td>12</td>"
                    + "<td>\(held) and they are younger than 55m</td><td>status 403: no</td>"))
        #expect(
            page.contains(
                "<td>other</td><td>http://o/w</td><td>0</td><td>0</td><td>3</td><td>\(held)</td>"
                    + "<td>the buffer is not read on</td>"))
        let first = try #require(page.firstRange(of: "<td>down</td><td>&lt;script&gt;</td>"))
        let later = try #require(page.firstRange(of: "<td>up</td>"))
        #expect(first.lowerBound < later.lowerBound)
        #expect(page.contains("<p>and 1 more</p>"))
        #expect(!page.contains("<script>"))
    }

    /// The row of one destination behind its URL.
    private func row(_ destination: StatusSummary.Destination) throws -> String {
        pages.numbers.withLock { $0.destinations = [destination] }
        let page = text(answer("GET", "/"))
        let start = try #require(page.firstRange(of: "<td>\(destination.url)</td>")).upperBound
        let end = try #require(page[start...].firstRange(of: "</tr>")).lowerBound
        return String(page[start..<end])
    }

    @Test func aDestinationsRowSaysWhetherSamplesAreLost() throws {
        var destination = StatusSummary.Destination(name: "n", url: "u", buffered: 0, lastError: nil)
        #expect(try row(destination).contains("<td>sent: none waits</td>"))
        destination.buffered = 7
        #expect(try row(destination).contains("<td>being sent</td>"))
        destination.isDropping = true
        destination.lastError = "status 400: no"
        #expect(
            try row(destination).contains("<td>dropped: samples that the receiver refuses are lost</td>"))
        destination.isHolding = true
        #expect(
            try row(destination).contains(
                "are lost; others are held: nothing is lost while the buffer has room"))
        // Where the buffer has let samples go it is not said that nothing is lost.
        (destination.lostForRoom, destination.isDropping) = (50_050, false)
        let lost = "but not all: 50050 samples were lost, as the buffer had no room or they were too old</td>"
        #expect(try row(destination).contains("<td>held, \(lost)"))
        destination.isHolding = false
        #expect(try row(destination).contains("<td>being sent, \(lost)"))
        // What is not buffered is not held, whatever a request met before.
        (destination.buffered, destination.isHolding) = (0, true)
        #expect(try !row(destination).contains("held"))
    }

    @Test func aDestinationsRowNamesTheMostFrequentReasons() throws {
        var destination = StatusSummary.Destination(
            name: "n", url: "u", delivered: .max, dropped: ["b": 2, "c": 30, "a": 2, "none": 0], buffered: 0,
            lastError: nil)
        #expect(
            try row(destination).hasPrefix("<td>\(UInt64.max)</td><td>34 (c 30, a 2, b 2)</td><td>0</td>"))
        destination.dropped = Dictionary(
            uniqueKeysWithValues: (0..<OverviewPage.mostReasons + 2).map { ("r\($0)", UInt64(100 - $0)) })
        let named = try row(destination)
        #expect(named.contains("r7 93 and 2 more reasons)") && !named.contains("r8"))
    }

    @Test func nothingOfADestinationIsMarkup() throws {
        let row = try row(
            .init(
                name: "n", url: "u", dropped: ["<b>": 1], buffered: 1, lastError: "<i>&",
                readingStopped: "\"<u>", isHolding: true, ageLimit: "<s>"))
        #expect(!["<b>", "<i>", "<u>", "<s>"].contains { row.contains($0) })
        #expect(row.contains("1 (&lt;b&gt; 1)") && row.contains("&lt;i&gt;&amp;; &quot;&lt;u&gt;"))
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

    @Test func ordersAreCarriedOutWhereTheyAreAllowed() async {
        let orders = Orders()
        let lifecycle = Lifecycle(
            reload: {
                orders.reloads.withLock { $0 += 1 }
                return orders.fault.withLock { $0 }
            }, quit: { orders.quits.withLock { $0 += 1 } })
        func answer(
            _ method: String, _ target: String, _ headers: ServerHeaders = [:], allowed: Bool = true
        ) async -> ServerResponse {
            await StatusRouter(pages: pages, registry: registry, lifecycle: allowed ? lifecycle : nil)
                .respond(ServerRequest(method: method, target: target, headers: headers))
        }
        for method in ["POST", "PUT"] {
            let refused = await answer(method, "/-/reload", allowed: false)
            #expect(refused.status == 403 && text(refused).hasPrefix("Lifecycle API is not enabled."))
            #expect(await answer(method, "/-/reload").status == 200)
        }
        #expect(orders.reloads.withLock { $0 } == 2 && orders.quits.withLock { $0 } == 0)
        let get = await answer("GET", "/-/quit")
        #expect(get.status == 405 && get.headers["Allow"] == "POST, PUT")
        orders.fault.withLock { $0 = "f.yml:1:2: no" }
        let failed = await answer("POST", "/-/reload")
        #expect(failed.status == 500 && text(failed) == "failed to reload config: f.yml:1:2: no\n")
        let foreign = await answer("POST", "/-/quit", ["Sec-Fetch-Site": "cross-site"])
        #expect(foreign.status == 403 && orders.quits.withLock { $0 } == 0)
        #expect(text(await answer("POST", "/-/quit")) == "Requesting termination... Goodbye!")
        #expect(text(await answer("POST", "/-/quit")) == "Termination already in progress.")
        #expect(orders.quits.withLock { $0 } == 1)
        #expect(
            registry.render().contains(
                "prometheus_http_requests_total{code=\"500\",handler=\"/-/reload\"} 1\n"))
        // Everything else is answered as ever.
        #expect(await answer("GET", "/-/healthy").status == 200)
    }
}
