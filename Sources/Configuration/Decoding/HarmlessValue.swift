/// Which values of a refused key ask for nothing beyond what happens anyway, and are let pass. A key without
/// a value always does, and so does an empty list or mapping, `.null` excepted.
indirect enum HarmlessValue: Sendable {
    /// Null alone: even an empty mapping asks for something.
    case null
    /// An empty list, and a mapping of nothing but empty values; nothing else.
    case empty
    /// These texts, quoted or not.
    case texts([String])
    case bools([Bool])
    case numbers([Int64])
    /// A duration of nothing, for instance `0s`.
    case zeroDuration
    /// A list of nothing but such values. An item `{}` is none: it may stand for all of its defaults.
    case items(HarmlessValue)
    /// A mapping of nothing but these keys with such values.
    case only([String: HarmlessValue])
    /// A mapping in which each of these keys is absent or has such a value; the others do nothing without.
    case decided(by: [String: HarmlessValue])
    /// A mapping in which this key is false, whatever the others say.
    case switchedOff(by: String)
    /// Any value: the key means something only beside another one, which is refused then.
    case anything

    /// True when a key with this value asks for nothing.
    func includes(_ node: YAMLNode) -> Bool {
        if node.isNull { return true }
        if case .null = self { return false }
        if node.isEmpty { return true }
        switch self {
        case .null, .empty: return false
        case .anything: return true
        case .texts(let texts): return node.scalarText.map(texts.contains) ?? false
        case .bools(let values): return plainText(node).flatMap(YAMLScalar.bool).map(values.contains) ?? false
        case .numbers(let values):
            return plainText(node).flatMap(YAMLScalar.integer).map(values.contains) ?? false
        case .zeroDuration: return node.scalarText.flatMap(PrometheusDuration.parse) == 0
        case .items(let item):
            guard case .sequence(let items) = node.content else { return false }
            return items.allSatisfy { one in
                if case .mapping(let entries) = one.content, entries.isEmpty { return false }
                return item.includes(one)
            }
        case .only, .decided, .switchedOff:
            guard case .mapping(let entries) = node.content else { return false }
            return includes(entries)
        }
    }

    private func includes(_ entries: [YAMLNode.Entry]) -> Bool {
        switch self {
        case .only(let values):
            entries.allSatisfy { entry in
                entry.key.scalarText.flatMap { values[$0] }?.includes(entry.value) ?? false
            }
        case .decided(let values):
            entries.allSatisfy { entry in
                entry.key.scalarText.flatMap { values[$0] }?.includes(entry.value) ?? true
            }
        case .switchedOff(let key):
            entries.contains { entry in
                entry.key.scalarText == key && plainText(entry.value).flatMap(YAMLScalar.bool) == false
            }
        default: false
        }
    }

    /// Of a scalar without quotes.
    private func plainText(_ node: YAMLNode) -> String? {
        guard case .scalar(let text, plain: true) = node.content else { return nil }
        return text
    }
}
