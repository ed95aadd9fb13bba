import AWS
import HTTPTransport
import Platform
import StandIns
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1)))
struct StandInAMPTests {
    private static let key = Credentials(accessKeyID: "AKID", secretAccessKey: "secret")
    let client = TestClient(credentials: key)
    let nowMs = SystemClock().wallMs

    private func body(_ value: Double = 1, atMs: Int64? = nil, name: String = "up") -> [UInt8] {
        WireRequest.body([
            WireRequest(labels: [("__name__", name), ("job", "a")], samples: [(atMs ?? nowMs, value)])
        ])
    }

    private func withEndpoint(
        _ configuration: AMPConfiguration = AMPConfiguration(credentials: key),
        _ run: (StandInAMP) async throws -> Void
    ) async throws {
        let endpoint = try await StandInAMP.start(configuration)
        do {
            try await run(endpoint)
        } catch {
            await endpoint.stop()
            throw error
        }
        await endpoint.stop()
    }

    @Test func takesASignedRequest() async throws {
        try await withEndpoint { endpoint async throws in
            #expect(try await client.write(endpoint.url, body(42)).status == 200)
            let counts = endpoint.counts
            #expect(counts.requests == 1)
            #expect(counts.answers == ["200": 1])
            #expect(counts.signaturesChecked == 1)
            #expect(counts.samples == 1)
            #expect(counts.jobs == ["a": 1])
            #expect(counts.series == 1)
            #expect(counts.compressedBytes == UInt64(body(42).count))
            #expect(endpoint.latest([("__name__", "up"), ("job", "a")])?.value == 42)
        }
    }

    @Test func tellsWhatHasArrivedSinceItWasLastAsked() async throws {
        try await withEndpoint(AMPConfiguration(credentials: Self.key, keepsArrivals: true)) {
            endpoint async throws in
            let page = "http://127.0.0.1:\(endpoint.port)/arrivals"
            _ = try await client.write(endpoint.url, body(name: "m"))
            let all = try await client.get("\(page)?since=0").text
            let first = try #require(ArrivalChanges(text: all))
            #expect(first.scrapes.map(\.timestampMs) == [nowMs])
            _ = try await client.write(endpoint.url, body(atMs: nowMs + 1, name: "m"))
            let new = try await client.get("\(page)?since=\(first.next)").text
            let second = try #require(ArrivalChanges(text: new))
            #expect(second.scrapes.map(\.timestampMs) == [nowMs + 1])
            #expect(ArrivedScrape.all(in: try await client.get(page).text)?.count == 2)
            #expect(try await client.get("\(page)?since=x").status == 400)
        }
    }

    @Test func refusesWhatIsNotSignedRightly() async throws {
        try await withEndpoint { endpoint async throws in
            let unsigned = try await TestClient().write(endpoint.url, body())
            #expect(unsigned.status == 403)
            #expect(unsigned.text == "{\"message\":\"Missing Authentication Token\"}")
            let wrong = TestClient(credentials: Credentials(accessKeyID: "AKID", secretAccessKey: "wrong"))
            #expect(try await wrong.write(endpoint.url, body()).status == 403)
            let late = TestClient(credentials: Self.key, clock: ManualClock(wallMs: nowMs - 600_000))
            #expect(try await late.write(endpoint.url, body()).text.contains("Signature expired"))
            #expect(endpoint.counts.signaturesRefused == 3)
            #expect(endpoint.counts.samples == 0)
        }
    }

    @Test(arguments: [
        ("Content-Type", "text/plain"), ("Content-Encoding", "gzip"),
        ("X-Prometheus-Remote-Write-Version", "2.0.0"),
        ("X-Scope-OrgID", "me"),
    ])
    func refusesWrongHeaders(name: String, value: String) async throws {
        try await withEndpoint { endpoint async throws in
            let answer = try await client.write(
                endpoint.url, body(), headers: [HTTPHeader(name: name, value: value)])
            #expect(answer.status == 400)
            #expect(answer.text.contains(name))
            #expect(endpoint.counts.malformed == 1)
        }
    }

    @Test func refusesWhatItCannotRead() async throws {
        try await withEndpoint { endpoint async throws in
            #expect(try await client.write(endpoint.url, [1, 2, 3]).text.hasPrefix("snappy: "))
            #expect(
                try await client.write(endpoint.url, WireRequest.snappy([0xFF])).text.hasPrefix("proto: "))
            #expect(endpoint.counts.malformed == 2)
        }
    }

    @Test func refusalsReadLikeAMPs() async throws {
        try await withEndpoint { endpoint async throws in
            _ = try await client.write(endpoint.url, body())
            let answer = try await client.write(endpoint.url, body(atMs: nowMs - 70_000))
            #expect(answer.status == 400)
            #expect(answer.text.hasPrefix("user=123456789012_ws-demo: err: out of order sample. timestamp="))
            #expect(try await client.write(endpoint.url, body(atMs: nowMs - 50_000)).status == 200)
            #expect(
                try await client.write(endpoint.url, body(atMs: nowMs - 3_700_000, name: "old")).status == 400
            )
            #expect(
                try await client.write(endpoint.url, body(name: "a-b")).text.contains("invalid metric name"))
            #expect(endpoint.counts.outOfOrder == 2)
            #expect(endpoint.counts.tooOld == 1)
            #expect(endpoint.counts.labelFaults == 1)
        }
    }

    @Test func tooLargeIs413() async throws {
        try await withEndpoint { endpoint async throws in
            endpoint.setRequestLimit(bytes: 10)
            #expect(try await client.write(endpoint.url, body()).status == 413)
            endpoint.setRequestLimit(bytes: 1_000)
            #expect(try await client.write(endpoint.url, body()).status == 200)
        }
    }

    @Test func otherPathsAndMethods() async throws {
        try await withEndpoint { endpoint async throws in
            let base = "http://127.0.0.1:\(endpoint.port)"
            #expect(
                try await client.write(base + "/workspaces/other/api/v1/remote_write", body()).status == 404)
            #expect(try await client.write(base + "/remote_write", body()).status == 404)
            #expect(try await client.get(endpoint.url).status == 405)
        }
    }

    @Test func aDelayComesBackBehindAFaultThatEnds() async throws {
        let clock = ManualClock(wallMs: nowMs)
        let endpoint = try await StandInAMP.start(AMPConfiguration(credentials: Self.key), clock: clock)
        func takenMs() async throws -> Int64 {
            let beginMs = SystemClock().wallMs
            #expect(try await client.write(endpoint.url, body()).status == 200)
            return SystemClock().wallMs - beginMs
        }
        endpoint.setFault(.delay(ms: 300))
        for _ in 0..<2 {
            endpoint.setFault(.status(503, retryAfter: nil, body: ""), forMs: 1_000)
            endpoint.setFault(.status(429, retryAfter: nil, body: ""), requests: 1)
            #expect(try await client.write(endpoint.url, body()).status == 429)
            #expect(try await takenMs() >= 290)
            endpoint.setFault(.status(503, retryAfter: nil, body: ""), forMs: 1_000)
            #expect(try await client.write(endpoint.url, body()).status == 503)
            clock.advance(ms: 1_000)
            #expect(try await takenMs() >= 290)
        }
        // An order without an end is for good. A delay that came back would be longer than the client waits.
        endpoint.setFault(.delay(ms: 3_600_000))
        endpoint.setFault(.status(503, retryAfter: nil, body: ""), forMs: 1_000)
        endpoint.setFault(nil)
        _ = try await takenMs()
        await endpoint.stop()
    }

    @Test func faultsLastAsLongAsTheyAreOrdered() async throws {
        let clock = ManualClock(wallMs: nowMs)
        let endpoint = try await StandInAMP.start(AMPConfiguration(credentials: Self.key), clock: clock)
        endpoint.setFault(.status(429, retryAfter: "7", body: "{}"), requests: 2)
        for _ in 0..<2 {
            let answer = try await client.write(endpoint.url, body())
            #expect(answer.status == 429)
            #expect(answer.retryAfter == "7")
        }
        #expect(try await client.write(endpoint.url, body()).status == 200)
        endpoint.setFault(.status(503, retryAfter: nil, body: ""), forMs: 1_000)
        #expect(try await client.write(endpoint.url, body()).status == 503)
        clock.advance(ms: 1_000)
        #expect(try await client.write(endpoint.url, body()).status == 200)
        endpoint.setFault(.status(403, retryAfter: nil, body: ""))
        #expect(try await client.write(endpoint.url, body()).status == 403)
        endpoint.setFault(nil)
        #expect(try await client.write(endpoint.url, body()).status == 200)
        #expect(endpoint.counts.answers == ["200": 3, "403": 1, "429": 2, "503": 1])
        // A refused body has crossed the network, too.
        #expect(endpoint.counts.receivedBytes == UInt64(7 * body().count))
        await endpoint.stop()
    }

    @Test func connectionFaultsTellWhetherTheRequestWasTaken() async throws {
        try await withEndpoint { endpoint async throws in
            endpoint.setFault(.close)
            await #expect(throws: HTTPError.self) { _ = try await client.write(endpoint.url, body(1)) }
            while endpoint.counts.requests < 1 { await Task.yield() }
            #expect(endpoint.counts.samples == 0)
            endpoint.setFault(.takeThenClose)
            await #expect(throws: HTTPError.self) { _ = try await client.write(endpoint.url, body(1)) }
            while endpoint.counts.requests < 2 { await Task.yield() }
            #expect(endpoint.counts.samples == 1)
            endpoint.setFault(.hang)
            await #expect(throws: HTTPError.self) {
                _ = try await client.write(endpoint.url, body(1, name: "b"), timeoutMs: 2_000)
            }
            // The handler goes on when the client is gone.
            while endpoint.counts.requests < 3 { await Task.yield() }
            #expect(endpoint.counts.samples == 2)
            endpoint.setFault(.takeThenStatus(500))
            #expect(try await client.write(endpoint.url, body(1, name: "c")).status == 500)
            #expect(endpoint.counts.samples == 3)
            endpoint.setFault(nil)
            #expect(try await client.write(endpoint.url, body(1)).status == 200)
            #expect(endpoint.counts.duplicates == 1)
            #expect(endpoint.counts.answers["0"] == 3)
        }
    }

    @Test func anotherProcessAsksAndGivesOrders() async throws {
        try await withEndpoint(AMPConfiguration(keepsHistory: true)) { endpoint async throws in
            let base = "http://127.0.0.1:\(endpoint.port)"
            let plain = TestClient()
            _ = try await plain.write(endpoint.url, body(.infinity))
            #expect(try await plain.get(base + "/stats").text.contains("\"samples\":1"))
            #expect(
                try await plain.get(base + "/series").text
                    == "[{\"labels\":{\"__name__\":\"up\",\"job\":\"a\"},"
                    + "\"samples\":[{\"timestampMs\":\(nowMs),\"value\":\"+Inf\"}]}]\n")
            let asked = "[{\"job\":\"a\",\"__name__\":\"up\"},{\"__name__\":\"up\"}]"
            #expect(
                try await plain.post(base + "/latest", json: asked).text
                    == "[{\"timestampMs\":\(nowMs),\"value\":\"+Inf\"},null]\n")
            let order = "{\"fault\":\"status\",\"status\":503,\"requests\":1,\"retryAfter\":\"1\"}"
            #expect(try await plain.post(base + "/fault", json: order).status == 200)
            #expect(try await plain.write(endpoint.url, body()).status == 503)
            #expect(try await plain.write(endpoint.url, body(.infinity)).status == 200)
            for wrong in ["", "{}", "{\"fault\":\"fire\"}"] {
                #expect(try await plain.post(base + "/fault", json: wrong).status == 400)
            }
            #expect(endpoint.counts.requests == 3)
        }
    }

    @Test func verifiesOneRequestInThreeAndCountsAll() async throws {
        let configuration = AMPConfiguration(credentials: Self.key, verifiesOneIn: 3)
        try await withEndpoint(configuration) { endpoint async throws in
            for index in 0..<6 {
                // Only a request that is verified needs its signature.
                let sender = index % 3 == 0 ? client : TestClient()
                let answer = try await sender.write(
                    endpoint.url, body(atMs: nowMs - 1_000, name: "s\(index)"))
                #expect(answer.status == 200)
            }
            #expect(try await TestClient().write(endpoint.url, body()).status == 403)
            #expect(try await TestClient().write(endpoint.url, [1, 2, 3]).text.hasPrefix("snappy: "))
            #expect(
                try await TestClient().write(endpoint.url, WireRequest.snappy([0xFF])).text.hasPrefix(
                    "proto: "))
            let counts = endpoint.counts
            #expect(counts.samples == 6)
            #expect(counts.series == 2)
            #expect(counts.signaturesChecked == 2)
            #expect(counts.malformed == 2)
        }
    }

    @Test func tellsHowOldSamplesWere() async throws {
        try await withEndpoint(AMPConfiguration(verifiesOneIn: 2)) { endpoint async throws in
            for index in 0..<2 {
                let body = body(atMs: SystemClock().wallMs - 20_000, name: "s\(index)")
                _ = try await TestClient().write(endpoint.url, body)
            }
            let page = try await TestClient().get("http://127.0.0.1:\(endpoint.port)/ages").text
            let ages = try #require(SampleAges(text: page))
            #expect(ages == endpoint.ages)
            #expect(ages.samples == 2)
            #expect((20_000...60_000).contains(ages.quantile(1)))
        }
    }

    @Test func anEmptyRequestIsAProbe() async throws {
        try await withEndpoint { endpoint async throws in
            #expect(try await client.write(endpoint.url, [0]).status == 200)
            #expect(endpoint.counts.samples == 0)
        }
    }
}
