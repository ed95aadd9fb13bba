import HTTPTransport
import Platform
import Synchronization
import Testing

/// What the options of a transfer bring about: TLS is verified, proxies are not taken from the environment.
@Suite(.timeLimit(.minutes(1)))
struct EasyHandleTests {
    static var hasOpenSSL: Bool { ((try? POSIXFiles().status(TLSServer.tool)) ?? nil) != nil }

    /// Asks until the server listens.
    func ask(_ server: TLSServer, _ configuration: HTTPClientConfiguration) async throws -> Result<
        Int, HTTPError
    > {
        try await withClient(configuration) { client in
            let clock = SystemClock()
            let endNs = clock.monotonicNs + 45_000_000_000
            while true {
                do throws(HTTPError) {
                    return .success(try await client.perform(HTTPRequest(url: server.url)).status)
                } catch {
                    guard error.code == .connect, clock.monotonicNs < endNs else { return .failure(error) }
                    await Task.yield()
                }
            }
        }
    }

    @Test(.enabled(if: hasOpenSSL, "the openssl tool is not installed"))
    func onlyATrustedCertificateOfTheRightNameIsTaken() async throws {
        let right = try TLSServer(subject: "IP:127.0.0.1")
        defer { right.stop() }
        let trusting = HTTPClientConfiguration(caFile: right.certificatePath)
        let first = try await ask(right, trusting)
        #expect(try first.get() == 200)
        guard case .failure(let untrusted) = try await ask(right, HTTPClientConfiguration()) else {
            Issue.record("a certificate nobody vouches for was taken")
            return
        }
        #expect(untrusted.code == .tls, "\(untrusted)")

        let wrong = try TLSServer(subject: "DNS:other.example")
        defer { wrong.stop() }
        let other = HTTPClientConfiguration(caFile: wrong.certificatePath)
        guard case .failure(let mismatch) = try await ask(wrong, other) else {
            Issue.record("a certificate for another name was taken")
            return
        }
        #expect(mismatch.code == .tls, "\(mismatch)")
    }

    /// Requests of one kind go by one handle that stays configured: each has its own headers and body, and
    /// nothing of the one before.
    @Test func aHandleThatIsUsedAgainKeepsNothingOfTheRequestBefore() async throws {
        let seen = Mutex<[Connection.Request]>([])
        let serve: @Sendable (Connection) -> Void = { connection in
            while let request = connection.readRequest() {
                seen.withLock { $0.append(request) }
                connection.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            }
        }
        let asked: [(method: HTTPMethod, path: String, headers: [String], size: Int)] = [
            (.post, "/a", ["X-A", "Content-Type"], 200_000), (.post, "/b", ["X-B"], 10), (.post, "/c", [], 0),
            (.post, "/d", ["X-A"], 70_000), (.get, "/e", ["X-B"], 0), (.put, "/f", [], 5),
            (.get, "/g", [], 0), (.get, "/h", ["X-A"], 0), (.post, "/i", [], 20),
        ]
        let all = ["X-A", "X-B", "Content-Type"]
        try await RawServer.with(serve) { server in
            try await withClient { client in
                for (method, path, headers, size) in asked {
                    let request = HTTPRequest(
                        method: method, url: server.url(path),
                        headers: headers.map { HTTPHeader(name: $0, value: "of \(path)") },
                        body: [UInt8](repeating: path.utf8.last ?? 0, count: size))
                    _ = try await client.perform(request)
                }
            }
            #expect(server.acceptedCount == 1)
        }
        let requests = seen.withLock { $0 }
        try #require(requests.count == asked.count)
        for (request, (method, path, headers, size)) in zip(requests, asked) {
            #expect(request.head.hasPrefix("\(method.rawValue) \(path) HTTP/1.1\r\n"))
            #expect(request.body == [UInt8](repeating: path.utf8.last ?? 0, count: size))
            for name in all {
                #expect(
                    request.header(name) == (headers.contains(name) ? "of \(path)" : nil), "\(path) \(name)")
            }
            #expect(request.header("Expect") == nil)
            #expect(request.header("Content-Length") == (method == .get ? nil : "\(size)"))
        }
    }

    /// A header that cannot be sent is refused by a handle that is configured, too.
    @Test func aHandleThatIsUsedAgainRefusesAHeaderThatCannotBeSent() async throws {
        try await RawServer.saying("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") { server in
            try await withClient { client in
                var request = HTTPRequest(method: .post, url: server.url(), body: [1])
                _ = try await client.perform(request)
                request.headers = [HTTPHeader(name: "X-A", value: "a\r\nX-B: b")]
                #expect(await failure(of: request, client)?.code == .badRequest)
            }
        }
    }

    @Test func plainTextWhereTLSIsExpectedIsNamed() async throws {
        try await RawServer.with({ _ = $0.write("220 mail.example ESMTP\r\n") }) { server in
            try await withClient { client in
                let error = await failure(of: HTTPRequest(url: "https://127.0.0.1:\(server.port)/"), client)
                #expect(error?.code == .tls || error?.code == .connectionReset, "\(error?.message ?? "")")
            }
        }
    }

    @Test func aMissingCertificateFileIsATLSError() async throws {
        try await RawServer.with({ $0.waitForClose() }) { server in
            try await withClient(HTTPClientConfiguration(caFile: "/nowhere/ca.pem")) { client in
                let error = await failure(of: HTTPRequest(url: "https://127.0.0.1:\(server.port)/"), client)
                #expect(error?.code == .tls, "\(error?.message ?? "")")
                #expect(error?.message.contains("/nowhere/ca.pem") == true)
            }
        }
    }
}
