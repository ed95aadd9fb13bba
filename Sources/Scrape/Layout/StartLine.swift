/// What a parsed line of OpenMetrics has to do with start timestamps, where a job reads them: a `_created`
/// line tells when the series of its metric began to count (prometheus/model/textparse, OpenMetricsParser:
/// the same rules).
struct StartLine {
    /// A keyed hash of the family's name and the labels without those of a bucket or quantile: equal for the
    /// lines of one metric. Never 0.
    let key: UInt64
    /// Whether this line has no series and tells of the others.
    let isCreated: Bool

    /// Nil for a line whose type has no start. `nameLength` is that of the family's name.
    init?(_ parser: ExpositionParser, _ body: RawSpan, nameLength: Int, hasher: SegmentHasher) {
        let name = parser.name
        let boundLabel: StaticString
        switch parser.type {
        case .other: return nil
        case .counter: boundLabel = ""
        case .summary: boundLabel = "quantile"
        case .histogram: boundLabel = "le"
        }
        isCreated =
            name.count >= Self.suffixCount
            && body.hasPrefix("_created", at: name.upperBound - Self.suffixCount)
        let baseCount = isCreated ? name.count - Self.suffixCount : min(name.count, nameLength)
        var labels: UInt64 = 0
        for label in parser.labels {
            if label.name.count == boundLabel.utf8CodeUnitCount,
                body.hasPrefix(boundLabel, at: label.name.lowerBound)
            {
                continue
            }
            // A sum, for the order of the labels says nothing.
            labels &+= hasher.combine(
                hasher.hash(body, label.name.lowerBound, label.name.count),
                hasher.hash(body, label.value.lowerBound, label.value.count))
        }
        key = max(1, hasher.combine(hasher.hash(body, name.lowerBound, baseCount), labels))
    }

    private static let suffixCount = 8
}
