public import MetricModel

/// What discovery found for a job: where to scrape and the labels that its series carry.
public struct ScrapeTarget: Sendable, Hashable {
    /// Complete, parameters included.
    public let url: String
    /// Final: `instance`, `job` and the like, no `__` labels.
    public let labels: LabelSet
    /// Instead of the job's; nil leaves it to the job.
    public let intervalMs: Int64?
    /// Instead of the job's, never above the interval; nil leaves it to the job.
    public let timeoutMs: Int64?
    /// Connected to instead of the URL's host and port; nil is the network.
    public let unixSocketPath: String?
    /// Counts the configurations of its pool by which targets are scraped in other ways. A target that stays
    /// is another one after such a reload: a loop of the new configuration takes over from the old one.
    private(set) var generation: UInt64 = 0

    public init(
        url: String, labels: LabelSet, intervalMs: Int64? = nil, timeoutMs: Int64? = nil,
        unixSocketPath: String? = nil
    ) {
        self.url = url
        self.labels = labels
        self.intervalMs = intervalMs
        self.timeoutMs = timeoutMs
        self.unixSocketPath = unixSocketPath
    }
    func of(generation: UInt64) -> ScrapeTarget {
        var target = self
        target.generation = generation
        return target
    }
}
