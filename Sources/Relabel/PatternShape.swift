/// What most patterns of relabel rules come down to, matched without RE2: the whole text, a text that is not
/// empty, one of a few literals, or a literal prefix with anything after it. A short text is told from a
/// literal in a few nanoseconds; asking RE2 for a group takes some hundred.
enum PatternShape: Equatable {
    /// What the one group of a pattern holds.
    enum Group: Equatable {
        case none, whole
        /// What follows the prefix.
        case tail
    }

    /// `prefix.*`, and `prefix.+` with `needsTail`. An empty prefix makes `.*` and `.+`.
    case prefix([UInt8], needsTail: Bool, Group)
    case literals([[UInt8]], Group)

    /// More alternatives than this are RE2's: its automaton looks at each byte of the text once.
    static let maxLiterals = 12

    /// Nil for what only RE2 can match. `pattern` without its anchors.
    init?(_ pattern: [UInt8]) {
        var body = pattern[...]
        var group = Group.none
        if let inner = Self.wrapped(body, "(?:") {
            body = inner
        } else if let inner = Self.wrapped(body, "(") {
            body = inner
            group = .whole
        }
        if let shape = Self.literals(body, group) {
            self = shape
        } else if group == .none || !body.contains(UInt8(ascii: "|")), let shape = Self.prefix(body, group) {
            self = shape
        } else {
            return nil
        }
    }

    var groupCount: Int {
        switch self {
        case .prefix(_, _, let group), .literals(_, let group): group == .none ? 0 : 1
        }
    }

    /// Whether all of `text` is matched.
    func matches(_ text: [UInt8]) -> Bool {
        switch self {
        case .prefix(let prefix, let needsTail, _):
            text.count >= prefix.count + (needsTail ? 1 : 0) && Self.begins(text, prefix)
        case .literals(let literals, _):
            literals.contains { $0.count == text.count && Self.begins(text, $0) }
        }
    }

    /// The same, with the ranges of match and group.
    func find(in text: [UInt8], ranges: inout [Int32]) -> Bool {
        guard matches(text) else { return false }
        let end = Int32(clamping: text.count)
        ranges.removeAll(keepingCapacity: true)
        ranges.append(0)
        ranges.append(end)
        switch self {
        case .prefix(_, _, .none), .literals(_, .none): break
        case .prefix(let prefix, _, .tail):
            ranges.append(Int32(clamping: prefix.count))
            ranges.append(end)
        case .prefix, .literals:
            ranges.append(0)
            ranges.append(end)
        }
        return true
    }

    private static func begins(_ text: [UInt8], _ prefix: [UInt8]) -> Bool {
        for index in prefix.indices where text[index] != prefix[index] { return false }
        return true
    }

    // MARK: reading a pattern

    /// What stands between `opening` and the closing parenthesis, when there is no other one.
    private static func wrapped(_ body: ArraySlice<UInt8>, _ opening: String) -> ArraySlice<UInt8>? {
        let opening = Array(opening.utf8)
        guard body.count > opening.count, body.starts(with: opening), body.last == UInt8(ascii: ")") else {
            return nil
        }
        let inner = body.dropFirst(opening.count).dropLast()
        // `\)` would be taken for the end; a ? makes it another kind of group. Both are rare: RE2's.
        return inner.contains { "()\\?".utf8.contains($0) } ? nil : inner
    }

    private static func literals(_ body: ArraySlice<UInt8>, _ group: Group) -> PatternShape? {
        let parts = body.split(separator: UInt8(ascii: "|"), omittingEmptySubsequences: false)
        guard parts.count <= maxLiterals else { return nil }
        var literals: [[UInt8]] = []
        for part in parts {
            guard let literal = literal(part) else { return nil }
            literals.append(literal)
        }
        // `\|` is cut in two here, and its first half ends in a backslash, which is no literal.
        return .literals(literals, group)
    }

    private static func prefix(_ body: ArraySlice<UInt8>, _ group: Group) -> PatternShape? {
        for (tail, needsTail, tailGroup) in [
            (".*", false, Group.none), (".+", true, .none), ("(.*)", false, .tail), ("(.+)", true, .tail),
        ] {
            let tail = Array(tail.utf8)
            guard body.suffix(tail.count).elementsEqual(tail),
                let literal = literal(body.dropLast(tail.count))
            else { continue }
            if tailGroup == .none { return .prefix(literal, needsTail: needsTail, group) }
            return group == .none ? .prefix(literal, needsTail: needsTail, .tail) : nil
        }
        return nil
    }

    /// The text that a part of a pattern stands for, when it stands for one.
    private static func literal(_ part: ArraySlice<UInt8>) -> [UInt8]? {
        var result: [UInt8] = []
        var index = part.startIndex
        while index < part.endIndex {
            let byte = part[index]
            index += 1
            if byte == UInt8(ascii: "\\") {
                // A backslash before punctuation is that punctuation, in either dialect.
                guard index < part.endIndex, ".+*?()|[]{}^$\\-/:".utf8.contains(part[index]) else {
                    return nil
                }
                result.append(part[index])
                index += 1
            } else if ".+*?()|[]{}^$".utf8.contains(byte) {
                return nil
            } else {
                result.append(byte)
            }
        }
        return result
    }
}
