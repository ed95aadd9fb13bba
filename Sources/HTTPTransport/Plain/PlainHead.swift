/// Reads the head of an answer over a plain connection, line by line: the status line, the fields that say
/// how the body ends, and any interim (1xx) heads before them.
///
/// It takes what RFC 9112 lets a user agent take: bare line feeds, folded and odd fields that do not concern
/// the framing, HTTP/1.0, bodies that end with the connection. What leaves the body's end open to
/// interpretation is malformed and fails the request.
struct PlainHead {
    enum Step: Equatable {
        /// The head goes on.
        case more
        case whole(Whole)
        /// Says what is wrong, as the end of a sentence.
        case malformed(String)
    }

    /// How the body ends.
    enum Framing: Equatable {
        /// There is no body.
        case none
        case length(Int)
        case chunks
        case untilClose
    }

    struct Whole: Equatable {
        let status: Int
        let body: Framing
        /// The server closes the connection behind this answer.
        let closes: Bool
    }

    private static let statusLine = Array("HTTP/1.".utf8)

    private var hasStatus = false
    private var status = 0
    private var isOldVersion = false
    private var length: Int?
    private var isChunked = false
    private var saysClose = false
    private var saysKeepAlive = false
    /// A folded line would go on with a field that the framing depends on.
    private var lastFieldFrames = false

    /// Whether the first bytes of a line that has no end yet can begin an answer.
    func canBegin(_ bytes: Span<UInt8>) -> Bool {
        if hasStatus { return true }
        for index in 0..<min(bytes.count, Self.statusLine.count) where bytes[index] != Self.statusLine[index]
        {
            return false
        }
        return true
    }

    /// Takes the next line, without its line end.
    mutating func take(_ line: Span<UInt8>) -> Step {
        guard hasStatus else { return takeStatus(line) }
        if line.isEmpty { return end() }
        for index in line.indices where line[index] == 0 {
            return .malformed("a header line holds a zero byte")
        }
        if line[0] == 0x20 || line[0] == 0x09 {
            return lastFieldFrames ? .malformed("a header that says how the body ends is folded") : .more
        }
        return takeField(line)
    }

    private mutating func takeStatus(_ line: Span<UInt8>) -> Step {
        let start = Self.statusLine.count
        guard line.count >= start + 5, canBegin(line), Self.isDigit(line[start]), line[start + 1] == 0x20,
            let code = Self.number(line, start + 2..<start + 5), code >= 100,
            line.count == start + 5 || line[start + 5] == 0x20
        else { return .malformed("the answer does not begin as HTTP/1 does") }
        hasStatus = true
        isOldVersion = line[start] == 0x30
        status = code
        return .more
    }

    private mutating func end() -> Step {
        guard status >= 200 else {
            guard status != 101 else {
                return .malformed("the server switches protocols, which it was not asked to do")
            }
            // An interim answer: the real one follows.
            self = PlainHead()
            return .more
        }
        let framing: Framing =
            if status == 204 || status == 304 {
                .none
            } else if isChunked {
                .chunks
            } else if let length {
                .length(length)
            } else {
                .untilClose
            }
        // An answer with both framings, or with chunks in HTTP/1.0, which has none, comes from a server that
        // is confused or attacked (RFC 9112 §6.1).
        let isConfused = isChunked && (length != nil || isOldVersion)
        let closes =
            saysClose || isOldVersion && !saysKeepAlive || framing == .untilClose || isConfused
        return .whole(Whole(status: status, body: framing, closes: closes))
    }

    private mutating func takeField(_ line: Span<UInt8>) -> Step {
        lastFieldFrames = false
        var colon = 0
        while colon < line.count, line[colon] != UInt8(ascii: ":") { colon += 1 }
        // A line that is no field is passed over (RFC 9112 §5).
        guard colon < line.count else { return .more }
        var nameEnd = colon
        while nameEnd > 0, line[nameEnd - 1] == 0x20 || line[nameEnd - 1] == 0x09 { nameEnd -= 1 }
        let name = 0..<nameEnd
        let value = Self.trimmed(line, colon + 1..<line.count)
        let fault: String?
        switch name.count {
        case 10 where Self.isText(line, name, "connection"):
            fault = nil
            takeConnection(line, value)
        case 14 where Self.isText(line, name, "content-length"):
            lastFieldFrames = true
            fault = takeLength(line, value)
        case 17 where Self.isText(line, name, "transfer-encoding"):
            lastFieldFrames = true
            fault = takeTransferEncoding(line, value)
        default: return .more
        }
        if let fault { return .malformed(fault) }
        // Some would read the field and some would not.
        return nameEnd == colon || !lastFieldFrames
            ? .more
            : .malformed("white space stands before the colon of a header that says how the body ends")
    }

    /// A list of words between commas.
    private mutating func takeConnection(_ line: Span<UInt8>, _ value: Range<Int>) {
        var start = value.lowerBound
        for index in value.lowerBound...value.upperBound {
            guard index == value.upperBound || line[index] == UInt8(ascii: ",") else { continue }
            let word = Self.trimmed(line, start..<index)
            if Self.isText(line, word, "close") { saysClose = true }
            if Self.isText(line, word, "keep-alive") { saysKeepAlive = true }
            start = index + 1
        }
    }

    private mutating func takeLength(_ line: Span<UInt8>, _ value: Range<Int>) -> String? {
        guard let number = Self.number(line, value) else { return "Content-Length is not a number" }
        guard length == nil || length == number else { return "there are two Content-Length that differ" }
        length = number
        return nil
    }

    private mutating func takeTransferEncoding(_ line: Span<UInt8>, _ value: Range<Int>) -> String? {
        if Self.isText(line, value, "identity") { return nil }
        guard Self.isText(line, value, "chunked"), !isChunked else {
            return "Transfer-Encoding is another than chunked"
        }
        isChunked = true
        return nil
    }

    /// A number of at most 18 digits, which an Int holds.
    private static func number(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Int? {
        guard !range.isEmpty, range.count <= 18 else { return nil }
        var value = 0
        for index in range {
            guard isDigit(bytes[index]) else { return nil }
            value = value * 10 + Int(bytes[index] - 0x30)
        }
        return value
    }

    private static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }

    private static func trimmed(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Range<Int> {
        var range = range
        while let first = range.first, bytes[first] == 0x20 || bytes[first] == 0x09 { range.removeFirst() }
        while let last = range.last, bytes[last] == 0x20 || bytes[last] == 0x09 { range.removeLast() }
        return range
    }

    /// Whether the range says `text`, which is in lower case.
    private static func isText(_ bytes: Span<UInt8>, _ range: Range<Int>, _ text: String) -> Bool {
        guard range.count == text.utf8.count else { return false }
        var index = range.lowerBound
        for wanted in text.utf8 {
            let byte = bytes[index]
            guard wanted == (byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte) else { return false }
            index += 1
        }
        return true
    }
}
