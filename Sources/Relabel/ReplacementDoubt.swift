/// A reference in `replacement` or `target_label` that is probably meant otherwise than Prometheus reads it.
public enum ReplacementDoubt: Sendable, Equatable {
    /// `$$1`: the text `$1`. The OpenTelemetry collector's configuration takes two dollars where this takes
    /// one.
    case escapedGroup(written: String, meant: String)
    /// `${NAME}` or `$NAME`, which is empty: the regex has no such group.
    case unknownGroup(written: String, name: String)
    /// `$1_total`, which is empty: it names a group `1_total`.
    case longName(written: String, name: String, meant: String)
    /// `${env:NAME}`, which stands for itself.
    case noName(written: String)
}

extension RelabelRule {
    /// What is doubtful in the texts that the rule's action expands, by their keys. A group by its number is
    /// never, even where the regex has fewer.
    public var doubts: [(key: RelabelError.Key, doubt: ReplacementDoubt)] {
        guard action == .replace || action == .labelmap else { return [] }
        let ofTarget =
            action == .replace ? doubts(in: targetLabel).map { (RelabelError.Key.targetLabel, $0) } : []
        return ofTarget + doubts(in: replacement).map { (RelabelError.Key.replacement, $0) }
    }

    private func doubts(in template: String) -> [ReplacementDoubt] {
        var result: [ReplacementDoubt] = []
        var rest = Substring(template).unicodeScalars
        while let scalar = rest.popFirst() {
            guard scalar == "$" else { continue }
            let isEscaped = rest.first == "$"
            if isEscaped { rest.removeFirst() }
            guard let (name, after) = ReplacementTemplate.name(rest) else {
                if !isEscaped, let text = braced(rest) { result.append(.noName(written: "$\(text)")) }
                continue
            }
            let written = "$\(String(rest[..<after.startIndex]))"
            rest = after
            let digits = name.prefix { $0.isASCII && $0.isNumber }
            let isKnown = digits.count == name.count || pattern.group(named: name) != nil
            if isEscaped {
                if isKnown { result.append(.escapedGroup(written: "$\(written)", meant: written)) }
            } else if !isKnown, !digits.isEmpty, !written.hasPrefix("${") {
                let meant = "${\(digits)}\(name.dropFirst(digits.count))"
                result.append(.longName(written: written, name: name, meant: meant))
            } else if !isKnown {
                result.append(.unknownGroup(written: written, name: name))
            }
        }
        return result
    }

    /// `{…}` at the beginning, braces included.
    private func braced(_ rest: Substring.UnicodeScalarView) -> String? {
        guard rest.first == "{", let end = rest.firstIndex(of: "}") else { return nil }
        return String(rest[...end])
    }
}
