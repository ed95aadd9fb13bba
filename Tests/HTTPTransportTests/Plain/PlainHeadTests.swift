import Testing

@testable import HTTPTransport

struct PlainHeadTests {
    /// What the lines of a text come to.
    private func read(_ text: String) -> PlainHead.Step {
        var head = PlainHead()
        for line in text.utf8.split(separator: 0x0A, omittingEmptySubsequences: false).dropLast() {
            let bytes = line.last == 0x0D ? Array(line.dropLast()) : Array(line)
            let step = head.take(bytes.span)
            if step != .more { return step }
        }
        return .more
    }

    @Test(
        arguments: [
            ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", 200, .length(5), false),
            ("HTTP/1.1 200\r\ncontent-length:0\r\n\r\n", 200, .length(0), false),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: \t 12 \t\r\nConnection: Close\r\n\r\n", 200, .length(12),
                true
            ),
            ("HTTP/1.1 200 OK\r\nConnection: x, close\r\nContent-Length: 5\r\n\r\n", 200, .length(5), true),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\nConnection: keep-alive\r\n\r\n", 200,
                .chunks,
                false
            ),
            (
                "HTTP/1.1 200 \u{E4}\r\nX: \u{E4}\r\nContent-Length: 999999999999999999\r\n\r\n", 200,
                .length(999_999_999_999_999_999), false
            ),
            ("HTTP/1.1 200 OK\r\n\r\n", 200, .untilClose, true),
            ("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n", 200, .length(5), true),
            (
                "HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: Keep-Alive\r\n\r\n", 200, .length(5),
                false
            ),
            (
                "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n", 200,
                .chunks, true
            ),
            ("HTTP/1.1 500 Oops\r\nContent-Length: 5\r\n\r\n", 500, .length(5), false),
            ("HTTP/1.1 204 None\r\n\r\n", 204, .none, false),
            ("HTTP/1.1 304 Same\r\nContent-Length: 5\r\n\r\n", 304, .none, false),
            (
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 No\r\nContent-Length: 1\r\n\r\n", 404, .length(1),
                false
            ),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 200, .chunks,
                true
            ),
            ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", 200, .length(5), false),
            ("HTTP/1.1 200 OK\nContent-Length: 5\n\n", 200, .length(5), false),
            ("HTTP/1.1 200 OK\r\nX: a\r\n folded\r\nContent-Length: 5\r\n\r\n", 200, .length(5), false),
            (
                "HTTP/1.1 200 OK\r\nno colon\r\n: nameless\r\nContent-Length: 5\r\n\r\n", 200, .length(5),
                false
            ),
            ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: upgrade\r\n\r\n", 200, .length(5), false),
        ] as [(String, Int, PlainHead.Framing, Bool)])
    func legalHeadsAreRead(text: String, status: Int, body: PlainHead.Framing, closes: Bool) {
        #expect(read(text) == .whole(.init(status: status, body: body, closes: closes)))
    }

    @Test(arguments: [
        "HTTP/1.1 2000 OK\r\n", "HTTP/1.1 20 OK\r\n", "HTTP/1.1 099 OK\r\n", "HTTP/2 200\r\n", "<html>\r\n",
        "\r\nHTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 101 Switching\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding : chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 0x5\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 9999999999999999999\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: a\u{0}b\r\nContent-Length: 5\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\rX: y\r\n\r\n",
    ])
    func whatIsOpenToInterpretationIsMalformed(text: String) {
        guard case .malformed = read(text) else {
            Issue.record("\(read(text))")
            return
        }
    }

    @Test func whatCannotBeginAnAnswerIsKnownBeforeItsLineEnds() {
        func canBegin(_ bytes: [UInt8]) -> Bool { PlainHead().canBegin(bytes.span) }
        for end in 0...7 { #expect(canBegin(Array("HTTP/1.1".utf8.prefix(end)))) }
        for text in ["<", "HTTQ", "HTTP/2", "\u{0}"] { #expect(!canBegin(Array(text.utf8))) }
    }
}
