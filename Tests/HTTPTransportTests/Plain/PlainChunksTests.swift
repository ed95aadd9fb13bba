import Testing

@testable import HTTPTransport

struct PlainChunksTests {
    /// The body of a chunked text that comes in pieces of `size` bytes, what came of it, and what is behind.
    private func read(_ text: String, piece size: Int) -> (body: String, last: PlainChunks.Step, rest: Int) {
        var chunks = PlainChunks()
        var body: [UInt8] = []
        let bytes = Array(text.utf8)
        var start = 0
        while start < bytes.count {
            let piece = Array(bytes[start..<min(start + size, bytes.count)])
            var place = 0
            var step = PlainChunks.Step.more
            repeat {
                step = chunks.next(piece.span, &place)
                if case .data(let range) = step { body += piece[range] } else { break }
            } while true
            start += piece.count
            if case .end(let end) = step {
                return (String(decoding: body, as: UTF8.self), step, bytes.count - start + piece.count - end)
            }
            if case .malformed = step { return (String(decoding: body, as: UTF8.self), step, 0) }
        }
        return (String(decoding: body, as: UTF8.self), .more, 0)
    }

    @Test(arguments: 1...40)
    func piecesMakeNoDifference(size: Int) {
        let text = "5\r\nhello\r\n1\r\n \r\n00A\r\n0123456789\r\nb\r\nhello world\r\n0\r\n\r\n"
        let (body, last, rest) = read(text + "xyz", piece: size)
        #expect(body == "hello 0123456789hello world")
        if case .end = last {} else { Issue.record("the end was not seen: \(last)") }
        #expect(rest == 3)
        // Without its last byte it has no end.
        #expect(read(String(text.dropLast()), piece: size).last == .more)
    }

    @Test(arguments: [
        "\r\n", "x\r\n", "-1\r\n", "0x5\r\nhello\r\n", "5_\r\n", "10000000000000000\r\n", "5\r\nhelloX\r\n",
        "5\r\nhello\r\r\n", "5\r\nhello5\r\n",
    ])
    func brokenFramingIsMalformed(text: String) {
        for size in 1...4 {
            guard case .malformed = read(text, piece: size).last else {
                Issue.record("in pieces of \(size): \(read(text, piece: size))")
                continue
            }
        }
    }

    @Test(arguments: [
        "5;name=value\r\nhello\r\n0;last\r\n\r\n", "5 \r\nhello\r\n0\r\n\r\n", "5\nhello\n0\n\n",
        "5\r\nhello\r\n0\r\nTrailer: x\r\nOther: y\r\n\r\n", "005\r\nhello\r\n000\r\n\r\n",
    ])
    func extensionsTrailersAndBareLineFeedsArePassedOver(text: String) {
        for size in 1...4 {
            let (body, last, rest) = read(text + "xyz", piece: size)
            #expect(body == "hello" && rest == 3, "in pieces of \(size): \(last)")
        }
    }

    /// A server that writes a line at a time makes a chunk of each.
    @Test(arguments: ["\r\n", "  \r\n", ";a=b\r\n"])
    func manySmallChunksAreABody(lineEnd: String) {
        let count = 132_000
        let text = String(repeating: "1\(lineEnd)x\r\n", count: count) + "0\r\n\r\n"
        let (body, last, _) = read(text, piece: 30_000)
        #expect(body.utf8.count == count)
        if case .end = last {} else { Issue.record("it was not read: \(last)") }
    }

    @Test func extensionsAndTrailersAreBounded() {
        let long = String(repeating: "x", count: 140_000)
        for text in ["5;\(long)\r\nhello\r\n0\r\n\r\n", "5\r\nhello\r\n0\r\n\(long)"] {
            guard case .malformed = read(text, piece: 1_000).last else {
                Issue.record("it was read")
                continue
            }
        }
    }
}
