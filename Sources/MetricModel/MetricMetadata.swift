/// What a target says about a metric family.
public struct MetricMetadata: Sendable, Equatable {
    /// Types by their numbers in the messages of remote write 1.0 and 2.0, which are the same.
    public enum Kind: UInt8, Sendable {
        case unknown = 0
        case counter, gauge, histogram, gaugeHistogram, summary, info, stateSet

        /// The type of Prometheus' word for it; nil for any other word. `untyped` is the text format's word
        /// for `unknown`.
        public init?(word: some StringProtocol) {
            switch word {
            case "unknown", "untyped": self = .unknown
            case "counter": self = .counter
            case "gauge": self = .gauge
            case "histogram": self = .histogram
            case "gaugehistogram": self = .gaugeHistogram
            case "summary": self = .summary
            case "info": self = .info
            case "stateset": self = .stateSet
            default: return nil
            }
        }
    }

    /// The family's name as the target's comments have it: in OpenMetrics without `_total` and the like.
    public var family: String
    public var kind: Kind
    public var help: String
    public var unit: String

    public init(family: String, kind: Kind = .unknown, help: String = "", unit: String = "") {
        self.family = family
        self.kind = kind
        self.help = help
        self.unit = unit
    }

    /// Suffixes that a sample's name may have beside the family's.
    private static func suffixes(_ kind: Kind) -> [String] {
        switch kind {
        case .counter: ["_total", "_created"]
        case .histogram: ["_bucket", "_sum", "_count", "_created"]
        case .gaugeHistogram: ["_bucket", "_gsum", "_gcount"]
        case .summary: ["_sum", "_count", "_created"]
        case .info: ["_info"]
        case .unknown, .gauge, .stateSet: []
        }
    }

    /// Whether a sample of this name belongs to the family (prometheus/scrape, isSeriesPartOfFamily):
    /// comments stand before the samples that they are about, but nothing keeps others from following.
    public func covers(sampleName: String) -> Bool {
        if sampleName == family { return true }
        // The text format names a counter's family with `_total`, OpenMetrics without.
        return Self.suffixes(kind).contains { sampleName == family + $0 }
    }
}
