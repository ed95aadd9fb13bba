/// The differences between Go's regexp/syntax, which Prometheus' patterns are written for, and Debian's RE2:
/// the two are one family and agree on everything else.
enum PatternDialect {
    /// The pattern as RE2 takes it. Go knows `(?<name>…)` besides `(?P<name>…)` (since 1.22). It refuses two
    /// groups of one name, and `\C`, which could cut a character in two.
    static func translated(_ pattern: [UInt8]) throws(PatternFault) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(pattern.count)
        var index = 0
        var classStart: Int?
        var names: Set<[UInt8]> = []
        while index < pattern.count {
            let byte = pattern[index]
            switch byte {
            case UInt8(ascii: "\\"):
                let next = index + 1 < pattern.count ? pattern[index + 1] : 0
                if next == UInt8(ascii: "C") { throw PatternFault(message: "invalid escape sequence: \\C") }
                if next == UInt8(ascii: "Q"), classStart == nil {
                    let end = quoteEnd(pattern, from: index + 2)
                    result += pattern[index..<end]
                    index = end
                    continue
                }
                result.append(byte)
                if index + 1 < pattern.count { result.append(next) }
                index += 2
                continue
            case UInt8(ascii: "["):
                if classStart == nil {
                    classStart = index
                } else if let end = namedClassEnd(pattern, index) {
                    result += pattern[index..<end]
                    index = end
                    continue
                }
            case UInt8(ascii: "]"):
                // Right after the opening bracket (and a ^) it stands for itself.
                if let start = classStart, !isFirstInClass(pattern, start, index) { classStart = nil }
            case UInt8(ascii: "("):
                if classStart == nil, let start = groupName(pattern, index) {
                    let name = Array(pattern[start...].prefix { $0 != UInt8(ascii: ">") })
                    guard names.insert(name).inserted else {
                        let shown = String(decoding: name, as: UTF8.self)
                        throw PatternFault(message: "two groups of the name \(shown)")
                    }
                    result += Array("(?P<".utf8)
                    index = start
                    continue
                }
            default: break
            }
            result.append(byte)
            index += 1
        }
        return result
    }

    /// After the `\E` that ends a quotation; the pattern's end without one.
    private static func quoteEnd(_ pattern: [UInt8], from start: Int) -> Int {
        var index = start
        while index + 1 < pattern.count {
            if pattern[index] == UInt8(ascii: "\\"), pattern[index + 1] == UInt8(ascii: "E") {
                return index + 2
            }
            index += 1
        }
        return pattern.count
    }

    /// After the `:]` of a `[:alpha:]` that begins at `start`; nil when none does.
    private static func namedClassEnd(_ pattern: [UInt8], _ start: Int) -> Int? {
        guard start + 1 < pattern.count, pattern[start + 1] == UInt8(ascii: ":") else { return nil }
        var index = start + 2
        while index + 1 < pattern.count, pattern[index] != UInt8(ascii: "]") {
            if pattern[index] == UInt8(ascii: ":"), pattern[index + 1] == UInt8(ascii: "]") {
                return index + 2
            }
            index += 1
        }
        return nil
    }

    private static func isFirstInClass(_ pattern: [UInt8], _ start: Int, _ index: Int) -> Bool {
        index == start + 1 || (index == start + 2 && pattern[start + 1] == UInt8(ascii: "^"))
    }

    /// Where the name of a group begins, after `(?P<` or `(?<`; nil for what is none, such as a look-behind,
    /// which neither knows.
    private static func groupName(_ pattern: [UInt8], _ index: Int) -> Int? {
        let rest = pattern[index...]
        if rest.starts(with: Array("(?P<".utf8)) { return index + 4 }
        guard rest.starts(with: Array("(?<".utf8)), index + 3 < pattern.count else { return nil }
        return "=!".utf8.contains(pattern[index + 3]) ? nil : index + 3
    }
}
