import Testing

@testable import HTTPTransport

struct PlainHeadTests {
    private func read(_ text: String) -> PlainHead { PlainHead.read(Array(text.utf8).span) }

    @Test(
        arguments: [
            ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", 5, false),
            ("HTTP/1.1 200\r\ncontent-length:0\r\n\r\n", 0, false),
            ("HTTP/1.1 200 OK\r\nContent-Length: \t 12 \t\r\nConnection: Close\r\n\r\n", 12, true),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\nConnection: keep-alive\r\n\r\n", nil, false),
            (
                "HTTP/1.1 200 \u{E4}\r\nX: \u{E4}\r\nContent-Length: 999999999999999\r\n\r\n",
                999_999_999_999_999, false
            ),
        ] as [(String, Int?, Bool)])
    func ordinaryHeadsAreRead(text: String, length: Int?, closes: Bool) {
        let count = text.utf8.count
        #expect(
            read(text + "body") == .whole(.init(byteCount: count, length: length, closes: closes)))
        // However much of it has come, it is not taken for another.
        for end in 0..<count {
            #expect(PlainHead.read(Array(text.utf8.prefix(end)).span) == .incomplete, "\(end) bytes")
        }
    }

    @Test(arguments: [
        "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n", "HTTP/1.1 500 Oops\r\nContent-Length: 5\r\n\r\n",
        "HTTP/1.1 2000 OK\r\nContent-Length: 5\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\n", "<html>",
        "HTTP/1.1 301 Moved\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", "\r\nHTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nX: y\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding : chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 0x5\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 9999999999999999\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Encoding: gzip\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: upgrade\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n",
        "HTTP/1.1 200 OK\nContent-Length: 5\n\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\rX: y\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: a\u{0}b\r\nContent-Length: 5\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: a\r\n folded\r\nContent-Length: 5\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\nContent-Length: 5\r\n\r\n",
        "HTTP/1.1 200 OK\r\n: nameless\r\nContent-Length: 5\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: y\nContent-Length: 3\r\nContent-Length: 5\r\n\r\n",
    ])
    func everythingElseIsForLibcurl(text: String) {
        #expect(read(text) == .unusual)
    }

    @Test func aHeadWithoutEndIsUnusual() {
        let endless =
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: "
            + String(repeating: "x", count: PlainHead.limitBytes)
        #expect(read(endless) == .unusual)
        #expect(read(endless + "\r\n\r\n") == .unusual)
        let start = Array(endless.utf8.prefix(PlainHead.limitBytes - 1))
        #expect(PlainHead.read(start.span) == .incomplete)
    }
}
