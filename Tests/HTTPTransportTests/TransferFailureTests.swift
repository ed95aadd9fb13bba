import HTTPTransport
import Testing

/// A server's bytes and the error they must give.
struct BrokenAnswer: Sendable, CustomTestStringConvertible {
    let name: String
    let said: String
    let code: HTTPError.Code
    var testDescription: String { name }
}

extension BrokenAnswer {
    static let faults: [BrokenAnswer] = [
        BrokenAnswer(
            name: "body shorter than announced", said: "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nup 1\n",
            code: .truncated),
        BrokenAnswer(
            name: "chunk cut", said: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nup 1\n",
            code: .truncated),
        BrokenAnswer(
            name: "last chunk missing",
            said: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nup 1\n\r\n", code: .truncated),
        BrokenAnswer(
            name: "chunk size is no number",
            said: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nup 1\n\r\n",
            code: .malformedResponse),
        BrokenAnswer(name: "nothing at all", said: "", code: .connectionReset),
        BrokenAnswer(name: "headers cut", said: "HTTP/1.1 200 OK\r\nContent-Le", code: .truncated),
        BrokenAnswer(name: "not HTTP", said: "220 mail.example ESMTP\r\n", code: .malformedResponse),
        BrokenAnswer(name: "binary", said: "\u{1}\u{2}\u{3}\0\0\u{7F}", code: .malformedResponse),
        BrokenAnswer(
            name: "negative length", said: "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
            code: .malformedResponse),
        BrokenAnswer(
            name: "claimed gzip is text",
            said: "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nup 1\n",
            code: .badContentEncoding),
        BrokenAnswer(
            name: "endless header line",
            said: "HTTP/1.1 200 OK\r\nX-Long: " + String(repeating: "a", count: 400_000),
            code: .malformedResponse),
        BrokenAnswer(
            name: "endless headers",
            said: "HTTP/1.1 200 OK\r\n" + String(repeating: "X-Many: value\r\n", count: 20_000),
            code: .malformedResponse),
        BrokenAnswer(
            name: "endless interim responses",
            said: String(repeating: "HTTP/1.1 103 Early Hints\r\n\r\n", count: 20_000),
            code: .malformedResponse),
    ]
}

/// What the world does wrong, and the word for it.
@Suite(.timeLimit(.minutes(1)))
struct TransferFailureTests {
    @Test(arguments: BrokenAnswer.faults)
    func brokenResponsesAreNamed(fault: BrokenAnswer) async throws {
        try await RawServer.sayingOnce(Array(fault.said.utf8)) { server in
            try await withClient { client in
                let error = await failure(
                    of: HTTPRequest(url: server.url(), timeoutMs: 10_000, acceptGzip: true), client)
                #expect(error?.code == fault.code, "\(error?.message ?? "")")
                #expect(error?.message.contains("GET \(server.url()): ") == true)
            }
        }
    }

    @Test func httpsToAPortWithoutTLSIsSaidInWords() async throws {
        let plain: @Sendable (Connection) -> Void = { connection in
            // The client's hello is no request; an HTTP server says so.
            connection.write("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            _ = connection.readRequest()
        }
        try await RawServer.with(plain) { server in
            try await withClient { client in
                let url = server.url().replacing("http://", with: "https://")
                let error = await failure(of: HTTPRequest(url: url, timeoutMs: 10_000), client)
                #expect(error?.code == .tls)
                let message = error?.message ?? ""
                #expect(message.contains("the server does not speak TLS on this port"), "\(message)")
                #expect(!message.contains("SSL"), "\(message)")
            }
        }
    }

    @Test func aResetInTheMiddleIsNamed() async throws {
        let serve: @Sendable (Connection) -> Void = { connection in
            guard connection.readRequest() != nil else { return }
            connection.write("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nup 1\n")
            // Let the bytes go out first: a reset discards what was not read.
            _ = connection.readRequest()
            connection.reset()
        }
        let resetting: @Sendable (Connection) -> Void = { connection in
            guard connection.readRequest() != nil else { return }
            connection.reset()
        }
        try await RawServer.with(resetting) { server in
            try await withClient { client in
                let error = await failure(of: HTTPRequest(url: server.url()), client)
                #expect(error?.code == .connectionReset, "\(error?.message ?? "")")
            }
        }
        // A second client's close releases the first server's wait.
        try await RawServer.with(serve) { server in
            try await withClient { client in
                let error = await failure(of: HTTPRequest(url: server.url(), timeoutMs: 300), client)
                #expect(error?.code == .timeout)
            }
        }
    }

    @Test func theTimeOfTheWholeRequestIsKept() async throws {
        let drip: @Sendable (Connection) -> Void = { connection in
            guard connection.readRequest() != nil else { return }
            connection.write("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
            while connection.write("x") { SystemPause.milliseconds(20) }
        }
        try await RawServer.with(drip) { server in
            try await withClient { client in
                let error = await failure(of: HTTPRequest(url: server.url(), timeoutMs: 2_000), client)
                #expect(error?.code == .timeout)
                #expect(error?.message.contains("bytes of body received") == true)
            }
        }
    }

    @Test func noConnectionAndNoNameAreNamed() async throws {
        let server = try RawServer { _ in }
        server.stop()
        try await withClient { client in
            #expect(await failure(of: HTTPRequest(url: server.url()), client)?.code == .connect)
            let unknown = HTTPRequest(url: "http://name.invalid:9100/metrics", timeoutMs: 20_000)
            let error = await failure(of: unknown, client)
            #expect(error?.code == .resolve || error?.code == .timeout, "\(error?.message ?? "")")
        }
    }

    @Test(arguments: [
        "", "metrics", "file:///etc/passwd", "ftp://127.0.0.1/", "http://", "http:///metrics", "http://a b/",
        "http://127.0.0.1:99999/", "http://127.0.0.1:x/", "gopher://127.0.0.1/",
    ])
    func whatIsNoWebURLIsRefused(url: String) async throws {
        try await withClient { client in
            #expect(await failure(of: HTTPRequest(url: url), client)?.code == .badURL)
        }
    }

    @Test(arguments: ["file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://127.0.0.1/"])
    func redirectsLeadOnlyToTheWeb(location: String) async throws {
        try await RawServer.saying(answer("", status: "302 Found", headers: ["Location: \(location)"])) {
            server in
            try await withClient { client in
                let error = await failure(of: HTTPRequest(url: server.url(), followRedirects: true), client)
                #expect(error?.code == .malformedResponse, "\(error?.message ?? "")")
            }
        }
    }

    @Test func redirectsInACircleEnd() async throws {
        try await RawServer.saying(answer("", status: "302 Found", headers: ["Location: /metrics"])) {
            server in
            try await withClient { client in
                let error = await failure(of: HTTPRequest(url: server.url(), followRedirects: true), client)
                #expect(error?.code == .tooManyRedirects)
            }
        }
    }

    @Test func secretsOfTheURLStayOutOfMessages() async throws {
        try await RawServer.sayingOnce([]) { server in
            try await withClient { client in
                let url = "http://admin:hunter2@127.0.0.1:\(server.port)/m?token=hunter2#hunter2"
                let error = await failure(of: HTTPRequest(url: url), client)
                #expect(error?.code == .connectionReset)
                #expect(error?.message.contains("http://127.0.0.1:\(server.port)/m:") == true)
                #expect(error?.message.contains("hunter2") == false)
                #expect(error?.message.contains("admin") == false)
            }
        }
    }
}
