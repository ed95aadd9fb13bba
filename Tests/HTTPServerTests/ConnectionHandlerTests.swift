import HTTPServer
import Platform
import Synchronization
import TestSupport
import Testing

/// Framing, the end of connections, and stopping.
@Suite(.timeLimit(.minutes(1)))
struct ConnectionHandlerTests {
    private func answer(_ response: ServerResponse) async throws -> String {
        let server = try await HTTPServer.start { _ in response }
        let client = try await RawClient.connect(port: server.port)
        try await client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        let text = try await client.readToEnd()
        await server.stop(graceMs: 0)
        return text
    }

    @Test func sendsChunks() async throws {
        let response = ServerResponse(
            body: Array("abcde".utf8), closesConnection: true, framing: .chunked(pieceBytes: 2))
        let text = try await answer(response)
        #expect(text.lowercased().contains("transfer-encoding: chunked\r\n"))
        #expect(text.hasSuffix("\r\n\r\n2\r\nab\r\n2\r\ncd\r\n1\r\ne\r\n0\r\n\r\n"))
    }

    @Test func leavesFramingFieldsOfTheHandlerOut() async throws {
        let text = try await answer(
            ServerResponse(
                headers: ["Content-Length": "99", "connection": "keep-alive", "X-Kept": "1"], body: [0x61],
                closesConnection: true))
        #expect(text.lowercased().contains("content-length: 1\r\n"))
        #expect(!text.contains("99"))
        #expect(text.contains("X-Kept: 1\r\n"))
    }

    @Test func datesEveryAnswer() async throws {
        let text = try await answer(ServerResponse(closesConnection: true))
        let date = try #require(text.split(separator: "\r\n").first { $0.hasPrefix("Date: ") })
        #expect(Timestamp.parseHTTPDate(String(date.dropFirst(6))) != nil)
        let own = try await answer(ServerResponse(headers: ["date": "yesterday"], closesConnection: true))
        #expect(own.contains("date: yesterday\r\n"))
        #expect(!own.contains("Date: "))
    }

    @Test(arguments: [204, 304])
    func answersWithoutABodyWhereThereIsNone(status: Int) async throws {
        let text = try await answer(ServerResponse(status: status, body: [0x61], closesConnection: true))
        #expect(text.hasSuffix("\r\n\r\n"))
        #expect(!text.lowercased().contains("content-length"))
    }

    @Test func theHandlerIsCancelledWhenThePeerGoes() async throws {
        let cancelled = Mutex(false)
        let server = try await HTTPServer.start { _ in
            // Nobody moves this clock: it ends with its task.
            do { try await ManualClock().sleep(forMs: 1) } catch { cancelled.withLock { $0 = true } }
            return ServerResponse()
        }
        var client: RawClient? = try await RawClient.connect(port: server.port)
        try await client?.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        while server.statistics.requests == 0 { await Task.yield() }
        client = nil
        while !cancelled.withLock({ $0 }) { await Task.yield() }
        await server.stop(graceMs: 0)
    }

    @Test func aRequestInHandIsFinishedWhenTheServerStops() async throws {
        let (gate, open) = AsyncStream<Void>.makeStream()
        let server = try await HTTPServer.start { _ in
            for await _ in gate { break }
            return ServerResponse(text: "finished")
        }
        let client = try await RawClient.connect(port: server.port)
        let idle = try await RawClient.connect(port: server.port)
        try await client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        while server.statistics.requests == 0 || server.statistics.connections < 2 { await Task.yield() }
        async let stopped: Void = server.stop(graceMs: 600_000)
        #expect(try await idle.readToEnd().isEmpty)
        open.yield()
        let text = try await client.readToEnd()
        #expect(text.hasSuffix("finished"))
        #expect(text.lowercased().contains("connection: close"))
        await stopped
        // Another test's server may have the port by now: whoever answers there, it is not this one.
        let late = try? await RawClient.connect(port: server.port)
        try? await late?.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        #expect(server.statistics.requests == 1)
        #expect(server.statistics.connections == 0)
    }

    @Test func stoppingDoesNotWaitLongerThanItsGrace() async throws {
        let server = try await HTTPServer.start { _ in
            // Cancelled by the stop; what it returns then is never sent.
            try? await ManualClock().sleep(forMs: 1)
            return ServerResponse()
        }
        let client = try await RawClient.connect(port: server.port)
        try await client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        while server.statistics.requests == 0 { await Task.yield() }
        await server.stop(graceMs: 10)
        #expect(try await client.readToEnd().isEmpty)
        await server.stop(graceMs: 10)
    }

    @Test func aPeerThatDoesNotReadIsGivenUp() async throws {
        // Far more than the buffers of two sockets.
        let body = [UInt8](repeating: 0x61, count: 32 << 20)
        let server = try await HTTPServer.start(limits: ServerLimits(transferTimeoutMs: 50)) { _ in
            ServerResponse(body: body)
        }
        let client = try await RawClient.connect(port: server.port)
        try await client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        while server.statistics.timeouts == 0 { await Task.yield() }
        while server.statistics.connections > 0 { await Task.yield() }
        await server.stop(graceMs: 0)
    }

    @Test func pipelinedGarbageAfterARequestDoesNotHurtTheServer() async throws {
        let server = try await HTTPServer.start { _ in ServerResponse(text: "fine") }
        let client = try await RawClient.connect(port: server.port)
        try await client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n\u{0}\u{1}garbage\r\n\r\n")
        let text = try await client.readToEnd()
        #expect(text.isEmpty || text.hasPrefix("HTTP/1.1 "))
        let next = try await RawClient.connect(port: server.port)
        try await next.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        #expect(try await next.readToEnd().hasSuffix("fine"))
        await server.stop(graceMs: 0)
    }

    @Test func randomBytesDoNotHurtTheServer() async throws {
        let server = try await HTTPServer.start { request in ServerResponse(body: request.body) }
        var random = SystemRandomNumberGenerator()
        let seed = random.next()
        print("seed \(seed)")
        var state = seed
        let pieces = [
            "GET / HTTP/1.1\r\n", "Host: h\r\n", "\r\n", "Content-Length: 5\r\n", "abcde",
            "POST /x HTTP/1.1\r\n",
            "Transfer-Encoding: chunked\r\n", "5\r\nabcde\r\n", "0\r\n\r\n", "Expect: 100-continue\r\n",
            "\u{0}",
            "Connection: Upgrade\r\nUpgrade: websocket\r\n", " folded\r\n", "HTTP/1.0",
            "CONNECT a:1 HTTP/1.1\r\n",
        ]
        for _ in 0..<300 {
            let client = try await RawClient.connect(port: server.port)
            for _ in 0..<8 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                // The server may have closed already, which is its right.
                try? await client.send(pieces[Int(state >> 33) % pieces.count])
            }
        }
        let last = try await RawClient.connect(port: server.port)
        try await last.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        #expect(try await last.readToEnd().hasPrefix("HTTP/1.1 200 "))
        await server.stop(graceMs: 0)
        #expect(server.statistics.connections == 0)
    }
}
