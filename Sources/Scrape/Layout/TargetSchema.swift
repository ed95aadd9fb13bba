import MetricModel
import Relabel

/// What of a target decides how its lines become series: the names of its labels and which of them give way,
/// and the values of those that metric_relabel_configs read; of others never the values. Targets with one
/// schema make equal chunks of equal lines.
struct TargetSchema: Sendable {
    /// What two targets must have in common for one's chunks to be right for the other's lines.
    struct Key: Hashable {
        let names: [[UInt8]]
        let isExternal: [Bool]
        let honorLabels: Bool
        /// Empty for labels whose value no rule reads.
        let readValues: [[UInt8]]
    }

    /// Sorted by bytes: the order of `Target.labels`.
    let names: [[UInt8]]
    /// For each of them its `LabelOrder.key`.
    let nameKeys: [UInt64]
    /// Came from `external_labels`: gives way to a scraped label of the same name.
    let isExternal: [Bool]
    let honorLabels: Bool
    /// The same for all targets of a job.
    let rules: SeriesRules
    /// The target's own labels, those from `external_labels` not among them.
    let ownLabelCount: Int
    /// metric_relabel_configs.
    let relabelRules: RelabelRules
    let target: Target
    /// For each of the target's labels its value.
    let values: [[UInt8]]
    /// For each of the target's labels the value of the external label that it stands before; empty for none.
    let shadowedValues: [[UInt8]]
    private let readValues: [[UInt8]]
    /// For each of the target's labels: its contribution to a series' hash.
    let labelHashes: [UInt64]
    /// The sum of `labelHashes`: what most series have of the target.
    let allLabelsHash: UInt64

    init(
        _ target: Target, honorLabels: Bool, relabelling: MetricRelabelling = MetricRelabelling(),
        hasher: SegmentHasher, rules: SeriesRules = SeriesRules()
    ) {
        self.rules = rules
        ownLabelCount = target.isExternal.count { !$0 }
        let labels = target.labels.labels
        let relabelRules = relabelling.rules
        self.relabelRules = relabelRules
        self.target = target
        values = labels.map { Array($0.value.utf8) }
        readValues = labels.map { relabelRules.readsValue(ofLabel: $0.name) ? Array($0.value.utf8) : [] }
        shadowedValues = zip(labels, target.isExternal).map { label, isExternal in
            isExternal ? [] : Array((relabelling.externalLabels[label.name] ?? "").utf8)
        }
        let names = target.labels.labels.map { Array($0.name.utf8) }
        self.names = names
        nameKeys = names.map { LabelOrder.key($0, 0..<$0.count) }
        isExternal = target.isExternal
        self.honorLabels = honorLabels
        labelHashes = target.labels.labels.map {
            hasher.labelHash(name: Array($0.name.utf8), value: Array($0.value.utf8))
        }
        allLabelsHash = labelHashes.reduce(0, &+)
    }

    var key: Key {
        Key(names: names, isExternal: isExternal, honorLabels: honorLabels, readValues: readValues)
    }
}

extension SegmentHasher {
    /// A label's contribution to the hash of a series. Contributions are added, so that a series' own labels
    /// can be summed once for all targets.
    func labelHash(name: [UInt8], value: [UInt8]) -> UInt64 {
        combine(hash(name), hash(value))
    }

    private func hash(_ bytes: [UInt8]) -> UInt64 {
        // Safety: the pointer is used only inside the closure.
        unsafe bytes.withUnsafeBytes { unsafe hash($0.bytes, 0, $0.count) }
    }

    /// The same for a label whose name and value are ranges of `text`; the bounds are checked.
    @inline(__always)
    func labelHash(_ text: RawSpan, name: Range<Int>, value: Range<Int>) -> UInt64 {
        precondition(name.lowerBound >= 0 && name.upperBound <= text.byteCount, "the name lies in the text")
        precondition(
            value.lowerBound >= 0 && value.upperBound <= text.byteCount, "the value lies in the text")
        return combine(hash(text, name.lowerBound, name.count), hash(text, value.lowerBound, value.count))
    }
}
