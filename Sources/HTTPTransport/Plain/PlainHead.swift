/// The head of an answer as every exporter gives it: `HTTP/1.1 200`, fields that mean what they say, and a
/// body whose end is known.
///
/// Everything else is `unusual`, be it legal or an attack: libcurl makes the request again and judges.
enum PlainHead: Equatable {
    case incomplete
    case unusual
    case whole(Whole)

    struct Whole: Equatable {
        /// Bytes of the head, the empty line included.
        let byteCount: Int
        /// Of the body; nil when it comes in chunks.
        let length: Int?
        /// The server closes the connection behind this answer.
        let closes: Bool
    }

    /// Real ones take a few hundred bytes. One that drips in is read anew with each piece, so this bounds
    /// that as well.
    static let limitBytes = 4 << 10

    private static let statusLine = Array("HTTP/1.1 200".utf8)

    /// Reads the head from the first bytes of an answer.
    static func read(_ bytes: Span<UInt8>) -> PlainHead {
        for index in 0..<min(bytes.count, statusLine.count) where bytes[index] != statusLine[index] {
            return .unusual
        }
        guard bytes.count > statusLine.count else { return .incomplete }
        let next = bytes[statusLine.count]
        guard next == 0x20 || next == 0x0D else { return .unusual }
        guard let first = lineEnd(bytes, from: statusLine.count) else { return unfinished(bytes) }
        guard first.isClean else { return .unusual }
        var fields = Fields()
        var start = first.end + 2
        while true {
            guard let line = lineEnd(bytes, from: start) else { return unfinished(bytes) }
            guard line.isClean, line.end + 2 <= limitBytes else { return .unusual }
            if line.end == start { return fields.verdict(byteCount: start + 2) }
            guard fields.take(bytes, start..<line.end) else { return .unusual }
            start = line.end + 2
        }
    }

    private static func unfinished(_ bytes: Span<UInt8>) -> PlainHead {
        bytes.count >= limitBytes ? .unusual : .incomplete
    }

    /// Where the line's CR LF stands; not clean when it has a control character or a bare CR or LF. Nil when
    /// its end has not come.
    private static func lineEnd(_ bytes: Span<UInt8>, from start: Int) -> (end: Int, isClean: Bool)? {
        var index = start
        while index < bytes.count {
            let byte = bytes[index]
            if byte == 0x0D {
                guard index + 1 < bytes.count else { return nil }
                return (index, bytes[index + 1] == 0x0A)
            }
            if byte < 0x20 && byte != 0x09 || byte == 0x7F { return (index, false) }
            index += 1
        }
        return nil
    }

    /// The fields that say how the body ends.
    private struct Fields {
        private var length: Int?
        private var isChunked = false
        private var closes = false

        /// False when the field, or its being there a second time, is unusual.
        mutating func take(_ bytes: Span<UInt8>, _ line: Range<Int>) -> Bool {
            var colon = line.lowerBound
            while colon < line.upperBound, bytes[colon] != UInt8(ascii: ":") {
                // No white space before the colon, and no line that goes on with the one before.
                guard bytes[colon] > 0x20 else { return false }
                colon += 1
            }
            guard colon > line.lowerBound, colon < line.upperBound else { return false }
            let name = line.lowerBound..<colon
            var value = colon + 1..<line.upperBound
            while let first = value.first, bytes[first] == 0x20 || bytes[first] == 0x09 {
                value.removeFirst()
            }
            while let last = value.last, bytes[last] == 0x20 || bytes[last] == 0x09 { value.removeLast() }
            switch name.count {
            case 7 where isText(bytes, name, "trailer"): return false
            case 10 where isText(bytes, name, "connection"):
                if isText(bytes, value, "close") {
                    closes = true
                } else {
                    return isText(bytes, value, "keep-alive")
                }
            case 14 where isText(bytes, name, "content-length"):
                guard length == nil, let number = Self.number(bytes, value) else { return false }
                length = number
            case 16 where isText(bytes, name, "content-encoding"): return false
            case 17 where isText(bytes, name, "transfer-encoding"):
                guard !isChunked, isText(bytes, value, "chunked") else { return false }
                isChunked = true
            default: break
            }
            return true
        }

        func verdict(byteCount: Int) -> PlainHead {
            // Both, or neither, leave the body's end open to interpretation.
            guard isChunked != (length != nil) else { return .unusual }
            return .whole(Whole(byteCount: byteCount, length: length, closes: closes))
        }

        /// A length that no body exceeds: at most 15 digits.
        private static func number(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Int? {
            guard !range.isEmpty, range.count <= 15 else { return nil }
            var value = 0
            for index in range {
                guard bytes[index] >= 0x30, bytes[index] <= 0x39 else { return nil }
                value = value * 10 + Int(bytes[index] - 0x30)
            }
            return value
        }

        /// Whether the range says `text`, which is in lower case.
        private func isText(_ bytes: Span<UInt8>, _ range: Range<Int>, _ text: String) -> Bool {
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
}
