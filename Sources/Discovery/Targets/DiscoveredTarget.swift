public import MetricModel

/// An endpoint ready to be scraped.
public struct DiscoveredTarget: Sendable, Hashable {
    /// The job's name in the configuration; the `job` label may differ.
    public let job: String
    /// With the query parameters.
    public let url: String
    /// What its series get: `instance`, `job` and more, nothing that begins with `__`.
    public let labels: LabelSet
    /// Everything that was known before, `__meta_` labels included.
    public let discoveredLabels: LabelSet
    /// The job's, or what `__scrape_interval__` says.
    public let scrapeIntervalMs: Int64
    /// The job's, or what `__scrape_timeout__` says; never above the interval.
    public let scrapeTimeoutMs: Int64
    /// What `__unix_socket__` says: connected to instead of the address, which is a name only.
    public let unixSocketPath: String?

    public init(
        job: String, url: String, labels: LabelSet, discoveredLabels: LabelSet, scrapeIntervalMs: Int64,
        scrapeTimeoutMs: Int64, unixSocketPath: String? = nil
    ) {
        self.job = job
        self.url = url
        self.labels = labels
        self.discoveredLabels = discoveredLabels
        self.scrapeIntervalMs = scrapeIntervalMs
        self.scrapeTimeoutMs = scrapeTimeoutMs
        self.unixSocketPath = unixSocketPath
    }
}
