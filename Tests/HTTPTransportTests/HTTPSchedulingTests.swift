import HTTPTransport
import Platform
import Synchronization
import Testing

/// Exchanges that begin by themselves, through the client and through tasks.
@Suite(.timeLimit(.minutes(1)))
struct HTTPSchedulingTests {
    /// Asks for `url`, or for nothing, and tells how it went.
    private final class Probe: HTTPExchange {
        private let url: String?
        private let clock = SystemClock()
        private let began = Mutex<[UInt64]>([])
        private let ends = Mutex<[Result<Int, HTTPError>]>([])
        private let ended = AsyncStream.makeStream(of: Result<Int, HTTPError>.self)

        init(_ url: String?) { self.url = url }

        var beganNs: [UInt64] { began.withLock { $0 } }
        var endCount: Int { ends.withLock { $0.count } }

        func begin() -> HTTPRequest? {
            began.withLock { $0.append(clock.monotonicNs) }
            if url == nil { ended.continuation.yield(.success(0)) }
            return url.map { HTTPRequest(url: $0, timeoutMs: 20_000, takesBodySlot: true) }
        }

        func end(_ result: Result<HTTPResponse, HTTPError>) {
            let brief = result.map(\.status)
            ends.withLock { $0.append(brief) }
            ended.continuation.yield(brief)
        }

        /// How it ended; status 0 when there was nothing to ask.
        func result() async -> Result<Int, HTTPError>? {
            var results = ended.stream.makeAsyncIterator()
            return await results.next()
        }

        func status() async -> Int? {
            guard case .success(let status)? = await result() else { return nil }
            return status
        }

        func code() async -> HTTPError.Code? {
            guard case .failure(let error)? = await result() else { return nil }
            return error.code
        }
    }

    private let clock = SystemClock()
    private var farNs: UInt64 { clock.monotonicNs + 3_600_000_000_000 }

    @Test func anExchangeBeginsAtItsTimeAndEndsOnce() async throws {
        try await RawServer.saying(answer("a 1\n")) { server in
            try await withClient { client in
                let late = Probe(server.url())
                let soon = Probe(server.url())
                client.schedule(late, atNs: farNs)
                let atNs = clock.monotonicNs + 50_000_000
                client.schedule(soon, atNs: atNs)
                #expect(await soon.status() == 200)
                // At most a millisecond early.
                #expect(soon.beganNs.count == 1 && soon.beganNs[0] + 1_000_000 >= atNs)
                #expect(soon.endCount == 1)
                #expect(late.beganNs.isEmpty && late.endCount == 0)
            }
        }
    }

    @Test func onesThatAreDueAlreadyBeginInOrder() async throws {
        try await RawServer.saying(answer("a 1\n")) { server in
            try await withClient { client in
                let probes = (0..<20).map { _ in Probe(server.url()) }
                for probe in probes { client.schedule(probe, atNs: 0) }
                for probe in probes { #expect(await probe.status() == 200) }
                let began = probes.flatMap(\.beganNs)
                #expect(began.count == 20 && began == began.sorted())
            }
        }
    }

    @Test func anExchangeMayAskNothing() async throws {
        try await withClient { client in
            let probe = Probe(nil)
            client.schedule(probe, atNs: 0)
            #expect(await probe.status() == 0)
            #expect(probe.endCount == 0)
        }
    }

    @Test func aCancelledOneEndsAtOnce() async throws {
        try await RawServer.with({ $0.waitForClose() }) { server in
            try await withClient { client in
                let waiting = Probe(server.url())
                client.cancel(client.schedule(waiting, atNs: farNs))
                #expect(await waiting.code() == .cancelled)
                #expect(waiting.beganNs.isEmpty)
                let begun = Probe(server.url())
                let id = client.schedule(begun, atNs: 0)
                while server.acceptedCount == 0 { await Task.yield() }
                client.cancel(id)
                #expect(await begun.code() == .cancelled)
                client.cancel(id)
            }
        }
    }

    @Test func shutDownEndsThoseThatWaitAndThoseThatComeLater() async throws {
        let before = Probe("http://127.0.0.1:1/")
        let after = Probe("http://127.0.0.1:1/")
        try await withClient { client in
            client.schedule(before, atNs: farNs)
            client.shutDown()
            #expect(await before.code() == .shutDown)
            client.schedule(after, atNs: 0)
            #expect(await after.code() == .shutDown)
        }
    }

    /// A handle configured for one kind of request is used for another, and for its own kind again.
    @Test func requestsOfDifferentKindsDoNotMix() async throws {
        let serve: @Sendable (Connection) -> Void = { connection in
            while let request = connection.readRequest() {
                let head = request.head.lowercased()
                let gzip = head.contains("accept-encoding: gzip") ? "gzip" : "plain"
                let kind = head.contains("x-kind: b") ? "b" : head.contains("x-kind: a") ? "a" : "none"
                let path = request.head.split(separator: " ")[1]
                let method = request.head.split(separator: " ")[0]
                connection.write(answer("\(method) \(path) \(kind) \(gzip)"))
            }
        }
        try await RawServer.with(serve) { server in
            try await withClient { client in
                func ask(_ path: String, _ kind: String?, gzip: Bool, body: [UInt8] = []) async -> String {
                    let request = HTTPRequest(
                        method: body.isEmpty ? .get : .post, url: server.url(path),
                        headers: kind.map { [HTTPHeader(name: "X-Kind", value: $0)] } ?? [], body: body,
                        acceptGzip: gzip)
                    do throws(HTTPError) {
                        return try await client.perform(request).body.text
                    } catch {
                        return "\(error)"
                    }
                }
                for round in 0..<3 {
                    #expect(await ask("/\(round)", "a", gzip: true) == "GET /\(round) a gzip")
                    #expect(await ask("/x\(round)", "a", gzip: true) == "GET /x\(round) a gzip")
                    #expect(await ask("/p", nil, gzip: false, body: [65]) == "POST /p none plain")
                    #expect(await ask("/\(round)", "b", gzip: false) == "GET /\(round) b plain")
                    #expect(await ask("/\(round)", nil, gzip: false) == "GET /\(round) none plain")
                }
                #expect(server.acceptedCount == 1)
            }
        }
    }
}
