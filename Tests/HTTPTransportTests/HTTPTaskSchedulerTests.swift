import HTTPTransport
import Platform
import Synchronization
import TestSupport
import Testing

/// Exchanges for those who can only perform.
@Suite(.timeLimit(.minutes(1)))
struct HTTPTaskSchedulerTests {
    private struct Answering: HTTPPerforming {
        func perform(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse {
            guard request.url != "fail" else { throw HTTPError(.connect, "nobody there") }
            return HTTPResponse(status: 200)
        }
    }

    private final class Probe: HTTPExchange {
        private let url: String?
        private let log = Mutex<[String]>([])

        init(_ url: String?) { self.url = url }

        func begin() -> HTTPRequest? {
            log.withLock { $0.append("begin") }
            return url.map { HTTPRequest(url: $0) }
        }

        func end(_ result: Result<HTTPResponse, HTTPError>) {
            log.withLock { log in
                switch result {
                case .success(let response): log.append("\(response.status)")
                case .failure(let error): log.append(error.code.rawValue)
                }
            }
        }

        var events: [String] { log.withLock { $0 } }

        func wait(forEvents count: Int) async {
            while events.count < count { await Task.yield() }
        }
    }

    @Test func beginsAtItsTimeAndEnds() async {
        let clock = ManualClock()
        let scheduler = HTTPTaskScheduler(Answering(), clock: clock)
        let well = Probe("well")
        let failing = Probe("fail")
        let silent = Probe(nil)
        for probe in [well, failing, silent] {
            scheduler.schedule(probe, atNs: clock.monotonicNs + 5_000_000)
        }
        while clock.sleeperCount < 3 { await Task.yield() }
        clock.advance(ms: 4)
        #expect(well.events.isEmpty)
        clock.advance(ms: 1)
        await well.wait(forEvents: 2)
        await failing.wait(forEvents: 2)
        await silent.wait(forEvents: 1)
        #expect(well.events == ["begin", "200"])
        #expect(failing.events == ["begin", "connect"])
        #expect(silent.events == ["begin"])
    }

    private final class BodyProbe: HTTPExchange {
        private let url: String
        private let ended = AsyncStream.makeStream(of: Result<HTTPResponse, HTTPError>.self)

        init(_ url: String) { self.url = url }

        func begin() -> HTTPRequest? { HTTPRequest(url: url, takesBodySlot: true) }
        func end(_ result: Result<HTTPResponse, HTTPError>) { ended.continuation.yield(result) }

        func response() async throws -> HTTPResponse {
            var results = ended.stream.makeAsyncIterator()
            return try #require(await results.next()).get()
        }
    }

    /// The worker that parses it decodes it, and not one of the few threads that all tasks share.
    @Test func aBodyInGzipIsLeftToWhoReadsIt() async throws {
        let packed = gzip("a 1\n")
        let head = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: \(packed.count)\r\n\r\n"
        try await RawServer.sayingOnce(Array(head.utf8) + packed) { server in
            try await withClient { client in
                let scheduler = HTTPTaskScheduler(client, clock: SystemClock())
                let probe = BodyProbe(server.url())
                scheduler.schedule(probe, atNs: 0)
                let response = try await probe.response()
                #expect(response.body.bytes == packed)
                let decoded = try response.decoded()
                #expect(decoded.body.text == "a 1\n")
            }
        }
    }

    @Test func aCancelledOneDoesNotBegin() async {
        let clock = ManualClock()
        let scheduler = HTTPTaskScheduler(Answering(), clock: clock)
        let probe = Probe("well")
        let id = scheduler.schedule(probe, atNs: clock.monotonicNs + 5_000_000)
        scheduler.cancel(id)
        await probe.wait(forEvents: 1)
        #expect(probe.events == ["cancelled"])
        scheduler.cancel(id)
    }
}
