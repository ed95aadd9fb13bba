/// A text with `$1`, `${1}` and `${name}` in it, read by the rules of Go's regexp.Expand: a name is as long
/// as letters, digits and `_` go (`$1x` is the group named `1x`), `$$` is a dollar, a dollar before anything
/// else stands for itself, and a group that does not exist is empty.
struct ReplacementTemplate: Sendable, Equatable {
    enum Part: Sendable, Equatable {
        case text([UInt8])
        case group(Int)
    }

    private(set) var parts: [Part] = []

    init(_ template: String, _ pattern: RelabelPattern) {
        var rest = Substring(template).unicodeScalars
        while let scalar = rest.popFirst() {
            guard scalar == "$" else {
                append(scalar)
                continue
            }
            if rest.first == "$" {
                rest.removeFirst()
                append("$")
            } else if let (name, after) = Self.name(rest) {
                rest = after
                if let group = Self.group(name, pattern) { parts.append(.group(group)) }
            } else {
                append("$")
            }
        }
    }

    /// The text when no group stands in it.
    var constant: [UInt8]? {
        switch parts.count {
        case 0: []
        case 1: if case .text(let bytes) = parts[0] { bytes } else { nil }
        default: nil
        }
    }

    /// How long the result is, so that nothing is built that would be too long.
    func expandedCount(_ ranges: [Int32]) -> Int {
        var count = 0
        for part in parts {
            switch part {
            case .text(let bytes): count += bytes.count
            case .group(let group): count += Int(ranges[2 * group + 1] - ranges[2 * group])
            }
        }
        return count
    }

    /// Appends the result of a match of `source`.
    func expand(_ source: [UInt8], _ ranges: [Int32], into result: inout [UInt8]) {
        for part in parts {
            switch part {
            case .text(let bytes): result.append(contentsOf: bytes)
            case .group(let group):
                let start = Int(ranges[2 * group])
                // A group that took no part.
                guard start >= 0 else { continue }
                result.append(contentsOf: source[start..<Int(ranges[2 * group + 1])])
            }
        }
    }

    private mutating func append(_ scalar: Unicode.Scalar) {
        let bytes = Array(UTF8.encode(scalar) ?? UTF8.encode("\u{FFFD}") ?? .init())
        if case .text(let before)? = parts.last {
            parts[parts.count - 1] = .text(before + bytes)
        } else {
            parts.append(.text(bytes))
        }
    }

    /// The name after a dollar, with or without braces, and what follows it; nil when there is none.
    static func name(
        _ rest: Substring.UnicodeScalarView
    ) -> (name: String, after: Substring.UnicodeScalarView)? {
        var after = rest
        let hasBrace = after.first == "{"
        if hasBrace { after.removeFirst() }
        var name = String.UnicodeScalarView()
        while let scalar = after.first, isWord(scalar) {
            name.append(scalar)
            after.removeFirst()
        }
        if name.isEmpty { return nil }
        if hasBrace {
            guard after.first == "}" else { return nil }
            after.removeFirst()
        }
        return (String(name), after)
    }

    private static func isWord(_ scalar: Unicode.Scalar) -> Bool {
        if scalar == "_" { return true }
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter,
            .decimalNumber:
            return true
        default: return false
        }
    }

    /// By number when it is one (without a zero in front, below 10^8), else by name.
    private static func group(_ name: String, _ pattern: RelabelPattern) -> Int? {
        let digits = Array(name.utf8)
        let isNumber =
            digits.allSatisfy { (0x30...0x39).contains($0) } && digits.count <= 9
            && (digits.count == 1 || digits[0] != 0x30)
        if isNumber, let number = Int(name) { return number <= pattern.groupCount ? number : nil }
        return pattern.group(named: name)
    }
}
