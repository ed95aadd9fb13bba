/// Reads one mapping against its table: unknown and repeated keys are reported at once, values when asked
/// for. An accessor gives nil for a key that is absent, null or faulty (then reported), so the caller's
/// default stands.
struct MappingReader {
    let table: KeyTable
    let node: YAMLNode
    let sink: ErrorSink
    private var values: [String: YAMLNode] = [:]
    private var keys: [String: YAMLNode] = [:]

    /// Nil, and reported, when `node` is no mapping. Nil as well once enough was reported: what follows costs
    /// time only.
    init?(_ node: YAMLNode, _ table: KeyTable, _ sink: ErrorSink) {
        if sink.isFull { return nil }
        guard case .mapping(let entries) = node.content else {
            let shape = table.allKeys.prefix(3).map(\.name).joined(separator: ", ")
            sink.report(node, "\(table.name) takes a mapping (\(shape), …), but this is \(node.kindName)")
            return nil
        }
        self.table = table
        self.node = node
        self.sink = sink
        for entry in entries { take(entry) }
    }

    private mutating func take(_ entry: YAMLNode.Entry) {
        guard let name = entry.key.scalarText else {
            sink.report(entry.key, "a key in \(table.name) must be a name, but this is \(entry.key.kindName)")
            return
        }
        if let first = keys[name] {
            sink.report(
                entry.key, "\(quoted(name)) stands twice in \(table.name); first in line \(first.mark.line)")
            return
        }
        keys[name] = entry.key
        let ignored = table.ignored.first { $0.name == name }
        if table.has(name) || ignored != nil {
            if !entry.value.isNull { values[name] = entry.value }
            if let ignored { ignore(ignored, entry, isDecoded: table.has(name)) }
        } else if let refused = table.refused.first(where: { $0.name == name }) {
            if !refused.harmless.includes(entry.value) {
                sink.report(entry.key, "\(refused.name) \(refused.reason)")
            }
        } else {
            sink.report(entry.key, unknown(name))
        }
    }

    /// Checks the value no further than its shape, unless it is decoded anyway.
    private func ignore(_ ignored: KeyTable.Ignored, _ entry: YAMLNode.Entry, isDecoded: Bool) {
        if !isDecoded, !entry.value.isNull, let problem = ignored.shape.problem(entry.value) {
            sink.report(problem.node, "\(ignored.name) \(problem.message)")
            return
        }
        if ignored.silent.includes(entry.value) { return }
        sink.ignore(entry.key.mark, key: table.path(of: ignored.name), ignored.sentence, ignored.severity)
    }

    private static let dash = "the line begins with a dash (–), a list item with a hyphen (-)"

    private func unknown(_ name: String) -> String {
        if let advice = ForeignKeys.advice(name, in: table.name) {
            return "unknown key \(quoted(name)) in \(table.name); \(advice)"
        }
        let names = table.allKeys.map(\.name)
        let known = names + table.ignored.map(\.name) + table.refused.map(\.name)
        var message = "unknown key \(quoted(name)) in \(table.name)"
        if name.first == "–" || name.first == "—" {
            message += "; \(Self.dash)."
        } else if let near = Spelling.nearest(name, known) {
            message += "; did you mean \(near)?"
        } else if let home = Schema.all.first(where: { $0.has(name) }) {
            message += "; it belongs in \(home.name)."
        } else {
            message += "."
        }
        return message + " Valid keys: \(names.joined(separator: ", "))"
    }

    /// True when the key is written, whatever its value.
    func isPresent(_ key: String) -> Bool { keys[key] != nil }

    /// Whether the block's table has the key.
    func has(_ key: String) -> Bool { table.has(key) }

    /// Where the key's value stands, else the key, else the block: the place for an error about it.
    func mark(_ key: String) -> YAMLMark {
        precondition(
            table.has(key) || table.refused.contains { $0.name == key }
                || table.ignored.contains { $0.name == key },
            "\(key) stands in \(table.name)'s table")
        return (values[key] ?? keys[key] ?? node).mark
    }

    /// The key's value unless absent or null.
    func value(_ key: String) -> YAMLNode? {
        precondition(
            table.has(key) || table.ignored.contains { $0.name == key },
            "\(key) stands in \(table.name)'s table")
        return values[key]
    }

    func report(_ key: String, _ message: String) { sink.report(mark(key), message) }

    /// A string; numbers and truth values count as written, as in Go's yaml.
    func string(_ key: String) -> String? {
        guard let node = value(key) else { return nil }
        guard let text = node.scalarText else {
            sink.report(node, "\(key) must be a string, but this is \(node.kindName)")
            return nil
        }
        return text
    }

    /// A truth value whose default is true. As in Prometheus, a key without a value means false.
    func switchedOn(_ key: String) -> Bool? {
        isPresent(key) && value(key) == nil ? false : bool(key)
    }

    func bool(_ key: String) -> Bool? {
        guard let node = value(key) else { return nil }
        if case .scalar(let text, plain: true) = node.content, let value = YAMLScalar.bool(text) {
            return value
        }
        sink.report(node, "\(key) must be true or false without quotes, but this is \(node.kindName)")
        return nil
    }

    func int(_ key: String, _ range: ClosedRange<Int>) -> Int? {
        guard let node = value(key) else { return nil }
        let wanted = "\(key) must be a whole number from \(range.lowerBound) to \(range.upperBound)"
        guard case .scalar(let text, plain: true) = node.content, let value = YAMLScalar.integer(text) else {
            sink.report(node, "\(wanted), but this is \(node.kindName)")
            return nil
        }
        guard let value = Int(exactly: value), range.contains(value) else {
            sink.report(node, "\(wanted), not \(text)")
            return nil
        }
        return value
    }

    /// A number with or without a fraction.
    func number(_ key: String, _ range: ClosedRange<Double>) -> Double? {
        guard let node = value(key) else { return nil }
        let wanted = "\(key) must be a number from \(range.lowerBound) to \(range.upperBound)"
        guard case .scalar(let text, plain: true) = node.content, let value = Double(text),
            range.contains(value)
        else {
            sink.report(
                node, "\(wanted), \(node.scalarText.map { "not \($0)" } ?? "but this is \(node.kindName)")")
            return nil
        }
        return value
    }

    /// Milliseconds, above zero unless `allowsZero`.
    func durationMs(_ key: String, allowsZero: Bool = false) -> Int64? {
        guard let node = value(key) else { return nil }
        guard let text = node.scalarText, let ms = PrometheusDuration.parse(text) else {
            let found = node.scalarText.map { "not \(quoted($0))" } ?? "but this is \(node.kindName)"
            sink.report(
                node, "\(key) must be a duration such as 30s, 1h30m or 500ms (y, w, d, h, m, s, ms), \(found)"
            )
            return nil
        }
        guard ms > 0 || allowsZero else {
            sink.report(node, "\(key) must be longer than 0")
            return nil
        }
        return ms
    }

    func sizeBytes(_ key: String) -> UInt64? {
        guard let node = value(key) else { return nil }
        guard let text = node.scalarText, let bytes = ByteSize.parse(text) else {
            let found = node.scalarText.map { "not \(quoted($0))" } ?? "but this is \(node.kindName)"
            sink.report(
                node,
                "\(key) must be 0 or a size with a unit such as 15MB or 512KiB (B, KB, MB, GB, TB), \(found)")
            return nil
        }
        return bytes
    }

    func choice(_ key: String, _ choices: [String]) -> String? {
        guard let text = string(key) else { return nil }
        if choices.contains(text) { return text }
        let near = Spelling.nearest(text, choices).map { "; did you mean \($0)?" } ?? "."
        report(key, "\(key) cannot be \(quoted(text))\(near) Valid: \(choices.joined(separator: ", "))")
        return nil
    }

    /// The items of a list; nothing when absent.
    func list(_ key: String, of what: String) -> [YAMLNode] {
        guard let node = value(key) else { return [] }
        guard case .sequence(let items) = node.content else {
            // A word processor's dash makes a mapping of what was meant as the list's first item.
            var hint = ""
            if case .mapping(let entries) = node.content, let first = entries.first?.key.scalarText?.first,
                "–—".contains(first)
            {
                hint = "; \(Self.dash)"
            }
            sink.report(node, "\(key) must be a list of \(what), but this is \(node.kindName)\(hint)")
            return []
        }
        return items
    }

    /// A list of strings with their places; faulty items are reported and left out.
    func strings(_ key: String, of what: String) -> [(text: String, node: YAMLNode)] {
        list(key, of: what).compactMap { item in
            guard !item.isNull, let text = item.scalarText else {
                sink.report(item, "an item of \(key) must be a string, but this is \(item.kindName)")
                return nil
            }
            return (text, item)
        }
    }

    /// A mapping with names of the user's choice; repeated names are reported.
    func entries(_ key: String, of what: String) -> [(name: String, key: YAMLNode, value: YAMLNode)] {
        guard let node = value(key) else { return [] }
        guard case .mapping(let entries) = node.content else {
            sink.report(node, "\(key) must be a mapping of \(what), but this is \(node.kindName)")
            return []
        }
        var seen: Set<String> = []
        return entries.compactMap { entry in
            guard let name = entry.key.scalarText else {
                sink.report(entry.key, "a name in \(key) must be a string, but this is \(entry.key.kindName)")
                return nil
            }
            guard seen.insert(name).inserted else {
                sink.report(entry.key, "\(quoted(name)) stands twice in \(key)")
                return nil
            }
            return (name, entry.key, entry.value)
        }
    }
}

extension KeyTable {
    /// How a key of this block is named where it stands alone: `global.query_log_file`, `rule_files`.
    func path(of key: String) -> String { name == Schema.top.name ? key : "\(name).\(key)" }
}

extension KeyTable.Ignored.Shape {
    /// Nil when a value has the shape; else where it has not, and what is wrong, to follow the key's name.
    fileprivate func problem(_ node: YAMLNode) -> (node: YAMLNode, message: String)? {
        switch (self, node.content) {
        case (.anything, _), (.scalar, .scalar), (.list, .sequence): return nil
        case (.scalar, _): return (node, "must be a single value, but this is \(node.kindName)")
        case (.bool, .scalar(let text, plain: true)) where YAMLScalar.bool(text) != nil: return nil
        case (.bool, _): return (node, "must be true or false without quotes, but this is \(node.kindName)")
        case (.duration, .scalar(let text, _)) where PrometheusDuration.parse(text) != nil: return nil
        case (.duration, _): return (node, "must be a duration such as 30s or 1h30m")
        case (.list, _): return (node, "must be a list, but this is \(node.kindName)")
        case (.mapping(let names), .mapping(let entries)):
            guard !names.isEmpty else { return nil }
            for entry in entries where entry.key.scalarText.map({ !names.contains($0) }) ?? true {
                let found = entry.key.scalarText.map(quoted) ?? entry.key.kindName
                return (entry.key, "has no key \(found). Valid keys: \(names.joined(separator: ", "))")
            }
            return nil
        case (.mapping, _): return (node, "must be a mapping, but this is \(node.kindName)")
        }
    }
}
