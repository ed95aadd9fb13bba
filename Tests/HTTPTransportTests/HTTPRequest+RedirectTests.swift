import HTTPTransport
import Synchronization
import Testing

/// Redirects of plain requests, which libcurl follows.
@Suite(.timeLimit(.minutes(1)))
struct HTTPRequestRedirectTests {
    @Test func redirectsAreFollowedByOneRequestEach() async throws {
        let asked = Mutex<[String]>([])
        let serve: @Sendable (Connection) -> Void = { connection in
            while let request = connection.readRequest() {
                let path = request.head.split(separator: " ")[1]
                asked.withLock { $0.append("\(path) \(request.header("Authorization") ?? "-")") }
                switch path {
                case "/moved":
                    connection.write(answer("", status: "302 Found", headers: ["Location: metrics?a=b c"]))
                case "/away":
                    let other = request.header("X-Other") ?? ""
                    connection.write(answer("", status: "307 Gone", headers: ["Location: \(other)"]))
                default: connection.write(answer("a 1\n"))
                }
            }
        }
        try await RawServer.with(serve) { server in
            try await withClient { client in
                let other = "http://localhost:\(server.port)/metrics"
                for path in ["/moved", "/away"] {
                    let request = HTTPRequest(
                        url: server.url(path),
                        headers: [
                            HTTPHeader(name: "Authorization", value: "secret"),
                            HTTPHeader(name: "X-Other", value: other),
                        ], followRedirects: true, takesBodySlot: true)
                    let response = try await client.perform(request)
                    #expect(response.status == 200 && response.body.text == "a 1\n")
                }
            }
        }
        // What another server is asked carries no credentials.
        #expect(
            asked.withLock { $0 } == [
                "/moved secret", "/metrics?a=b+c secret", "/away secret", "/metrics -",
            ])
    }

    @Test(arguments: ["ftp://127.0.0.1/", "http://", "//"])
    func aRedirectToNowhereFails(location: String) async throws {
        try await RawServer.saying(answer("", status: "302 Found", headers: ["Location: \(location)"])) {
            server in
            try await withClient { client in
                let request = HTTPRequest(url: server.url(), followRedirects: true, takesBodySlot: true)
                #expect(await failure(of: request, client)?.code == .malformedResponse)
            }
        }
    }

    @Test func redirectsInACircleEnd() async throws {
        let asked = Atomic<Int>(0)
        let serve: @Sendable (Connection) -> Void = { connection in
            while connection.readRequest() != nil {
                asked.add(1, ordering: .relaxed)
                connection.write(answer("", status: "302 Found", headers: ["Location: /metrics"]))
            }
        }
        try await RawServer.with(serve) { server in
            try await withClient { client in
                let request = HTTPRequest(url: server.url(), followRedirects: true, takesBodySlot: true)
                #expect(await failure(of: request, client)?.code == .tooManyRedirects)
                let count = asked.load(ordering: .relaxed)
                #expect(count == 11)
            }
        }
    }
}
