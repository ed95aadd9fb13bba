/// One rule of `relabel_configs`, `metric_relabel_configs` or `write_relabel_configs`, checked.
public struct RelabelRule: Sendable, Equatable {
    /// What a rule does, by the names of the configuration.
    public enum Action: String, Sendable, CaseIterable {
        case replace, keep, drop, keepequal, dropequal, hashmod, labelmap, labeldrop, labelkeep, lowercase
        case uppercase
    }

    /// The keys of a rule as they are written; nil where the default stands.
    public struct Keys: Sendable, Equatable {
        public var action: Action?
        public var sourceLabels: [String]?
        public var separator: String?
        public var targetLabel: String?
        public var regex: String?
        public var modulus: UInt64?
        public var replacement: String?
        /// False under `metric_name_validation_scheme: legacy`: label names are then letters, digits and `_`.
        public var allowsUTF8Names: Bool

        public init(
            action: Action? = nil, sourceLabels: [String]? = nil, separator: String? = nil,
            targetLabel: String? = nil, regex: String? = nil, modulus: UInt64? = nil,
            replacement: String? = nil, allowsUTF8Names: Bool = true
        ) {
            self.action = action
            self.sourceLabels = sourceLabels
            self.separator = separator
            self.targetLabel = targetLabel
            self.regex = regex
            self.modulus = modulus
            self.replacement = replacement
            self.allowsUTF8Names = allowsUTF8Names
        }
    }

    public static let defaultSeparator = ";"
    public static let defaultReplacement = "$1"

    public let action: Action
    public let sourceLabels: [String]
    public let separator: String
    public let targetLabel: String
    public let pattern: RelabelPattern
    public let modulus: UInt64
    public let replacement: String
    public let allowsUTF8Names: Bool

    // What applying a rule needs, made once.
    let sourceNames: [[UInt8]]
    let separatorBytes: [UInt8]
    let targetTemplate: ReplacementTemplate
    let targetName: [UInt8]
    let replacementTemplate: ReplacementTemplate

    /// Throws what Prometheus refuses, and says which key it is about.
    public init(_ keys: Keys) throws(RelabelError) {
        action = keys.action ?? .replace
        sourceLabels = keys.sourceLabels ?? []
        separator = keys.separator ?? Self.defaultSeparator
        targetLabel = keys.targetLabel ?? ""
        modulus = keys.modulus ?? 0
        replacement = keys.replacement ?? Self.defaultReplacement
        allowsUTF8Names = keys.allowsUTF8Names
        try Self.check(keys, action: keys.action ?? .replace)
        pattern = try keys.regex.map { text throws(RelabelError) in try RelabelPattern(text) } ?? .everything
        sourceNames = sourceLabels.map { Array($0.utf8) }
        separatorBytes = Array(separator.utf8)
        targetTemplate = ReplacementTemplate(targetLabel, pattern)
        targetName = Array(targetLabel.utf8)
        replacementTemplate = ReplacementTemplate(replacement, pattern)
    }

    private static func check(_ keys: Keys, action: Action) throws(RelabelError) {
        if !keys.allowsUTF8Names { try LegacyName.check(keys, action) }
        if let empty = keys.sourceLabels?.firstIndex(of: "") {
            throw RelabelError(.sourceLabels, "name \(empty + 1) of source_labels is empty")
        }
        switch action {
        case .replace, .hashmod, .lowercase, .uppercase, .keepequal, .dropequal:
            guard let target = keys.targetLabel, !target.isEmpty else {
                throw RelabelError(.targetLabel, "the action \(action.rawValue) needs a target_label")
            }
        case .keep, .drop, .labelmap, .labeldrop, .labelkeep: break
        }
        switch action {
        case .hashmod:
            guard let modulus = keys.modulus, modulus > 0 else {
                throw RelabelError(.modulus, "the action hashmod needs a modulus above 0")
            }
        case .lowercase, .uppercase:
            if let text = keys.replacement, text != defaultReplacement {
                throw RelabelError(.replacement, "replacement has no place in the action \(action.rawValue)")
            }
        case .labelmap:
            if keys.replacement?.isEmpty == true {
                throw RelabelError(.replacement, "the action labelmap needs a replacement that is not empty")
            }
        case .keepequal, .dropequal:
            let others: [(RelabelError.Key, Bool)] = [
                (.regex, keys.regex != nil), (.modulus, (keys.modulus ?? 0) != 0),
                (.separator, (keys.separator ?? defaultSeparator) != defaultSeparator),
                (.replacement, (keys.replacement ?? defaultReplacement) != defaultReplacement),
            ]
            if let other = others.first(where: \.1)?.0 {
                throw RelabelError(
                    other,
                    "the action \(action.rawValue) takes source_labels and target_label, not "
                        + other.rawValue)
            }
        case .labeldrop, .labelkeep:
            let others: [(RelabelError.Key, Bool)] = [
                (.sourceLabels, !(keys.sourceLabels ?? []).isEmpty),
                (.targetLabel, !(keys.targetLabel ?? "").isEmpty), (.modulus, (keys.modulus ?? 0) != 0),
                (.separator, (keys.separator ?? defaultSeparator) != defaultSeparator),
                (.replacement, (keys.replacement ?? defaultReplacement) != defaultReplacement),
            ]
            if let other = others.first(where: \.1)?.0 {
                throw RelabelError(
                    other, "the action \(action.rawValue) takes a regex only, not \(other.rawValue)")
            }
        case .replace, .keep, .drop: break
        }
    }
}

extension RelabelRule: CustomStringConvertible {
    /// One line, with what differs from the defaults: `drop source_labels=[__name__] regex=go_.*`.
    public var description: String {
        var parts = [action.rawValue]
        if !sourceLabels.isEmpty { parts.append("source_labels=[\(sourceLabels.joined(separator: ", "))]") }
        if separator != Self.defaultSeparator { parts.append("separator=\"\(separator)\"") }
        if pattern != .everything { parts.append("regex=\(pattern.text)") }
        if modulus != 0 { parts.append("modulus=\(modulus)") }
        if !targetLabel.isEmpty { parts.append("target_label=\(targetLabel)") }
        if replacement != Self.defaultReplacement { parts.append("replacement=\"\(replacement)\"") }
        return parts.joined(separator: " ")
    }
}
