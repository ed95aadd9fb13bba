import Platform
import Testing

@testable import HTTPTransport

/// What connection options do on the wire. Against real servers (nginx, a CA, proxies) they are tested in
/// Tests/Integration/test_http_client.py.
@Suite(.timeLimit(.minutes(1)))
struct EasyHandleConnectionOptionsTests {
    @Test func aProxyIsAskedForTheWholeURL() async throws {
        try await RawServer.with({ connection in
            while let request = connection.readRequest() {
                let line = request.head.split(separator: "\r\n").first.map(String.init)
                _ = connection.write(answer(line ?? ""))
            }
        }) { server in
            try await withClient { client in
                let proxy = HTTPConnectionOptions(
                    proxy: .init(
                        url: "http://127.0.0.1:\(server.port)",
                        connectHeaders: [HTTPHeader(name: "X-Connect", value: "1")]))
                let response = try await client.perform(
                    HTTPRequest(url: "http://exporter.invalid:9100/metrics?a=b", connection: proxy))
                #expect(response.body.text == "GET http://exporter.invalid:9100/metrics?a=b HTTP/1.1")
                // Without the option the handle, used again, asks no proxy.
                let direct = await failure(of: HTTPRequest(url: "http://exporter.invalid:9100/"), client)
                #expect(direct?.code == .resolve)
            }
        }
    }

    @Test func aProxyThatRefusesToConnectIsAConnectionFailure() async throws {
        try await RawServer.saying(answer("", status: "403 Forbidden")) { server in
            try await withClient { client in
                let proxy = HTTPConnectionOptions(
                    proxy: .init(url: "http://user:hunter2@127.0.0.1:\(server.port)"))
                let error = await failure(
                    of: HTTPRequest(url: "https://exporter.invalid/metrics", connection: proxy), client)
                #expect(error?.code == .connect)
                #expect(error?.message.contains("403") == true)
                #expect(error?.message.contains("hunter2") == false)
            }
        }
    }

    /// Nobody listens on port 1.
    @Test(arguments: ["http", "https", "socks5", "socks5h"])
    func aProxyThatIsDownIsNamed(scheme: String) async throws {
        try await withClient { client in
            let proxy = HTTPConnectionOptions(proxy: .init(url: "\(scheme)://user:hunter2@127.0.0.1:1"))
            for url in ["http://exporter.invalid/metrics", "https://exporter.invalid/metrics"] {
                let error = await failure(of: HTTPRequest(url: url, connection: proxy), client)
                #expect(error?.code == .connect)
                #expect(
                    error?.message
                        == "GET \(url): no connection to the proxy 127.0.0.1:1: Connection refused")
            }
            let unknown = HTTPConnectionOptions(proxy: .init(url: "\(scheme)://u:hunter2@proxy.invalid:9"))
            let error = await failure(of: HTTPRequest(url: "http://a/", connection: unknown), client)
            #expect(error?.code == .resolve)
            #expect(
                error?.message.hasPrefix("GET http://a/: no connection to the proxy proxy.invalid:9: ")
                    == true)
        }
    }

    @Test func aProxyWithoutAPortHasThatOfItsScheme() {
        let ports = ["http://p", "HTTPS://p", "socks5://p", "socks5h://p"].map(
            HTTPConnectionOptions.Proxy.port)
        #expect(ports == [80, 443, 1_080, 1_080])
    }

    /// The first goes the plain way, the second libcurl's.
    @Test(arguments: ["127.0.0.1", "localhost"])
    func aServerThatIsDownIsToldInTheSameWords(host: String) async throws {
        try await withClient { client in
            let error = await failure(of: HTTPRequest(url: "http://\(host):1/"), client)
            #expect(error?.message == "GET http://\(host):1/: no connection: Connection refused")
        }
    }

    @Test func aSocketThatIsNotThereIsNamed() async throws {
        try await withClient { client in
            let options = HTTPConnectionOptions(unixSocketPath: "/nonexistent/narthex.sock")
            let error = await failure(
                of: HTTPRequest(url: "http://127.0.0.1:1/metrics", connection: options), client)
            #expect(error?.code == .connect)
        }
    }

    @Test func aKeyThatIsNoneFailsTheConnectionAndIsNotShown() async throws {
        try await RawServer.saying(answer("x")) { server in
            try await withClient { client in
                let tls = HTTPConnectionOptions.TLS(
                    certificate: Array("not a certificate".utf8), key: Array("hunter2".utf8))
                let error = await failure(
                    of: HTTPRequest(
                        url: "https://127.0.0.1:\(server.port)/",
                        connection: HTTPConnectionOptions(tls: tls)),
                    client)
                #expect(error?.code == .tls)
                #expect(error?.message.contains("hunter2") == false)
            }
        }
    }

    @Test func nothingOfTheOptionsIsPrinted() {
        let options = HTTPConnectionOptions(
            tls: .init(key: Array("hunter2".utf8)), proxy: .init(url: "http://u:hunter2@p"))
        var dumped = ""
        dump(options, to: &dumped)
        dump(options.tls, to: &dumped)
        dump(options.proxy, to: &dumped)
        #expect(
            !"\(options) \(options.tls) \(String(describing: options.proxy)) \(dumped)".contains("hunter2"))
    }
}
