/// An observation with labels of its own, for instance a trace's identity, that a target shows beside a
/// sample (OpenMetrics 1.0, "Exemplars"; io.prometheus.client.Exemplar).
public struct Exemplar: Sendable, Equatable {
    /// Characters that the names and values of an exemplar's labels have together at most: longer ones are
    /// left out where exemplars are taken in (OpenMetrics 1.0; prometheus/model/exemplar).
    public static let maxLabelCharacters = 128

    /// The labels as the `labels` fields of prometheus.Exemplar (0x0A, as in a TimeSeries): sorted by
    /// name, no name twice, no empty value.
    public let encodedLabels: [UInt8]
    public let value: Double
    /// Milliseconds since 1970; nil stands for the sample's own time.
    public let timestampMs: Int64?

    public init(labels: LabelSet, value: Double, timestampMs: Int64?) {
        var bytes: [UInt8] = []
        for label in labels.labels {
            let name = Array(label.name.utf8)
            let text = Array(label.value.utf8)
            ProtobufWire.appendLabel(name: name.span, value: text.span, to: &bytes)
        }
        encodedLabels = bytes
        self.value = value
        self.timestampMs = timestampMs
    }

    /// Nil when the bytes are not a sequence of label fields, or too many.
    public init?(encodedLabels: [UInt8], value: Double, timestampMs: Int64?) {
        // 128 characters take at most four bytes each; tags and lengths of the shortest labels six.
        guard encodedLabels.count <= Self.maxLabelCharacters * 10,
            EncodedLabels.decode(encodedLabels) != nil
        else { return nil }
        self.encodedLabels = encodedLabels
        self.value = value
        self.timestampMs = timestampMs
    }

    /// The labels, decoded, for pages and tests.
    public var labels: LabelSet { LabelSet(EncodedLabels.decode(encodedLabels) ?? []) }

    /// Values are compared by their bits, as staleness and NaN ask for.
    public static func == (left: Exemplar, right: Exemplar) -> Bool {
        left.encodedLabels == right.encodedLabels && left.value.bitPattern == right.value.bitPattern
            && left.timestampMs == right.timestampMs
    }

    /// Whether a target that shows both in turn has shown one observation twice: a time that one of them
    /// lacks is not compared (prometheus/model/exemplar, Equals).
    public func repeats(_ other: Exemplar) -> Bool {
        if let timestampMs, let otherMs = other.timestampMs, timestampMs != otherMs { return false }
        return value.bitPattern == other.value.bitPattern && encodedLabels == other.encodedLabels
    }
}
