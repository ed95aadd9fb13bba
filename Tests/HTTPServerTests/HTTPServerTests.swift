import HTTPServer
import Platform
import Synchronization
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1)))
struct HTTPServerTests {
    /// Runs `body` against a server that answers with what it was asked.
    private func withEcho(
        bodyLimitBytes: Int = 1_024, limits: ServerLimits = ServerLimits(), threads: Int = 1,
        _ body: (HTTPServer, RawClient) async throws -> Void
    ) async throws {
        let server = try await HTTPServer.start(
            bodyLimitBytes: bodyLimitBytes, threads: threads, limits: limits
        ) { request in
            let text = "\(request.method) \(request.path)?\(request.query) \(request.remoteAddress) "
            return ServerResponse(text: text + String(decoding: request.body, as: UTF8.self))
        }
        do {
            try await body(server, try await RawClient.connect(port: server.port))
        } catch {
            await server.stop(graceMs: 0)
            throw error
        }
        await server.stop(graceMs: 0)
    }

    @Test func answersARequestAndKeepsTheConnection() async throws {
        try await withEcho { server, client in
            for turn in 0..<3 {
                try await client.send("GET /a?b=\(turn) HTTP/1.1\r\nHost: h\r\n\r\n")
                let answer = try await client.read(until: "127.0.0.1 ")
                #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n"))
                #expect(answer.hasSuffix("\r\n\r\nGET /a?b=\(turn) 127.0.0.1 "))
                #expect(!answer.lowercased().contains("connection: close"))
            }
            #expect(server.statistics.requests == 3)
            #expect(server.statistics.accepted == 1)
        }
    }

    @Test func answersPipelinedRequestsInOrder() async throws {
        try await withEcho { server, client in
            let requests = (0..<20).map {
                "POST /\($0) HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n\($0 % 10)"
            }
            try await client.send(requests.joined())
            let answer = try await client.read(until: "POST /19? 127.0.0.1 9")
            let order = answer.split(separator: "\r\n").filter { $0.contains("POST /") }
            #expect(order.count == 20)
            #expect(order.enumerated().allSatisfy { $1.contains("/\($0)? ") })
            #expect(server.statistics.requests == 20)
        }
    }

    @Test func closesWhenAsked() async throws {
        try await withEcho { _, client in
            try await client.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            let answer = try await client.readToEnd()
            #expect(answer.lowercased().contains("connection: close"))
        }
    }

    @Test func closesAfterARequestOfHTTP10() async throws {
        try await withEcho { _, client in
            try await client.send("GET / HTTP/1.0\r\n\r\n")
            #expect(try await client.readToEnd().hasPrefix("HTTP/1.1 200"))
        }
    }

    @Test func headHasTheLengthAndNoBody() async throws {
        try await withEcho { _, client in
            try await client.send("HEAD /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            let answer = try await client.readToEnd()
            #expect(answer.lowercased().contains("content-length: 19\r\n"))
            #expect(answer.hasSuffix("\r\n\r\n"))
        }
    }

    @Test func chunkedRequestBodyIsJoined() async throws {
        try await withEcho { _, client in
            try await client.send(
                "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
            try await client.send("2\r\nde\r\n0\r\n\r\n")
            _ = try await client.read(until: "127.0.0.1 abcde")
        }
    }

    @Test func bodyOverTheLimitIs413AndThePeerSeesIt() async throws {
        try await withEcho { server, client in
            try await client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1025\r\n\r\n")
            try await client.send([UInt8](repeating: 0x61, count: 1_025))
            #expect(try await client.readToEnd().hasPrefix("HTTP/1.1 413 "))
            #expect(server.statistics.malformed == 1)
            #expect(server.statistics.requests == 0)
        }
    }

    @Test func chunkedBodyOverTheLimitIs413() async throws {
        try await withEcho { _, client in
            try await client.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
            try await client.send("400\r\n" + String(repeating: "a", count: 1_024) + "\r\n1\r\na\r\n")
            let answer = try await client.read(until: "allowed\n")
            #expect(answer.hasPrefix("HTTP/1.1 413 "))
            try await client.send("0\r\n\r\n")
            #expect(try await client.readToEnd().isEmpty)
        }
    }

    @Test func bodyOfExactlyTheLimitIsTaken() async throws {
        try await withEcho { _, client in
            try await client.send(
                "POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 1024\r\n\r\n")
            try await client.send([UInt8](repeating: 0x61, count: 1_024))
            #expect(try await client.readToEnd().hasPrefix("HTTP/1.1 200 "))
        }
    }

    @Test func continueIsSentBeforeTheBodyIsRead() async throws {
        try await withEcho { _, client in
            try await client.send(
                "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
            _ = try await client.read(until: "100 Continue\r\n\r\n")
            try await client.send("ok")
            _ = try await client.read(until: "127.0.0.1 ok")
        }
    }

    struct Bad: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let request: String
        let status: Int
    }

    static let bad = [
        Bad(testDescription: "no Host", request: "GET / HTTP/1.1\r\n\r\n", status: 400),
        Bad(
            testDescription: "two Hosts", request: "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", status: 400
        ),
        Bad(testDescription: "no HTTP", request: "nonsense\r\n\r\n", status: 400),
        Bad(testDescription: "a TLS hello", request: "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}", status: 400),
        Bad(
            testDescription: "negative length",
            request: "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n", status: 400),
        Bad(
            testDescription: "two framings",
            request: "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
            status: 400),
        Bad(
            testDescription: "one field too long",
            request: "GET / HTTP/1.1\r\nHost: h\r\nX: " + String(repeating: "a", count: 40_000) + "\r\n\r\n",
            status: 431),
        Bad(
            testDescription: "too many fields",
            request: "GET / HTTP/1.1\r\nHost: h\r\n" + (0..<200).map { "X\($0): a\r\n" }.joined() + "\r\n",
            status: 431),
    ]

    @Test(arguments: bad)
    func refuses(bad: Bad) async throws {
        try await withEcho { server, client in
            try await client.send(bad.request)
            let answer = try await client.read(until: "\r\n\r\n")
            #expect(answer.hasPrefix("HTTP/1.1 \(bad.status) "))
            #expect(server.statistics.malformed == 1)
        }
    }

    @Test func idleConnectionIsClosed() async throws {
        try await withEcho(limits: ServerLimits(idleTimeoutMs: 20)) { server, client in
            let text = try await client.readToEnd()
            #expect(text.isEmpty)
            #expect(server.statistics.timeouts == 0)
        }
    }

    @Test func bodyThatNeverComesIsATimeout() async throws {
        try await withEcho(limits: ServerLimits(transferTimeoutMs: 20)) { server, client in
            try await client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab")
            #expect(try await client.readToEnd().isEmpty)
            #expect(server.statistics.timeouts == 1)
        }
    }

    @Test func oneConnectionTooManyIsTurnedAway() async throws {
        try await withEcho(limits: ServerLimits(maxConnections: 1)) { server, client in
            try await client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            _ = try await client.read(until: "127.0.0.1 ")
            let second = try await RawClient.connect(port: server.port)
            #expect(try await second.readToEnd().hasPrefix("HTTP/1.1 503 "))
            #expect(server.statistics.refused == 1)
            try await client.send("GET /still HTTP/1.1\r\nHost: h\r\n\r\n")
            _ = try await client.read(until: "/still")
        }
    }

    @Test func severalThreadsServe() async throws {
        try await withEcho(threads: 2) { server, client in
            let others = [try await RawClient.connect(port: server.port), client]
            for other in others {
                try await other.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
                _ = try await other.read(until: "127.0.0.1 ")
            }
        }
    }

    @Test func largeAnswerArrivesWhole() async throws {
        // More than a socket's buffers hold, so that the write waits for the reader.
        var grown = (0..<4_001).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        while grown.count < 8_000_000 { grown += grown }
        let body = grown
        let server = try await HTTPServer.start { _ in ServerResponse(body: body) }
        let client = try await RawClient.connect(port: server.port)
        try await client.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        var all: [UInt8] = []
        while case let bytes = try await client.read(), !bytes.isEmpty { all += bytes }
        let sent = Array(all.dropFirst(all.count - body.count))
        #expect(sent == body)
        await server.stop()
    }

    @Test func aBusyPortIsAnErrorThatSaysWhere() async throws {
        try await withEcho { server, _ in
            let error = await #expect(throws: ServerError.self) {
                _ = try await HTTPServer.start(port: server.port) { _ in ServerResponse() }
            }
            #expect(
                error?.message
                    == "cannot listen on 127.0.0.1:\(server.port): another process listens there")
            #expect(error?.code == .listen)
        }
    }

    @Test(arguments: [
        ("192.0.2.1", "this machine has no such address"), ("no.such.host.invalid", "there is no such host"),
    ])
    func anAddressThatIsNotHereIsSaidInWords(host: String, why: String) async throws {
        let error = await #expect(throws: ServerError.self) {
            _ = try await HTTPServer.start(host: host, port: 0) { _ in ServerResponse() }
        }
        #expect(error?.message == "cannot listen on \(host):0: \(why)")
    }

    @Test func aPortOutOfRangeIsRefused() async throws {
        let error = await #expect(throws: ServerError.self) {
            _ = try await HTTPServer.start(port: 65_536) { _ in ServerResponse() }
        }
        #expect(error?.code == .badAddress)
    }
}
