internal import Platform

/// Reads a whole JSON text (RFC 8259) into a tree. Nesting and the number of values are bounded, as what is
/// read comes from other machines; anything after the value is refused. What else is, `JSONRules` say.
public struct JSONReader {
    /// Arrays and objects inside each other; more would only cost stack.
    public static let depthLimit = 64

    private let bytes: [UInt8]
    private let nodeLimit: Int
    private let rules: JSONRules
    private var index = 0
    private var depth = 0
    private var nodeCount = 0

    /// The value that `bytes` hold. `nodeLimit` bounds the values in it, arrays and objects included.
    public static func read(
        _ bytes: [UInt8], nodeLimit: Int = 1_000_000, rules: JSONRules = .strict
    ) throws(JSONError) -> JSONNode {
        var reader = JSONReader(bytes: bytes, nodeLimit: nodeLimit, rules: rules)
        let root = try reader.value()
        reader.skipSpace()
        guard reader.index == bytes.count else { throw reader.error("the text goes on after its value") }
        return root
    }

    private init(bytes: [UInt8], nodeLimit: Int, rules: JSONRules) {
        self.bytes = bytes
        self.nodeLimit = nodeLimit
        self.rules = rules
    }

    private mutating func value() throws(JSONError) -> JSONNode {
        skipSpace()
        let start = index
        nodeCount += 1
        guard nodeCount <= nodeLimit else { throw error("more than \(nodeLimit) values") }
        guard let first = peek else { throw error("the text ends where a value must stand") }
        let content: JSONNode.Content
        switch first {
        case UInt8(ascii: "\""): content = .string(try string())
        case UInt8(ascii: "{"): content = .object(try members())
        case UInt8(ascii: "["): content = .array(try items())
        case UInt8(ascii: "t"): content = try word("true", .bool(true))
        case UInt8(ascii: "f"): content = try word("false", .bool(false))
        case UInt8(ascii: "n"): content = try word("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): content = .number(try number())
        default: throw error("no JSON value begins with this character")
        }
        return JSONNode(content, offset: start)
    }

    private mutating func members() throws(JSONError) -> [JSONNode.Member] {
        try enter()
        var result: [JSONNode.Member] = []
        var keys = JSONKeyIndex()
        skipSpace()
        if take(UInt8(ascii: "}")) { return leave(result) }
        while true {
            skipSpace()
            guard peek == UInt8(ascii: "\"") else {
                throw error("an object's key in double quotes must stand here")
            }
            let start = index
            let key = try string()
            guard rules == .asGo || keys.add(key, to: result) else {
                throw error("this key stands twice in its object", at: start)
            }
            skipSpace()
            guard take(UInt8(ascii: ":")) else { throw error("a colon must stand after a key") }
            result.append(JSONNode.Member(key: key, offset: start, value: try value()))
            skipSpace()
            if take(UInt8(ascii: "}")) { return leave(result) }
            guard take(UInt8(ascii: ",")) else { throw error("a comma or the object's } must stand here") }
        }
    }

    private mutating func items() throws(JSONError) -> [JSONNode] {
        try enter()
        var result: [JSONNode] = []
        skipSpace()
        if take(UInt8(ascii: "]")) { return leave(result) }
        while true {
            result.append(try value())
            skipSpace()
            if take(UInt8(ascii: "]")) { return leave(result) }
            guard take(UInt8(ascii: ",")) else { throw error("a comma or the array's ] must stand here") }
        }
    }

    /// Steps over the opening bracket.
    private mutating func enter() throws(JSONError) {
        guard depth < Self.depthLimit else { throw error("nested deeper than \(Self.depthLimit) levels") }
        depth += 1
        index += 1
    }

    private mutating func leave<Value>(_ value: Value) -> Value {
        depth -= 1
        return value
    }

    /// RFC 8259 §6: no plus sign, no leading zeros, digits on both sides of the point.
    private mutating func number() throws(JSONError) -> String {
        let start = index
        _ = take(UInt8(ascii: "-"))
        if !take(UInt8(ascii: "0")) { try digits() }
        if take(UInt8(ascii: ".")) { try digits() }
        var hasExponent = false
        if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
            hasExponent = true
            if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
            try digits()
        }
        let text = String(decoding: bytes[start..<index], as: UTF8.self)
        // A double goes up to 1.8e308: what is shorter and has no exponent need not be converted to be sure.
        if rules == .strict, hasExponent || index - start > 300 {
            guard let value = Double(text), value.isFinite else {
                throw error("this number is larger than a double can be", at: start)
            }
        }
        return text
    }

    private mutating func digits() throws(JSONError) {
        let start = index
        while let byte = peek, (0x30...0x39).contains(byte) { index += 1 }
        guard index > start else { throw error("a digit must stand here") }
    }

    /// Most strings have no escape and are made from the text at once.
    private mutating func string() throws(JSONError) -> String {
        let start = index
        index += 1
        skipPlain()
        guard peek == UInt8(ascii: "\"") else { return try escapedString(start) }
        let text = try decoded(bytes[(start + 1)..<index], start)
        index += 1
        return text
    }

    /// A string whose first escape, or whose fault, is at `index`; its opening quote is at `start`.
    private mutating func escapedString(_ start: Int) throws(JSONError) -> String {
        var text = Array(bytes[(start + 1)..<index])
        while let byte = peek {
            switch byte {
            case UInt8(ascii: "\""):
                index += 1
                return try decoded(text[...], start)
            case UInt8(ascii: "\\"): text.append(contentsOf: try escape().utf8)
            case 0..<0x20: throw error("a control character in a string must be escaped")
            default:
                let first = index
                skipPlain()
                text.append(contentsOf: bytes[first..<index])
            }
        }
        throw error("this string has no end", at: start)
    }

    /// Goes to the next quote, backslash or control character, or to the end of the text.
    private mutating func skipPlain() {
        while let byte = peek, byte >= 0x20, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") {
            index += 1
        }
    }

    private func decoded(_ text: ArraySlice<UInt8>, _ start: Int) throws(JSONError) -> String {
        if rules == .asGo { return String(decoding: text, as: UTF8.self) }
        guard let result = String(validating: text, as: UTF8.self) else {
            throw error("this string is not UTF-8", at: start)
        }
        return result
    }

    /// A backslash and what follows it.
    private mutating func escape() throws(JSONError) -> Unicode.Scalar {
        let start = index
        index += 1
        defer { index += 1 }
        switch peek {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(bytes[index])
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): return try unicodeEscape(start)
        default: throw error("JSON has no such escape", at: start)
        }
    }

    /// Four digits, and for a character beyond the first 65,536 the second half of its pair. `index` is at
    /// the `u` before and at the last digit after.
    private mutating func unicodeEscape(_ start: Int) throws(JSONError) -> Unicode.Scalar {
        let first = try hexadecimal(start)
        if let scalar = Unicode.Scalar(first) { return scalar }
        let end = index
        let isPair =
            first < 0xDC00 && index + 2 < bytes.count && bytes[index + 1] == UInt8(ascii: "\\")
            && bytes[index + 2] == UInt8(ascii: "u")
        if isPair {
            index += 2
            let second = try hexadecimal(start)
            if (0xDC00..<0xE000).contains(second),
                let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
            {
                return scalar
            }
        }
        guard rules == .asGo else { throw error("half a surrogate pair stands alone", at: start) }
        // What follows the half is read for itself.
        index = end
        return "\u{FFFD}"
    }

    private mutating func hexadecimal(_ start: Int) throws(JSONError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            index += 1
            guard let byte = peek, let digit = HexDigit.value(byte) else {
                throw error("\\u and four hexadecimal digits must stand here", at: start)
            }
            value = value << 4 | UInt32(digit)
        }
        return value
    }

    private mutating func word(
        _ text: String, _ content: JSONNode.Content
    ) throws(JSONError) -> JSONNode.Content {
        guard bytes[index...].starts(with: text.utf8) else {
            throw error("only true, false and null are words")
        }
        index += text.utf8.count
        return content
    }

    private var peek: UInt8? { index < bytes.count ? bytes[index] : nil }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard peek == byte else { return false }
        index += 1
        return true
    }

    private mutating func skipSpace() {
        while let byte = peek, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { index += 1 }
    }

    private func error(_ message: String, at offset: Int? = nil) -> JSONError {
        JSONError(place: JSONPlace(offset: offset ?? index, in: bytes), message: message)
    }
}
