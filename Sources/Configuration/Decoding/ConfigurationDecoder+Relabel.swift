import Relabel

extension ConfigurationDecoder {
    /// No configuration that people write has as many; each is applied to every new series.
    private static let ruleLimit = 10_000

    /// The rules of `key`; faulty ones are reported and left out.
    func relabelRules(
        _ reader: MappingReader, _ key: String, allowsUTF8Names: Bool = true
    ) -> RelabelRules {
        let items = reader.list(key, of: "rules")
        guard items.count <= Self.ruleLimit else {
            reader.report(key, "\(key) holds \(items.count) rules; at most \(Self.ruleLimit) are taken")
            return RelabelRules()
        }
        return RelabelRules(items.compactMap { relabelRule($0, key, allowsUTF8Names: allowsUTF8Names) })
    }

    private func relabelRule(_ node: YAMLNode, _ key: String, allowsUTF8Names: Bool) -> RelabelRule? {
        guard !node.isNull else {
            sink.report(node, "an empty rule in \(key); remove it, or write what it should do")
            return nil
        }
        let faultCount = sink.errors.count
        guard let reader = MappingReader(node, Schema.relabel, sink) else { return nil }
        var keys = RelabelRule.Keys()
        keys.allowsUTF8Names = allowsUTF8Names
        if reader.isPresent("action"), reader.value("action") == nil {
            reader.report("action", "action has no value; write replace, or leave the key out")
            return nil
        }
        if reader.value("action") != nil {
            guard let action = action(reader) else {
                checkPattern(reader)
                return nil
            }
            keys.action = action
        }
        if reader.value("source_labels") != nil {
            keys.sourceLabels = reader.strings("source_labels", of: "label names").map(\.text)
        }
        // As in Prometheus, a key without a value is an empty text here, not the default.
        func text(_ key: String) -> String? {
            reader.isPresent(key) && reader.value(key) == nil ? "" : reader.string(key)
        }
        keys.separator = text("separator")
        keys.targetLabel = reader.string("target_label")
        keys.regex = text("regex")
        keys.replacement = text("replacement")
        keys.modulus = reader.int("modulus", 0...Int.max).map { UInt64($0) }
        // What a faulty key was meant to say is not known: what follows from its absence would mislead.
        if sink.errors.count > faultCount { return nil }
        do throws(RelabelError) {
            let rule = try RelabelRule(keys)
            for (key, doubt) in rule.doubts {
                sink.warn(
                    reader.mark(key.rawValue), "in the \(key.rawValue), \(Self.sentence(doubt))")
            }
            return rule
        } catch {
            reader.report(error.key.rawValue, error.message)
            return nil
        }
    }

    /// Reports a wrong regex of a rule whose action is wrong, so that one run names both.
    private func checkPattern(_ reader: MappingReader) {
        guard let text = reader.string("regex") else { return }
        do throws(RelabelError) {
            _ = try RelabelPattern(text)
        } catch {
            reader.report("regex", error.message)
        }
    }

    private static func sentence(_ doubt: ReplacementDoubt) -> String {
        let environment = "environment variables are replaced in external_labels only"
        return switch doubt {
        case .escapedGroup(let written, let meant):
            "\(quoted(written)) gives the text \(quoted(meant)), because $$ is a dollar here; for the group's"
                + " value write \(quoted(meant))"
        case .unknownGroup(let written, let name):
            "\(quoted(written)) is empty, because the regex has no group \(name); \(environment)"
        case .longName(let written, let name, let meant):
            "\(quoted(written)) is empty, because it names a group \(name); write \(quoted(meant))"
        case .noName(let written): "\(quoted(written)) is taken as it stands; \(environment)"
        }
    }

    /// Case makes no difference.
    private func action(_ reader: MappingReader) -> RelabelRule.Action? {
        guard let text = reader.string("action") else { return nil }
        if let action = RelabelRule.Action(rawValue: text.lowercased()) { return action }
        if let advice = ForeignKeys.advice(action: text.lowercased()) {
            reader.report("action", "action cannot be \(quoted(text)); \(advice)")
            return nil
        }
        let names = RelabelRule.Action.allCases.map(\.rawValue)
        let near = Spelling.nearest(text, names).map { "; did you mean \($0)?" } ?? "."
        reader.report(
            "action", "action cannot be \(quoted(text))\(near) Valid: \(names.joined(separator: ", "))")
        return nil
    }
}
