import HTTPTransport
import Synchronization
import Telemetry
import Testing

@Suite(.timeLimit(.minutes(1)))
struct HTTPClientTests {
    @Test func getReturnsStatusHeadersAndBody() async throws {
        try await RawServer.saying(answer("up 1\n", headers: ["Content-Type: text/plain", "X-Empty:"])) {
            server in
            try await withClient { client in
                let response = try await client.perform(HTTPRequest(url: server.url()))
                #expect(response.status == 200)
                #expect(response.headers["content-type"] == "text/plain")
                #expect(response.headers["X-EMPTY"] == "")
                #expect(response.headers["absent"] == nil)
                #expect(response.body.text == "up 1\n")
                #expect(response.durationNs > 0)
            }
        }
    }

    @Test func requestsToOneServerShareAConnection() async throws {
        try await RawServer.saying(answer("x")) { server in
            let registry = MetricRegistry()
            try await withClient(HTTPClientConfiguration(name: "t"), registry: registry) { client in
                for _ in 0..<50 { _ = try await client.perform(HTTPRequest(url: server.url())) }
                #expect(server.acceptedCount == 1)
                let page = registry.render()
                #expect(page.contains("net_conntrack_dialer_conn_attempted_total{dialer_name=\"t\"} 1\n"))
                #expect(page.contains("net_conntrack_dialer_conn_established_total{dialer_name=\"t\"} 1\n"))
            }
        }
    }

    @Test func anEmptyBodyIsEmpty() async throws {
        try await RawServer.saying("HTTP/1.1 204 No Content\r\n\r\n") { server in
            try await withClient { client in
                let response = try await client.perform(HTTPRequest(url: server.url()))
                #expect(response.status == 204)
                #expect(response.body.count == 0)
            }
        }
    }

    @Test func anErrorStatusIsAResponse() async throws {
        try await RawServer.saying(
            answer("no", status: "503 Service Unavailable", headers: ["Retry-After: 7"])
        ) {
            server in
            try await withClient { client in
                let response = try await client.perform(HTTPRequest(url: server.url()))
                #expect(response.status == 503)
                #expect(response.headers["Retry-After"] == "7")
            }
        }
    }

    @Test(arguments: [HTTPMethod.post, .put])
    func bodiesAreSentWholeWithoutExpectOrInventedType(method: HTTPMethod) async throws {
        let seen = Mutex<[Connection.Request]>([])
        let serve: @Sendable (Connection) -> Void = { connection in
            while let request = connection.readRequest() {
                seen.withLock { $0.append(request) }
                connection.write(answer("ok"))
            }
        }
        let large = [UInt8]((0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 31) })
        try await RawServer.with(serve) { server in
            try await withClient { client in
                for body in [[], Array("a\0b".utf8), large] {
                    var request = HTTPRequest(method: method, url: server.url("/write"))
                    request.headers = [HTTPHeader(name: "Content-Encoding", value: "snappy")]
                    request.body = body
                    _ = try await client.perform(request)
                }
            }
        }
        let requests = seen.withLock { $0 }
        #expect(requests.map(\.body) == [[], Array("a\0b".utf8), large])
        for request in requests {
            #expect(request.head.hasPrefix("\(method.rawValue) /write HTTP/1.1"))
            #expect(request.header("Expect") == nil)
            #expect(request.header("Content-Type") == nil)
            #expect(request.header("Transfer-Encoding") == nil)
            #expect(request.header("Content-Length") == "\(request.body.count)")
            #expect(request.header("Content-Encoding") == "snappy")
        }
    }

    @Test func thePathAndHeadersAreSentAsGiven() async throws {
        let seen = Mutex("")
        let serve: @Sendable (Connection) -> Void = { connection in
            while let request = connection.readRequest() {
                seen.withLock { $0 = request.head }
                connection.write(answer("ok"))
            }
        }
        try await RawServer.with(serve) { server in
            try await withClient(HTTPClientConfiguration(userAgent: "narthex/1")) { client in
                var request = HTTPRequest(url: server.url("/a/../b//c%20d?x=1%2B2&y"))
                request.headers = [
                    HTTPHeader(name: "X-Empty", value: ""), HTTPHeader(name: "Accept", value: "text/plain"),
                ]
                _ = try await client.perform(request)
            }
        }
        let head = seen.withLock { $0 }
        #expect(head.hasPrefix("GET /a/../b//c%20d?x=1%2B2&y HTTP/1.1\r\n"))
        #expect(head.contains("\r\nX-Empty:"))
        #expect(head.contains("\r\nAccept: text/plain"))
        #expect(head.contains("\r\nUser-Agent: narthex/1"))
        #expect(!head.contains("Accept-Encoding"))
    }

    @Test func gzipIsAskedForAndDecoded() async throws {
        // gzip of "up 1\n" a hundred times: header, one deflate block, CRC-32, length 500.
        let packed = bytes(hex: "1f8b08000000000002032b2d5030e42a1d25461201" + "00e2a9d8ddf4010000")
        let asked = Mutex("")
        let serve: @Sendable (Connection) -> Void = { connection in
            guard let request = connection.readRequest() else { return }
            asked.withLock { $0 = request.header("Accept-Encoding") ?? "" }
            let head = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: \(packed.count)\r\n\r\n"
            connection.write(Array(head.utf8) + packed)
        }
        try await RawServer.with(serve) { server in
            try await withClient { client in
                let response = try await client.perform(HTTPRequest(url: server.url(), acceptGzip: true))
                #expect(response.body.text == String(repeating: "up 1\n", count: 100))
            }
        }
        #expect(asked.withLock { $0 } == "gzip")
    }

    @Test func interimResponsesArePassedOver() async throws {
        let text = "HTTP/1.1 103 Early Hints\r\nX-Early: 1\r\n\r\n" + answer("done")
        try await RawServer.saying(text) { server in
            try await withClient { client in
                let response = try await client.perform(HTTPRequest(url: server.url()))
                #expect(response.status == 200)
                #expect(response.headers["X-Early"] == nil)
                #expect(response.body.text == "done")
            }
        }
    }

    @Test func chunkedBodiesArePutTogether() async throws {
        let text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nup 1\n\r\n3\r\nx 2\r\n0\r\n\r\n"
        try await RawServer.saying(text) { server in
            try await withClient { client in
                let response = try await client.perform(HTTPRequest(url: server.url()))
                #expect(response.body.text == "up 1\nx 2")
            }
        }
    }

    @Test func redirectsAreFollowedOnlyWhenAskedFor() async throws {
        let serve: @Sendable (Connection) -> Void = { connection in
            while let request = connection.readRequest() {
                let home = request.head.hasPrefix("GET /home ")
                connection.write(
                    home ? answer("home") : answer("moved", status: "302 Found", headers: ["Location: /home"])
                )
            }
        }
        try await RawServer.with(serve) { server in
            try await withClient { client in
                let stayed = try await client.perform(HTTPRequest(url: server.url("/old")))
                #expect(stayed.status == 302)
                #expect(stayed.body.text == "moved")
                let moved = try await client.perform(
                    HTTPRequest(url: server.url("/old"), followRedirects: true))
                #expect(moved.status == 200)
                #expect(moved.headers["Location"] == nil)
                #expect(moved.body.text == "home")
            }
        }
    }

    @Test func aCancelledTaskEndsItsTransfer() async throws {
        try await RawServer.with({ $0.waitForClose() }) { server in
            try await withClient { client in
                let url = server.url()
                let task = Task { await failure(of: HTTPRequest(url: url, timeoutMs: 30_000), client)?.code }
                while server.acceptedCount == 0 { await Task.yield() }
                task.cancel()
                #expect(await task.value == .cancelled)
                let early = Task {
                    while !Task.isCancelled { await Task.yield() }
                    return await failure(of: HTTPRequest(url: url, timeoutMs: 30_000), client)?.code
                }
                early.cancel()
                #expect(await early.value == .cancelled)
            }
        }
    }

    @Test func shutDownEndsWhatRunsAndRefusesWhatComes() async throws {
        try await RawServer.with({ $0.waitForClose() }) { server in
            try await withClient { client in
                let url = server.url()
                let task = Task { await failure(of: HTTPRequest(url: url, timeoutMs: 30_000), client)?.code }
                while server.acceptedCount == 0 { await Task.yield() }
                client.shutDown()
                #expect(await task.value == .shutDown)
                #expect(await failure(of: HTTPRequest(url: url), client)?.code == .shutDown)
                client.shutDown()
            }
        }
    }

    @Test(arguments: [
        HTTPHeader(name: "X-A", value: "1\r\nX-B: 2"), HTTPHeader(name: "X-A", value: "1\0"),
        HTTPHeader(name: "X A", value: "1"), HTTPHeader(name: "", value: "1"),
        HTTPHeader(name: "X:A", value: "1"),
    ])
    func headersThatWouldSmuggleAreRefused(header: HTTPHeader) async throws {
        try await withClient { client in
            let request = HTTPRequest(url: "http://127.0.0.1:1/", headers: [header])
            let error = await failure(of: request, client)
            #expect(error?.code == .badRequest)
            #expect(error?.message.contains(header.value) == false)
        }
    }

    @Test func aServerThatClosesBetweenRequestsCostsNothing() async throws {
        try await RawServer.sayingOnce(Array(answer("x").utf8)) { server in
            try await withClient { client in
                for _ in 0..<5 {
                    let got = try await client.perform(HTTPRequest(url: server.url()))
                    #expect(got.status == 200)
                }
            }
        }
    }
}
