import HTTPTransport
import Testing

@Suite(.timeLimit(.minutes(1)))
struct TransferTests {
    /// gzip of a megabyte of zeros: 1,051 bytes, most of them zero themselves.
    static let bomb =
        bytes(hex: "1f8b0800000000000203edc13101000000c2a0f54f6d085fa0") + [UInt8](repeating: 0, count: 1_016)
        + bytes(hex: "3e031cea38a700001000")

    @Test func anAnnouncedLengthAboveTheLimitIsRefusedAtOnce() async throws {
        let serve: @Sendable (Connection) -> Void = { connection in
            guard connection.readRequest() != nil else { return }
            connection.write("HTTP/1.1 200 OK\r\nContent-Length: 50000000\r\n\r\nx")
            connection.waitForClose()
        }
        try await RawServer.with(serve) { server in
            try await withClient { client in
                let error = await failure(of: HTTPRequest(url: server.url(), bodyLimitBytes: 1_000), client)
                #expect(error?.code == .bodyTooLarge)
                #expect(error?.message.contains("50000000") == true)
            }
        }
    }

    /// What comes behind the status is not worth sending the whole request again.
    @Test(
        arguments: [
            ("200 OK", "Content-Encoding: snappy\r\nContent-Length: 0\r\n\r\n"),
            ("200 OK", "Content-Encoding: gzip\r\nContent-Length: 0\r\n\r\n"),
            ("200 OK", "Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nfour"),
            ("202 Accepted", "Content-Length: 50000000\r\n\r\nx"),
            ("200 OK", "\r\n" + String(repeating: "x", count: 3_000)),
            ("200 OK", "Content-Length: 9\r\n\r\nshort"),
            ("204 No Content", "\r\n"),
            ("400 Bad Request", "\r\n" + String(repeating: "x", count: 3_000)),
        ], [HTTPMethod.get, .post])
    func aStatusAloneIsAnAnswerWhereNoBodyIsRequired(
        answer: (status: String, rest: String), method: HTTPMethod
    ) async throws {
        let said = Array("HTTP/1.1 \(answer.status)\r\nX: y\r\n\(answer.rest)".utf8)
        try await RawServer.sayingOnce(said) { server in
            try await withClient { client in
                var request = HTTPRequest(
                    method: method, url: server.url(), bodyLimitBytes: 1_000, takesBodySlot: method == .get)
                request.requiresBody = false
                let got = try await client.perform(request)
                #expect("\(got.status)" == answer.status.prefix(3))
                #expect(got.headers["X"] == "y" && got.body.count <= (got.status < 300 ? 0 : 1_000))
                #expect(server.acceptedCount == 1)
            }
        }
    }

    /// Nothing is known of what became of the request when no status came.
    @Test(arguments: ["", "HTTP/1.1 200 OK\r\nX: y\r\n", "HTTP/1.1 103 Early\r\n\r\n"])
    func withoutAWholeHeadThereIsNoAnswer(said: String) async throws {
        try await RawServer.sayingOnce(Array(said.utf8)) { server in
            try await withClient { client in
                for method in [HTTPMethod.get, .post] {
                    var request = HTTPRequest(
                        method: method, url: server.url(), takesBodySlot: method == .get)
                    request.requiresBody = false
                    #expect(await failure(of: request, client) != nil)
                }
            }
        }
    }

    /// libcurl hands the fields of a trailer over as it does those of the head.
    @Test(arguments: [
        ("HTTP/1.1: x", "5\r\nup 1\n\r\n"), ("HTTP/1.1 200 OK: x", "5\r\nup 1\n\r\n"),
        ("Y: trailer", "5\r\nup 1\n\r\n"), ("Y: trailer", ""),
    ])
    func aTrailerChangesNothingOfTheHead(field: String, chunk: String) async throws {
        let head = "HTTP/1.1 200 OK\r\nY: head\r\nTransfer-Encoding: chunked\r\n\r\n"
        try await RawServer.saying("\(head)\(chunk)0\r\n\(field)\r\n\r\n") { server in
            try await withClient { client in
                let got = try await client.perform(HTTPRequest(url: server.url()))
                #expect(got.headers.all.filter { $0.name == "Y" }.map(\.value) == ["head"])
                #expect(got.body.count == (chunk.isEmpty ? 0 : 5))
            }
        }
    }

    @Test(arguments: [true, false])
    func aLongLineAndALongHeadAreRefused(isPlain: Bool) async throws {
        let line = "X: " + String(repeating: "x", count: 15_000)
        for (fields, isTaken) in [
            ([line, line], true), ([line + String(repeating: "x", count: 2_000)], false),
            ([line, line, line], false),
        ] {
            try await RawServer.saying(answer("a 1\n", headers: fields)) { server in
                try await withClient { client in
                    let request = HTTPRequest(url: server.url(), takesBodySlot: isPlain)
                    if isTaken {
                        let got = try await client.perform(request)
                        #expect(got.body.count == 4)
                    } else {
                        #expect(await failure(of: request, client)?.code == .malformedResponse)
                    }
                }
            }
        }
    }

    @Test(arguments: [false, true])
    func anEndlessBodyIsCutAtTheLimit(takesSlot: Bool) async throws {
        let serve: @Sendable (Connection) -> Void = { connection in
            guard connection.readRequest() != nil else { return }
            connection.write("HTTP/1.1 200 OK\r\n\r\n")
            let line = [UInt8](repeating: 0x61, count: 65_536)
            while connection.write(line) {}
        }
        try await RawServer.with(serve) { server in
            try await withClient { client in
                let request = HTTPRequest(
                    url: server.url(), bodyLimitBytes: 3 << 20, takesBodySlot: takesSlot)
                #expect(await failure(of: request, client)?.code == .bodyTooLarge)
            }
        }
    }

    @Test func aBodyOfExactlyTheLimitIsTaken() async throws {
        try await RawServer.saying(answer(String(repeating: "x", count: 1_000))) { server in
            try await withClient { client in
                let exact = HTTPRequest(url: server.url(), bodyLimitBytes: 1_000)
                let got = try await client.perform(exact)
                #expect(got.body.count == 1_000)
                let short = HTTPRequest(url: server.url(), bodyLimitBytes: 999)
                #expect(await failure(of: short, client)?.code == .bodyTooLarge)
            }
        }
    }

    @Test func aLargeBodyThatAnnouncesItsLengthTakesNoMore() async throws {
        let length = 5_000_000
        try await RawServer.saying(answer(String(repeating: "x", count: length))) { server in
            try await withClient { client in
                let got = try await client.perform(HTTPRequest(url: server.url(), takesBodySlot: true))
                #expect(got.body.count == length)
                // Doubled from a megabyte it would be eight.
                #expect(got.body.bytes.capacity < length + 65_536)
            }
        }
    }

    @Test func theLimitCountsDecodedBytes() async throws {
        let head = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: \(Self.bomb.count)\r\n\r\n"
        try await RawServer.sayingOnce(Array(head.utf8) + Self.bomb) { server in
            try await withClient { client in
                let request = HTTPRequest(url: server.url(), bodyLimitBytes: 64 << 10, acceptGzip: true)
                #expect(await failure(of: request, client)?.code == .bodyTooLarge)
                let roomy = HTTPRequest(url: server.url(), bodyLimitBytes: 2 << 20, acceptGzip: true)
                let got = try await client.perform(roomy)
                #expect(got.body.count == 1 << 20)
            }
        }
    }
}
