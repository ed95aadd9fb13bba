/// What a regular expression that must match all of a text can match at all, told by the letters it begins
/// with.
enum LiteralPrefix {
    /// False only when no text that begins with `prefix` can match.
    static func mayMatch(_ pattern: String, prefix: String) -> Bool {
        alternatives(Array(pattern.utf8)).contains { alternative in
            let letters = literal(alternative)
            let wanted = Array(prefix.utf8)
            return letters.starts(with: wanted) || wanted.starts(with: letters)
        }
    }

    /// The parts between the bars that stand in no parentheses and no class.
    private static func alternatives(_ bytes: [UInt8]) -> [ArraySlice<UInt8>] {
        var parts: [ArraySlice<UInt8>] = []
        var (start, depth, isClass, index) = (0, 0, false, 0)
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "\\"): index += 1
            case UInt8(ascii: "["): isClass = true
            case UInt8(ascii: "]"): isClass = false
            case UInt8(ascii: "(") where !isClass: depth += 1
            case UInt8(ascii: ")") where !isClass: depth -= 1
            case UInt8(ascii: "|") where !isClass && depth <= 0:
                parts.append(bytes[start..<index])
                start = index + 1
            default: break
            }
            index += 1
        }
        return parts + [bytes[min(start, bytes.count)...]]
    }

    /// The letters, digits and underscores in front; the last of them not when it may be absent or repeated.
    private static func literal(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let plain = bytes.prefix {
            (0x61...0x7A).contains($0) || (0x41...0x5A).contains($0) || (0x30...0x39).contains($0)
                || $0 == UInt8(ascii: "_")
        }
        guard plain.endIndex < bytes.endIndex, "?*+{".utf8.contains(bytes[plain.endIndex]) else {
            return plain
        }
        return plain.dropLast()
    }
}
