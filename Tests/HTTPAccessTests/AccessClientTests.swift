import Configuration
import HTTPTransport
import Platform
import Testing

@testable import HTTPAccess

@Suite(.timeLimit(.minutes(1)))
struct AccessClientTests {
    private let scrape = HTTPRequest(url: "http://target:9100/metrics", followRedirects: true)

    @Test func defaultOptionsHandTheRequestOn() async throws {
        let http = FakeHTTP()
        _ = try await client(HTTPClientOptions(), http).perform(scrape)
        let request = try #require(http.requests.first)
        #expect(request.headers.isEmpty && request.connection == nil && request.followRedirects)
    }

    @Test func basicAuthIsSent() async throws {
        let http = FakeHTTP()
        let options = HTTPClientOptions(
            authentication: .basic(username: text("me"), password: text("pass:w")))
        _ = try await client(options, http).perform(scrape)
        #expect(http.requests.first?.header("authorization") == ["Basic bWU6cGFzczp3"])
    }

    @Test(arguments: [("Bearer", "t", "Bearer t"), ("Token", "", "Token")])
    func anAuthorizationHeaderIsSent(type: String, credentials: String, header: String) async throws {
        let http = FakeHTTP()
        let options = HTTPClientOptions(
            authentication: .authorization(type: type, credentials: text(credentials)))
        _ = try await client(options, http).perform(scrape)
        #expect(http.requests.first?.header("authorization") == [header])
    }

    @Test func aRequestsOwnAuthorizationWins() async throws {
        let http = FakeHTTP()
        var request = scrape
        request.headers = [HTTPHeader(name: "authorization", value: "AWS4 …")]
        let options = HTTPClientOptions(
            authentication: .authorization(type: "Bearer", credentials: text("t")))
        _ = try await client(options, http).perform(request)
        #expect(http.requests.first?.header("authorization") == ["AWS4 …"])
    }

    @Test func aFileIsReadAgainWhenItChanged() async throws {
        let folder = try Folder()
        let path = try folder.write("token", "one\n")
        let http = FakeHTTP()
        let client = client(
            HTTPClientOptions(authentication: .authorization(type: "Bearer", credentials: .file(path))), http)
        _ = try await client.perform(scrape)
        _ = try await client.perform(scrape)
        try folder.write("token", "  two ")
        _ = try await client.perform(scrape)
        #expect(
            http.requests.flatMap { $0.header("Authorization") } == [
                "Bearer one", "Bearer one", "Bearer two",
            ])
        try POSIXFiles().remove(path)
        await #expect {
            _ = try await client.perform(scrape)
        } throws: { error in
            let error = error as? HTTPError
            return error?.code == .credentials && error?.message.contains(path) == true
        }
    }

    @Test func aFileThatIsMissingIsToldWithItsKey() async throws {
        let missing = TextSource.file("/nonexistent/secret")
        let cases: [(HTTPClientOptions, String)] = [
            (HTTPClientOptions(tls: TLSOptions(authority: missing)), "ca_file: "),
            (
                HTTPClientOptions(
                    authentication: .basic(username: .text(Secret("a")), password: missing)),
                "password_file: "
            ),
            (
                HTTPClientOptions(headers: [.init(name: "X-A", files: ["/nonexistent/secret"])]),
                "http_headers.X-A.files: "
            ),
        ]
        for (options, key) in cases {
            await #expect {
                _ = try await client(options, FakeHTTP()).perform(scrape)
            } throws: { error in
                let message = (error as? HTTPError)?.message ?? ""
                return message.contains(key) && message.contains("/nonexistent/secret")
            }
        }
    }

    @Test func aFileThatChangedWhileAnotherWasGoneIsTaken() async throws {
        let folder = try Folder()
        let authority = try folder.write("ca.pem", "one")
        let token = try folder.write("token", "t")
        let http = FakeHTTP()
        let client = client(
            HTTPClientOptions(
                authentication: .authorization(type: "Bearer", credentials: .file(token)),
                tls: TLSOptions(authority: .file(authority))), http)
        let request = HTTPRequest(url: "https://target/metrics")
        _ = try await client.perform(request)
        try folder.write("ca.pem", "two")
        try POSIXFiles().remove(token)
        await #expect(throws: HTTPError.self) { _ = try await client.perform(request) }
        try folder.write("token", "t")
        _ = try await client.perform(request)
        #expect(http.requests.map { $0.connection?.tls.authority } == [Array("one".utf8), Array("two".utf8)])
    }

    @Test func aNewCertificateIsAnotherConnection() async throws {
        let folder = try Folder()
        let authority = try folder.write("ca.pem", "one")
        let http = FakeHTTP()
        let client = client(HTTPClientOptions(tls: TLSOptions(authority: .file(authority))), http)
        let request = HTTPRequest(url: "https://target/metrics")
        _ = try await client.perform(request)
        _ = try await client.perform(request)
        try folder.write("ca.pem", "two")
        _ = try await client.perform(request)
        let used = http.requests.map(\.connection)
        #expect(used[0] === used[1], "the same object while nothing changed")
        #expect(used[0] != used[2])
        #expect(used[2]?.tls.authority == Array("two".utf8))
    }

    @Test func whatAFileHoldsNeverShows() async throws {
        let folder = try Folder()
        let path = try folder.write("token", "hunter2\u{1}")
        let http = FakeHTTP()
        let options = HTTPClientOptions(
            authentication: .authorization(type: "Bearer", credentials: .file(path)))
        #expect(!"\(options)".contains("hunter2"))
        var dumped = ""
        dump(
            HTTPClientOptions(
                authentication: .basic(username: nil, password: text("hunter2")),
                proxy: ProxyOptions(url: Secret("http://u:hunter2@p"))), to: &dumped)
        #expect(!dumped.contains("hunter2"))
        _ = try await client(options, http).perform(scrape)
    }

    @Test func credentialsStayWithTheHostTheyAreFor() async throws {
        let http = FakeHTTP { request in
            switch request.url {
            case "http://target:9100/metrics": redirect(302, "/there")
            case "http://target:9100/there": redirect(307, "http://other:9100/x")
            case "http://other:9100/x": redirect(301, "http://target:9100/home")
            default: HTTPResponse(status: 200)
            }
        }
        let options = HTTPClientOptions(
            authentication: .authorization(type: "Bearer", credentials: text("t")),
            headers: [
                .init(name: "X-Open", values: ["1", "2"]), .init(name: "X-Key", secrets: [Secret("k")]),
            ])
        let response = try await client(options, http).perform(scrape)
        #expect(response.status == 200)
        #expect(http.requests.map(\.url).last == "http://target:9100/home")
        #expect(http.requests.map { $0.header("Authorization").count } == [1, 1, 0, 1])
        #expect(http.requests.map { $0.header("X-Key").count } == [1, 1, 0, 1])
        #expect(http.requests.allSatisfy { $0.header("X-Open") == ["1", "2"] && !$0.followRedirects })
    }

    @Test func redirectsHaveAnEnd() async throws {
        let http = FakeHTTP { _ in redirect(302, "http://user:secret@other:9100/again?token=secret") }
        let options = HTTPClientOptions(
            authentication: .authorization(type: "Bearer", credentials: text("t")))
        await #expect {
            _ = try await client(options, http).perform(scrape)
        } throws: { error in
            guard let error = error as? HTTPError else { return false }
            return error.code == .tooManyRedirects
                && error.message.hasSuffix("redirects, the last of them to http://other:9100")
        }
        #expect(http.requests.count == AccessClient.redirectLimit + 1)
    }

    @Test(arguments: [302, 307, 308])
    func aBodyIsRedirectedWithinItsHostOnlyAndNeverTurnedIntoAGet(status: Int) async throws {
        let http = FakeHTTP { request in
            switch request.url {
            case "http://receiver/write": redirect(status, "/there")
            case "http://receiver/there": redirect(status, "http://other/x")
            default: HTTPResponse(status: 204)
            }
        }
        let request = HTTPRequest(
            method: .post, url: "http://receiver/write", body: [1, 2], followRedirects: true)
        let response = try await client(HTTPClientOptions(), http).perform(request)
        #expect(response.status == status, "the redirect that is not followed is the answer")
        #expect(http.requests.count == (status == 302 ? 1 : 2))
        #expect(http.requests.allSatisfy { $0.method == .post && $0.body == [1, 2] })
    }

    @Test func aServerNameGoesWithTheHostThatWasMeant() async throws {
        let http = FakeHTTP()
        let options = HTTPClientOptions(tls: TLSOptions(serverName: "inside.example"))
        _ = try await client(options, http).perform(HTTPRequest(url: "https://10.0.0.1:9443/metrics"))
        #expect(http.requests.first?.header("Host") == ["10.0.0.1:9443"])
        #expect(http.requests.first?.connection?.tls.serverName == "inside.example")
    }

    @Test func aSocketIsKeptAndGoesThroughNoProxy() async throws {
        let http = FakeHTTP()
        var request = scrape
        request.connection = HTTPConnectionOptions(unixSocketPath: "/run/a.sock")
        let options = HTTPClientOptions(proxy: ProxyOptions(url: Secret("http://proxy:3128")))
        _ = try await client(options, http).perform(request)
        _ = try await client(options, http).perform(scrape)
        #expect(http.requests.map(\.connection?.unixSocketPath) == ["/run/a.sock", nil])
        #expect(http.requests.map(\.connection?.proxy?.url) == [nil, "http://proxy:3128"])
    }

    @Test func aTokenIsBoughtOnceAndKept() async throws {
        let http = FakeHTTP { request in
            request.url.hasSuffix("/token")
                ? HTTPResponse(status: 200, body: HTTPBody(Array(#"{"access_token":"abc"}"#.utf8)))
                : HTTPResponse(status: 200)
        }
        let block = OAuth2Options(clientID: "id", clientSecret: text("s"), tokenURL: "http://auth/token")
        let client = client(HTTPClientOptions(authentication: .oauth2(block)), http)
        for _ in 0..<3 { _ = try await client.perform(scrape) }
        #expect(http.requests.map(\.url).filter { $0.hasSuffix("/token") }.count == 1)
        #expect(http.requests.suffix(3).allSatisfy { $0.header("Authorization") == ["Bearer abc"] })
    }

    /// A 401 is about the token only where the token was sent.
    @Test(arguments: [false, true]) func a401ToASignatureLeavesTheToken(isSigned: Bool) async throws {
        let http = FakeHTTP { request in
            request.url.hasSuffix("/token")
                ? HTTPResponse(status: 200, body: HTTPBody(Array(#"{"access_token":"abc"}"#.utf8)))
                : HTTPResponse(status: 401)
        }
        let block = OAuth2Options(clientID: "id", clientSecret: text("s"), tokenURL: "http://auth/token")
        let client = client(HTTPClientOptions(authentication: .oauth2(block)), http)
        var request = scrape
        if isSigned { request.headers = [HTTPHeader(name: "Authorization", value: "AWS4 …")] }
        for _ in 0..<2 { _ = try await client.perform(request) }
        let bought = http.requests.filter { $0.url.hasSuffix("/token") }.count
        #expect(bought == (isSigned ? 1 : 2))
    }
}

private func redirect(_ status: Int, _ location: String) -> HTTPResponse {
    HTTPResponse(status: status, headers: HTTPHeaders([HTTPHeader(name: "Location", value: location)]))
}
