/// Just enough of JSON (RFC 8259) for one flat object: nested values are checked and passed over.
struct JSONReader {
    enum Value: Equatable {
        case string(String)
        case number(Double)
        case other
    }

    /// Deeper nesting is refused: it would only cost stack.
    private static let depthLimit = 64

    private let bytes: [UInt8]
    private var index = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// The members of the object that the whole text is; nil when it is none.
    mutating func object() -> [(name: String, value: Value)]? {
        skipSpace()
        guard let members = members(depth: 0) else { return nil }
        skipSpace()
        return index == bytes.count ? members : nil
    }

    private mutating func members(depth: Int) -> [(name: String, value: Value)]? {
        guard depth < Self.depthLimit, take(0x7B) else { return nil }
        var result: [(name: String, value: Value)] = []
        skipSpace()
        if take(0x7D) { return result }
        while true {
            skipSpace()
            guard let name = string() else { return nil }
            skipSpace()
            guard take(0x3A), let value = value(depth: depth + 1) else { return nil }
            result.append((name, value))
            skipSpace()
            if take(0x7D) { return result }
            guard take(0x2C) else { return nil }
        }
    }

    private mutating func value(depth: Int) -> Value? {
        skipSpace()
        guard index < bytes.count else { return nil }
        switch bytes[index] {
        case 0x22: return string().map { .string($0) }
        case 0x7B: return members(depth: depth) == nil ? nil : .other
        case 0x5B: return array(depth: depth) ? .other : nil
        case 0x74: return word("true") ? .other : nil
        case 0x66: return word("false") ? .other : nil
        case 0x6E: return word("null") ? .other : nil
        default: return number()
        }
    }

    private mutating func array(depth: Int) -> Bool {
        guard depth < Self.depthLimit, take(0x5B) else { return false }
        skipSpace()
        if take(0x5D) { return true }
        while true {
            guard value(depth: depth + 1) != nil else { return false }
            skipSpace()
            if take(0x5D) { return true }
            guard take(0x2C) else { return false }
        }
    }

    private mutating func number() -> Value? {
        let start = index
        while index < bytes.count, "+-.eE0123456789".utf8.contains(bytes[index]) { index += 1 }
        guard let first = bytes[start..<index].first, first == 0x2D || (0x30...0x39).contains(first) else {
            return nil
        }
        return Double(String(decoding: bytes[start..<index], as: UTF8.self)).map { .number($0) }
    }

    private mutating func string() -> String? {
        guard take(0x22) else { return nil }
        var text: [UInt8] = []
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            switch byte {
            case 0x22: return String(decoding: text, as: UTF8.self)
            case 0x5C:
                guard let scalar = escape() else { return nil }
                text += Array(String(Character(scalar)).utf8)
            case 0..<0x20: return nil
            default: text.append(byte)
            }
        }
        return nil
    }

    /// What follows a backslash. Half a surrogate pair becomes U+FFFD.
    private mutating func escape() -> Unicode.Scalar? {
        guard index < bytes.count else { return nil }
        let byte = bytes[index]
        index += 1
        switch byte {
        case 0x22, 0x5C, 0x2F: return Unicode.Scalar(byte)
        case 0x62: return "\u{8}"
        case 0x66: return "\u{C}"
        case 0x6E: return "\n"
        case 0x72: return "\r"
        case 0x74: return "\t"
        case 0x75:
            guard let first = hex() else { return nil }
            guard (0xD800..<0xDC00).contains(first) else { return Unicode.Scalar(first) ?? "\u{FFFD}" }
            let after = index
            guard take(0x5C), take(0x75), let second = hex(), (0xDC00..<0xE000).contains(second) else {
                index = after
                return "\u{FFFD}"
            }
            return Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
        default: return nil
        }
    }

    private mutating func hex() -> UInt32? {
        guard index + 4 <= bytes.count else { return nil }
        let digits = bytes[index..<(index + 4)]
        guard
            digits.allSatisfy({
                UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 || (0x61...0x66).contains($0 | 0x20)
            })
        else { return nil }
        index += 4
        return UInt32(String(decoding: digits, as: UTF8.self), radix: 16)
    }

    private mutating func word(_ text: String) -> Bool {
        let end = index + text.utf8.count
        guard end <= bytes.count, bytes[index..<end].elementsEqual(text.utf8) else { return false }
        index = end
        return true
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard index < bytes.count, bytes[index] == byte else { return false }
        index += 1
        return true
    }

    private mutating func skipSpace() {
        while index < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[index]) { index += 1 }
    }
}
