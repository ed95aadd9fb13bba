import Platform
import Synchronization
import Testing

@testable import HTTPTransport

/// A handle stays configured for requests with a connection of their own, and none has another's.
@Suite(.timeLimit(.minutes(1)))
struct AppliedConnectionTests {
    private final class Nobody: HTTPExchange {
        func begin() -> HTTPRequest? { nil }
        func end(_ result: Result<HTTPResponse, HTTPError>) {}
    }

    /// Prepares a handle for requests, which it does not make.
    private struct Preparation {
        let handle: EasyHandle
        private let admission = BodyAdmission(
            slots: BodySlots(capacity: 1, bytesLimit: 0), pool: BodyPool(keptCount: 1) { _, _ in })
        private let configuration = HTTPClientConfiguration(name: "test")

        init() throws { handle = try #require(EasyHandle()) }

        func prepare(_ request: HTTPRequest) throws {
            let submission = Submission(id: 1, request: request, nowNs: 0, reply: .exchange(Nobody()))
            let transfer = Transfer(submission, easy: handle, admission: admission)
            try handle.prepare(for: transfer, configuration, timeoutMs: 1_000, receiveBytes: 16 << 10)
        }
    }

    private static func post(
        _ connection: HTTPConnectionOptions?, url: String = "https://receiver.example/write"
    ) -> HTTPRequest {
        HTTPRequest(method: .post, url: url, body: [1, 2], connection: connection)
    }

    @Test func onlyTheSameConnectionToTheSameURLNeedsNoConfiguring() throws {
        let tls = HTTPConnectionOptions.TLS(serverName: "other.example")
        let own = HTTPConnectionOptions(tls: tls)
        let preparation = try Preparation()
        for _ in 0..<3 {
            try preparation.prepare(Self.post(own))
            preparation.handle.finish()
            var same = Self.post(own)
            same.headers = [HTTPHeader(name: "Authorization", value: "x")]
            same.body = [3]
            same.timeoutMs = 7
            same.bodyLimitBytes = 7
            #expect(preparation.handle.isConfigured(for: same))
            var others = [
                nil, HTTPConnectionOptions(tls: tls), HTTPConnectionOptions(tls: tls, offersHTTP2: true),
                HTTPConnectionOptions(), HTTPConnectionOptions(unixSocketPath: "/a"),
                HTTPConnectionOptions(proxy: .init(url: "http://proxy.example")),
            ].map { Self.post($0) }
            others.append(Self.post(own, url: "https://receiver.example/write/"))
            others.append(Self.post(own, url: "http://receiver.example/write"))
            others.append(HTTPRequest(method: .put, url: same.url, connection: own))
            others.append(HTTPRequest(url: same.url, connection: own))
            for other in others { #expect(!preparation.handle.isConfigured(for: other)) }
        }
        // Without a connection of its own any URL will do.
        try preparation.prepare(Self.post(nil))
        preparation.handle.finish()
        #expect(preparation.handle.isConfigured(for: Self.post(nil, url: "https://other.example/")))
        #expect(!preparation.handle.isConfigured(for: Self.post(own)))
    }

    /// They are equal as strings, and not as bytes.
    @Test func aURLOfOtherBytesIsAnother() throws {
        let own = HTTPConnectionOptions()
        let preparation = try Preparation()
        try preparation.prepare(Self.post(own, url: "https://receiver.example/\u{e9}"))
        preparation.handle.finish()
        #expect(preparation.handle.isConfigured(for: Self.post(own, url: "https://receiver.example/\u{e9}")))
        #expect(
            !preparation.handle.isConfigured(for: Self.post(own, url: "https://receiver.example/e\u{301}")))
    }

    /// What was verified for one request is not taken for verified for another.
    @Test(.enabled(if: EasyHandleTests.hasOpenSSL, "the openssl tool is not installed"))
    func eachRequestIsVerifiedAsItsOwnOptionsSay() async throws {
        let server = try TLSServer(subject: "DNS:other.example")
        defer { server.stop() }
        let authority = try POSIXFiles().contents(of: server.certificatePath, limitBytes: 1 << 20)
        let named = HTTPConnectionOptions(tls: .init(authority: authority, serverName: "other.example"))
        let unnamed = HTTPConnectionOptions(tls: .init(authority: authority))
        let careless = HTTPConnectionOptions(tls: .init(skipsVerification: true))
        let strict = HTTPConnectionOptions()
        let asked: [(connection: HTTPConnectionOptions?, isTaken: Bool)] = [
            (named, true), (named, true), (named, true), (unnamed, false), (named, true), (careless, true),
            (careless, true), (strict, false), (careless, true), (nil, false), (named, true), (named, true),
        ]
        try await withClient { client in
            let clock = SystemClock()
            let endNs = clock.monotonicNs + 45_000_000_000
            // Until the server listens.
            while clock.monotonicNs < endNs {
                do throws(HTTPError) {
                    _ = try await client.perform(HTTPRequest(url: server.url, connection: careless))
                    break
                } catch {
                    guard error.code == .connect else { throw error }
                    await Task.yield()
                }
            }
            for (index, (connection, isTaken)) in asked.enumerated() {
                let request = HTTPRequest(url: server.url, connection: connection)
                if isTaken {
                    #expect(try await client.perform(request).status == 200, "\(index)")
                } else {
                    #expect(await failure(of: request, client)?.code == .tls, "\(index)")
                }
            }
        }
    }

    /// Requests with bodies by two proxies and by none, each with its own headers and body.
    @Test func eachRequestGoesByItsOwnProxy() async throws {
        struct Seen: Equatable {
            let by: String
            let line: String
            let header: String?
            let body: [UInt8]
        }
        let seen = Mutex<[Seen]>([])
        @Sendable func serve(_ name: String) -> @Sendable (Connection) -> Void {
            { connection in
                while let request = connection.readRequest() {
                    let line = request.head.split(separator: "\r\n").first.map(String.init) ?? ""
                    let one = Seen(by: name, line: line, header: request.header("X-A"), body: request.body)
                    seen.withLock { $0.append(one) }
                    connection.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                }
            }
        }
        let (one, two) = (try RawServer(serve("one")), try RawServer(serve("two")))
        let direct = try RawServer(serve("direct"))
        defer { for server in [one, two, direct] { server.stop() } }
        func proxy(_ server: RawServer) -> HTTPConnectionOptions {
            HTTPConnectionOptions(proxy: .init(url: "http://127.0.0.1:\(server.port)"))
        }
        let (byOne, byTwo, own) = (proxy(one), proxy(two), HTTPConnectionOptions())
        let asked: [(by: String, connection: HTTPConnectionOptions?, path: String)] = [
            ("one", byOne, "/w"), ("one", byOne, "/w"), ("two", byTwo, "/w"), ("direct", nil, "/w"),
            ("one", byOne, "/w"), ("one", byOne, "/v"), ("one", proxy(one), "/v"), ("direct", own, "/v"),
            ("direct", own, "/v"), ("two", byTwo, "/v"), ("two", byTwo, "/v"), ("direct", nil, "/v"),
        ]
        var expected: [Seen] = []
        try await withClient { client in
            for (index, (by, connection, path)) in asked.enumerated() {
                let body = [UInt8](repeating: UInt8(index), count: (index * 7) % 5 * 20_000)
                var request = HTTPRequest(
                    method: .post, url: direct.url(path), body: body, connection: connection)
                if index % 3 != 1 { request.headers = [HTTPHeader(name: "X-A", value: "\(index)")] }
                _ = try await client.perform(request)
                let place = by == "direct" ? path : direct.url(path)
                expected.append(
                    Seen(
                        by: by, line: "POST \(place) HTTP/1.1", header: request.headers.first?.value,
                        body: body))
            }
        }
        #expect(seen.withLock { $0 } == expected)
    }

    /// A password was renewed, say: the new one is equal as a string.
    @Test func headersOfOtherBytesAreSent() async throws {
        let seen = Mutex<[String]>([])
        let serve: @Sendable (Connection) -> Void = { connection in
            while let request = connection.readRequest() {
                seen.withLock { $0.append(request.header("Authorization") ?? "") }
                connection.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            }
        }
        let sent = ["Bearer \u{e9}", "Bearer e\u{301}", "Bearer e\u{301}", "Bearer \u{e9}"]
        try await RawServer.with(serve) { server in
            try await withClient { client in
                let own = HTTPConnectionOptions()
                for value in sent {
                    _ = try await client.perform(
                        HTTPRequest(
                            url: server.url(), headers: [HTTPHeader(name: "Authorization", value: value)],
                            connection: own))
                }
            }
        }
        #expect(seen.withLock { $0 }.map { Array($0.utf8) } == sent.map { Array($0.utf8) })
    }
}
