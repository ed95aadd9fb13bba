/// Label names before UTF-8: `[a-zA-Z_][a-zA-Z0-9_]*` (prometheus/common, model.LegacyValidation).
enum LegacyName {
    static func isName(_ name: some Collection<UInt8>) -> Bool {
        guard let first = name.first, isStart(first) else { return false }
        return name.allSatisfy(isWord)
    }

    /// The same for a name in which groups such as `$1` and `${name}` stand.
    static func isTemplate(_ text: String) -> Bool {
        var rest = Array(text.utf8)[...]
        var mayBeDigit = false
        guard !rest.isEmpty else { return false }
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "$") else {
                guard isStart(byte) || (mayBeDigit && isWord(byte)) else { return false }
                mayBeDigit = true
                continue
            }
            let hasBrace = rest.first == UInt8(ascii: "{")
            if hasBrace { rest.removeFirst() }
            let name = rest.prefix(while: isWord)
            rest = rest.dropFirst(name.count)
            guard !name.isEmpty else { return false }
            if hasBrace { guard rest.popFirst() == UInt8(ascii: "}") else { return false } }
            mayBeDigit = true
        }
        return true
    }

    /// Throws when a key of a rule holds a name that is none.
    static func check(_ keys: RelabelRule.Keys, _ action: RelabelRule.Action) throws(RelabelError) {
        for name in keys.sourceLabels ?? [] where !isName(name.utf8) {
            throw RelabelError(.sourceLabels, "\"\(name)\" in source_labels is \(rule)")
        }
        if let target = keys.targetLabel, !target.isEmpty {
            let isValid =
                action == .replace && target.contains("$") ? isTemplate(target) : isName(target.utf8)
            guard isValid else {
                throw RelabelError(.targetLabel, "the target_label \"\(target)\" is \(rule)")
            }
        }
        if action == .labelmap, let text = keys.replacement, !text.isEmpty, !isTemplate(text) {
            throw RelabelError(.replacement, "the replacement \"\(text)\" is \(rule)")
        }
    }

    private static let rule =
        "no label name: letters, digits and _, not beginning with a digit"
        + " (metric_name_validation_scheme: legacy)"

    private static func isStart(_ byte: UInt8) -> Bool {
        (0x61...0x7A).contains(byte) || (0x41...0x5A).contains(byte) || byte == 0x5F
    }

    private static func isWord(_ byte: UInt8) -> Bool { isStart(byte) || (0x30...0x39).contains(byte) }
}
