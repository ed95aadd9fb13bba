import Platform

/// Where samples come from: a job and the labels that every series of one endpoint carries. Immutable and
/// shared.
///
/// `labels` holds the target's own labels after relabelling and, where the target has none of that name, the
/// configuration's `external_labels`. The two differ when a scraped series has a label of the same name: the
/// target's own wins (the scraped one becomes `exported_…`, unless `honor_labels`), an external one gives
/// way.
public final class Target: Sendable {
    /// The scrape job's name: the ledger's key. Not necessarily the value of the label `job`.
    public let job: String
    /// Own and external labels, merged.
    public let labels: LabelSet
    /// For each of `labels`, in order: true when it came from `external_labels`.
    public let isExternal: [Bool]
    /// FNV-1a of job and labels: the same in every run, so it may stand in files.
    public let id: UInt64
    /// All labels encoded as `TimeSeries.labels` fields, one after the other.
    public let encodedLabels: [UInt8]
    /// `labels.count + 1` offsets into `encodedLabels`: label `i` is the bytes from offset `i` to offset `i +
    /// 1`.
    public let encodedLabelOffsets: [UInt32]

    /// `own` wins over `external` where both have a name.
    public init(job: String, own: LabelSet, external: LabelSet = LabelSet()) {
        var merged = own
        for label in external.labels where own[label.name] == nil { merged[label.name] = label.value }
        self.job = job
        labels = merged
        isExternal = merged.labels.map { own[$0.name] == nil }
        var bytes: [UInt8] = []
        var offsets: [UInt32] = [0]
        for label in merged.labels {
            let name = Array(label.name.utf8)
            let value = Array(label.value.utf8)
            ProtobufWire.appendLabel(name: name.span, value: value.span, to: &bytes)
            offsets.append(UInt32(bytes.count))
        }
        encodedLabels = bytes
        encodedLabelOffsets = offsets
        id = Self.hash(job: job, labels: merged, isExternal: isExternal)
    }

    private static func hash(job: String, labels: LabelSet, isExternal: [Bool]) -> UInt64 {
        var hash = FNV1a(job)
        for (label, external) in zip(labels.labels, isExternal) {
            hash.mix(external ? 0xFE : 0xFF)
            hash.mix(label.name)
            hash.mix(0xFF)
            hash.mix(label.value)
        }
        return hash.value
    }
}
