public import MetricModel

/// A target as status pages show it.
public struct TargetState: Sendable, Equatable {
    /// By Prometheus' names.
    public enum Health: String, Sendable {
        case unknown, up, down
    }

    public let url: String
    public let labels: LabelSet
    public var health = Health.unknown
    /// Why the last scrape failed; nil when it did not.
    public var lastError: ScrapeError?
    /// The fault that the log tells of last; nil where it says that the scrape works.
    var toldFault: ScrapeError.Code?
    /// Milliseconds since 1970 when the last scrape began; nil before the first.
    public var lastScrapeMs: Int64?
    public var lastScrapeDurationSeconds = 0.0
    /// Samples of the last successful scrape, without the report's.
    public var samples = 0
    /// Samples that `on_limit: shed` left out of the last scrape, and the label that has most values among
    /// them.
    public var shedSamples = 0
    public var shedLabel: String?
    /// Lines that `on_bad_line: skip` and `on_limit: shed` left out of the last scrape for what is wrong with
    /// them, and what that is with the first.
    public var skippedLines = 0
    public var skippedReason: String?
    /// Samples of new series that were left out of the last good scrape because memory is short.
    public var memoryShedSamples = 0
    /// Whether the target is new and is not scraped yet because memory is short.
    public var waitsForMemory = false
    /// What a page says of the target beside its health; nil for nothing.
    public var remark: String? {
        if waitsForMemory { return "waits for memory: it is scraped once there is room for its series" }
        guard memoryShedSamples > 0 else { return nil }
        return "memory is short: \(memoryShedSamples) samples of series that are new are left out"
    }

    init(url: String, labels: LabelSet) {
        self.url = url
        self.labels = labels
    }
}
