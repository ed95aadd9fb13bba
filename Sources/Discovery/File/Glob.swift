/// A pattern for a file's name, as Go's path.Match reads it: `*`, `?`, `[a-z]`, `[^a-z]`, `\` before a
/// literal.
struct Glob {
    private enum Part {
        case literal(UInt8), anyOne, anyRun
        case set([ClosedRange<UInt8>], negated: Bool)
    }

    private let parts: [Part]

    /// True when a name holds anything that makes it a pattern.
    static func isPattern(_ name: String) -> Bool {
        name.utf8.contains { [0x2A, 0x3F, 0x5B, 0x5C].contains($0) }
    }

    init(_ pattern: String) throws(DiscoveryError) {
        var parts: [Part] = []
        var rest = Array(pattern.utf8)[...]
        while let byte = rest.popFirst() {
            switch byte {
            case 0x2A: parts.append(.anyRun)
            case 0x3F: parts.append(.anyOne)
            case 0x5C:
                guard let next = rest.popFirst() else { throw Self.bad(pattern) }
                parts.append(.literal(next))
            case 0x5B: parts.append(try Self.set(&rest, pattern))
            default: parts.append(.literal(byte))
            }
        }
        self.parts = parts
    }

    private static func set(_ rest: inout ArraySlice<UInt8>, _ pattern: String) throws(DiscoveryError) -> Part
    {
        let negated = rest.first == 0x5E
        if negated { rest.removeFirst() }
        var ranges: [ClosedRange<UInt8>] = []
        while let byte = rest.popFirst() {
            if byte == 0x5D, !ranges.isEmpty { return .set(ranges, negated: negated) }
            let low = byte == 0x5C ? rest.popFirst() : byte
            var high = low
            if rest.first == 0x2D {
                rest.removeFirst()
                high = rest.popFirst()
                if high == 0x5C { high = rest.popFirst() }
            }
            guard let low, let high, low <= high else { break }
            ranges.append(low...high)
        }
        throw bad(pattern)
    }

    private static func bad(_ pattern: String) -> DiscoveryError {
        DiscoveryError(
            .badGlob, "not a pattern: a [ without ], a range without end or a trailing \\", place: pattern)
    }

    /// True when the whole name matches. Linear but for the one `*` that is tried again.
    func matches(_ name: String) -> Bool {
        let bytes = Array(name.utf8)
        var part = 0
        var index = 0
        var star: (part: Int, index: Int)?
        while index < bytes.count {
            if part < parts.count, case .anyRun = parts[part] {
                star = (part, index)
                part += 1
            } else if part < parts.count, matchesOne(parts[part], bytes[index]) {
                part += 1
                index += 1
            } else if let retry = star {
                // The last * takes one byte more.
                star = (retry.part, retry.index + 1)
                part = retry.part + 1
                index = retry.index + 1
            } else {
                return false
            }
        }
        return parts[part...].allSatisfy { if case .anyRun = $0 { true } else { false } }
    }

    private func matchesOne(_ part: Part, _ byte: UInt8) -> Bool {
        switch part {
        case .literal(let wanted): byte == wanted
        case .anyOne: true
        case .anyRun: false
        case .set(let ranges, let negated): ranges.contains { $0.contains(byte) } != negated
        }
    }
}
