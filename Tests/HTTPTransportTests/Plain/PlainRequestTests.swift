import Addresses
import Testing

@testable import HTTPTransport

struct PlainRequestTests {
    private func written(_ request: HTTPRequest, _ writer: inout PlainRequest) throws -> String? {
        var bytes: [UInt8] = [1, 2, 3]
        let url = try #require(HTTPURL(request.url)?.plainDestination)
        return writer.write(request, url, to: &bytes) ? String(decoding: bytes, as: UTF8.self) : nil
    }

    @Test func aScrapeIsWrittenWhole() throws {
        var writer = PlainRequest(userAgent: "narthex/1")
        let request = HTTPRequest(
            url: "http://10.0.0.7:9100/metrics?x=1",
            headers: [
                HTTPHeader(name: "Accept", value: "text/plain"), HTTPHeader(name: "X-A", value: "b c"),
            ],
            acceptGzip: true)
        #expect(
            try written(request, &writer) == """
                GET /metrics?x=1 HTTP/1.1\r\nHost: 10.0.0.7:9100\r\nUser-Agent: narthex/1\r\n\
                Accept-Encoding: gzip\r\nAccept: text/plain\r\nX-A: b c\r\n\r\n
                """)
    }

    @Test func whatRequestsHaveInCommonIsNotMixedUp() throws {
        var writer = PlainRequest(userAgent: "n")
        let plain = HTTPRequest(url: "http://10.0.0.7")
        let other = HTTPRequest(
            url: "http://10.0.0.8:80?q", headers: [HTTPHeader(name: "X-A", value: "1")], acceptGzip: true)
        for _ in 0..<2 {
            #expect(
                try written(plain, &writer)
                    == "GET / HTTP/1.1\r\nHost: 10.0.0.7\r\nUser-Agent: n\r\nAccept: */*\r\n\r\n")
            #expect(
                try written(other, &writer)
                    == "GET /?q HTTP/1.1\r\nHost: 10.0.0.8\r\nUser-Agent: n\r\nAccept: */*\r\n"
                    + "Accept-Encoding: gzip\r\nX-A: 1\r\n\r\n")
        }
    }

    @Test(
        arguments: [
            ("http://[fe80:0::7%25lo]:9100/m", "[fe80::7]:9100"), ("http://[::1]/m", "[::1]"),
            ("http://Name.example:80/m", "Name.example"),
        ] as [(String, String)])
    func theHostIsWrittenAsLibcurlDoes(url: String, host: String) throws {
        var writer = PlainRequest(userAgent: "n")
        #expect(
            try written(HTTPRequest(url: url), &writer)
                == "GET /m HTTP/1.1\r\nHost: \(host)\r\nUser-Agent: n\r\nAccept: */*\r\n\r\n")
    }

    @Test(arguments: [
        HTTPHeader(name: "Host", value: "evil"), HTTPHeader(name: "connection", value: "close"),
        HTTPHeader(name: "Transfer-Encoding", value: "chunked"),
        HTTPHeader(name: "Content-Length", value: "5"),
        HTTPHeader(name: "X-A", value: "b\r\nX-B: c"), HTTPHeader(name: "X A", value: "b"),
        HTTPHeader(name: "X-A", value: ""), HTTPHeader(name: "", value: "b"),
        HTTPHeader(name: "Accept-Encoding", value: "br"), HTTPHeader(name: "user-agent", value: "x"),
    ])
    func headersWithAMeaningAreForLibcurl(header: HTTPHeader) throws {
        var writer = PlainRequest(userAgent: "n")
        let request = HTTPRequest(url: "http://10.0.0.7/", headers: [header])
        #expect(try written(request, &writer) == nil)
        #expect(try written(request, &writer) == nil)
    }

    @Test func onlyScrapesThatConnectInTheClientsOwnWayArePlain() {
        var request = HTTPRequest(url: "http://10.0.0.7/", takesBodySlot: true)
        #expect(PlainRequest.isPlain(request))
        request.connection = HTTPConnectionOptions()
        #expect(!PlainRequest.isPlain(request))
        #expect(!PlainRequest.isPlain(HTTPRequest(url: "http://10.0.0.7/")))
        #expect(
            !PlainRequest.isPlain(HTTPRequest(method: .post, url: "http://1.1.1.1/", takesBodySlot: true)))
        #expect(!PlainRequest.isPlain(HTTPRequest(url: "http://1.1.1.1/", body: [1], takesBodySlot: true)))
    }
}
