import Cryptography
public import MetricModel

/// Rules in their order, as Prometheus applies them (model/relabel).
public struct RelabelRules: Sendable, Equatable {
    /// What became of a label set.
    public enum Outcome: Sendable, Equatable {
        case kept
        /// By the rule of this index, from 0; the labels are as that rule found them.
        case dropped(by: Int)
        /// The labels grew past `maxTextBytes` in this rule: a replacement that repeats a long value again
        /// and again.
        case tooLong(in: Int)
    }

    /// What a label set's bytes may grow to while rules work on it; a scraped series has at most 1 MiB.
    public static let maxTextBytes = 16 << 20

    public let rules: [RelabelRule]

    public init(_ rules: [RelabelRule] = []) { self.rules = rules }

    public var isEmpty: Bool { rules.isEmpty }

    /// Applies the rules until one drops the labels.
    public func apply(to scratch: inout LabelScratch) -> Outcome {
        for (index, rule) in rules.enumerated() {
            guard let isKept = rule.apply(to: &scratch) else { return .tooLong(in: index) }
            if !isKept { return .dropped(by: index) }
        }
        return .kept
    }

    /// The same for a set of labels; the labels as they were when a rule dropped them.
    public func apply(to labels: LabelSet) -> (labels: LabelSet, outcome: Outcome) {
        if isEmpty { return (labels, .kept) }
        var scratch = LabelScratch()
        for label in labels.labels {
            let name = Array(label.name.utf8)
            let value = Array(label.value.utf8)
            scratch.add(name: name.span, value: value.span)
        }
        let outcome = apply(to: &scratch)
        return (scratch.labelSet(), outcome)
    }

    /// Whether the value of a label of this name can make a difference to other labels or to what is dropped.
    /// Where it cannot, label sets that differ in that value alone come out alike but for it.
    public func readsValue(ofLabel name: String) -> Bool {
        let bytes = Array(name.utf8)
        return rules.contains { $0.readsValue(ofLabel: bytes) }
    }
}

extension RelabelRule {
    /// False when the labels are dropped, nil when they grew too long.
    func apply(to scratch: inout LabelScratch) -> Bool? {
        switch action {
        case .labelmap: return mapLabels(&scratch)
        case .labeldrop, .labelkeep:
            removeLabels(&scratch, matching: action == .labeldrop)
            return true
        default: break
        }
        scratch.gather(sourceNames, separator: separatorBytes)
        switch action {
        case .drop: return !pattern.matches(scratch.source)
        case .keep: return pattern.matches(scratch.source)
        case .dropequal: return !isTargetEqual(scratch)
        case .keepequal: return isTargetEqual(scratch)
        case .replace: return replace(&scratch)
        case .hashmod:
            let number = MD5.lastWord(scratch.source) % modulus
            scratch.set(targetName, Array(String(number).utf8))
        case .lowercase: scratch.set(targetName, LetterCase.lower(scratch.source))
        case .uppercase: scratch.set(targetName, LetterCase.upper(scratch.source))
        case .labelmap, .labeldrop, .labelkeep: break
        }
        return scratch.text.count <= RelabelRules.maxTextBytes ? true : nil
    }

    func readsValue(ofLabel name: [UInt8]) -> Bool {
        switch action {
        case .labelmap: pattern.matches(name)
        case .labeldrop, .labelkeep: false
        case .keepequal, .dropequal: sourceNames.contains(name) || targetName == name
        case .replace, .keep, .drop, .hashmod, .lowercase, .uppercase: sourceNames.contains(name)
        }
    }

    private func isTargetEqual(_ scratch: LabelScratch) -> Bool {
        guard let index = scratch.index(of: targetName) else { return scratch.source.isEmpty }
        return scratch.equal(scratch.labels[index].value, scratch.source)
    }

    private func replace(_ scratch: inout LabelScratch) -> Bool? {
        guard pattern.find(in: scratch.source, ranges: &scratch.ranges) else { return true }
        let room = RelabelRules.maxTextBytes - scratch.text.count
        guard replacementTemplate.expandedCount(scratch.ranges) <= room else { return nil }
        let value = scratch.expand(replacementTemplate)
        if let constant = targetTemplate.constant {
            if isLabelName(constant) { scratch.set(constant, valueAt: value) }
            return true
        }
        guard targetTemplate.expandedCount(scratch.ranges) <= room - value.count else { return nil }
        var name: [UInt8] = []
        targetTemplate.expand(scratch.source, scratch.ranges, into: &name)
        // A name that cannot be one leaves the labels as they are.
        if isLabelName(name) { scratch.set(name, valueAt: value) }
        return true
    }

    /// Every UTF-8 text that is not empty, or the older letters, digits and `_`.
    private func isLabelName(_ name: [UInt8]) -> Bool {
        allowsUTF8Names ? !name.isEmpty : LegacyName.isName(name)
    }

    private func mapLabels(_ scratch: inout LabelScratch) -> Bool? {
        for label in scratch.labels {
            scratch.gatherName(label)
            guard pattern.find(in: scratch.source, ranges: &scratch.ranges) else { continue }
            let room = RelabelRules.maxTextBytes - scratch.text.count
            guard replacementTemplate.expandedCount(scratch.ranges) <= room else { return nil }
            var name: [UInt8] = []
            replacementTemplate.expand(scratch.source, scratch.ranges, into: &name)
            if !name.isEmpty { scratch.set(name, valueAt: label.value) }
        }
        return true
    }

    private func removeLabels(_ scratch: inout LabelScratch, matching isDropped: Bool) {
        for index in scratch.labels.indices.reversed() {
            scratch.gatherName(scratch.labels[index])
            if pattern.matches(scratch.source) == isDropped { scratch.remove(at: index) }
        }
    }
}
