/// A `Content-Type` header as Go's mime.ParseMediaType takes it, for that decides which answers Prometheus
/// reads: a parameter without a value, or one that stands twice, makes the whole header malformed.
struct MediaType: Equatable {
    /// Longer headers are malformed: no exposition format needs a tenth of it.
    static let maxBytes = 4_096

    /// `type/subtype` in lower case, without parameters.
    let name: String

    /// Nil when the header is malformed.
    init?(_ header: String) {
        let bytes = Array(header.utf8.prefix(Self.maxBytes + 1))
        guard bytes.count <= Self.maxBytes else { return nil }
        let end = bytes.firstIndex(of: UInt8(ascii: ";")) ?? bytes.count
        let name = Self.trimmed(bytes[..<end]).map(Self.lower)
        guard Self.isTypeName(name) else { return nil }
        self.name = String(decoding: name, as: UTF8.self)
        var rest = bytes[end...]
        var seen: Set<[UInt8]> = []
        while true {
            rest = Self.trimmedLeading(rest)
            if rest.isEmpty { return }
            guard let parameter = Self.takeParameter(&rest) else {
                // A semicolon that nothing follows is no error.
                if Self.trimmed(rest).elementsEqual([UInt8(ascii: ";")]) { return }
                return nil
            }
            guard seen.insert(parameter).inserted else { return nil }
        }
    }

    /// Takes `; name=value` off `rest` and returns the name; nil, and `rest` as it was, when it is not that.
    private static func takeParameter(_ rest: inout ArraySlice<UInt8>) -> [UInt8]? {
        var text = rest
        guard text.popFirst() == UInt8(ascii: ";") else { return nil }
        text = trimmedLeading(text)
        let name = text.prefix { isToken($0) }
        guard !name.isEmpty else { return nil }
        text = trimmedLeading(text.dropFirst(name.count))
        guard text.popFirst() == UInt8(ascii: "=") else { return nil }
        text = trimmedLeading(text)
        guard takeValue(&text) else { return nil }
        rest = text
        return name.map(lower)
    }

    /// A token, or a string in quotes with backslashes, neither of them empty unless quoted.
    private static func takeValue(_ text: inout ArraySlice<UInt8>) -> Bool {
        guard text.first == UInt8(ascii: "\"") else {
            let token = text.prefix { isToken($0) }
            text = text.dropFirst(token.count)
            return !token.isEmpty
        }
        text.removeFirst()
        while let byte = text.popFirst() {
            switch byte {
            case UInt8(ascii: "\""): return true
            case UInt8(ascii: "\r"), UInt8(ascii: "\n"): return false
            case UInt8(ascii: "\\"):
                // Before anything but a special character the backslash stands for itself.
                if let next = text.first, next < 0x80, !isToken(next), next != 0x0D, next != 0x0A {
                    text.removeFirst()
                }
            default: break
            }
        }
        return false
    }

    /// `token/token`, or a token alone.
    private static func isTypeName(_ name: [UInt8]) -> Bool {
        let parts = name.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        return (1...2).contains(parts.count) && parts.allSatisfy { !$0.isEmpty && $0.allSatisfy(isToken) }
    }

    /// RFC 2045: printable ASCII but for spaces and `()<>@,;:\"/[]?=`.
    private static func isToken(_ byte: UInt8) -> Bool {
        byte > 0x20 && byte < 0x7F && !"()<>@,;:\\\"/[]?=".utf8.contains(byte)
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

    private static func lower(_ byte: UInt8) -> UInt8 { (0x41...0x5A).contains(byte) ? byte | 0x20 : byte }

    private static func trimmedLeading(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        bytes.drop { isSpace($0) }
    }

    private static func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var result = bytes.drop { isSpace($0) }
        while let last = result.last, isSpace(last) { result.removeLast() }
        return result
    }
}
