public import MetricModel

/// The `global` block: what jobs inherit, and the labels every shipped series gets.
public struct GlobalConfiguration: Sendable, Equatable {
    public var scrapeIntervalMs: Int64
    public var scrapeTimeoutMs: Int64
    /// Accepted for the sake of files written for a server; an agent evaluates no rules.
    public var evaluationIntervalMs: Int64
    /// With `${NAME}` replaced from the environment.
    public var externalLabels: LabelSet
    /// What a job without a limit of its own inherits; 0 is no limit.
    public var bodySizeLimitBytes: UInt64
    /// What a job without a number of its own inherits; 0 is no limit.
    public var keepDroppedTargets: Int
    /// Inherited limit by limit.
    public var limits = ScrapeLimits()
    public var extraScrapeMetrics = false
    /// What a job without a file of its own inherits.
    public var scrapeFailureLogFile: String?
    /// What a job without a limit of its own inherits; 0 is no limit.
    public var targetLimit = 0
    /// By how much a sample may be older than the last one of its series:
    /// `storage.tsdb.out_of_order_time_window`.
    public var outOfOrderWindowMs: Int64 = 0
    /// What a job without protocols of its own asks for; nil leaves it to the job's histogram settings.
    public var scrapeProtocols: [ScrapeProtocol]?
    public var metricNameValidationScheme: NameValidationScheme
    public var metricNameEscapingScheme: NameEscapingScheme
    /// The switches alone; limits are a job's own.
    public var histograms: HistogramConfiguration

    public init(
        scrapeIntervalMs: Int64 = 60_000, scrapeTimeoutMs: Int64 = 10_000,
        evaluationIntervalMs: Int64 = 60_000,
        externalLabels: LabelSet = LabelSet(), bodySizeLimitBytes: UInt64 = 0, keepDroppedTargets: Int = 0,
        scrapeProtocols: [ScrapeProtocol]? = nil, metricNameValidationScheme: NameValidationScheme = .utf8,
        metricNameEscapingScheme: NameEscapingScheme = .allowUTF8,
        histograms: HistogramConfiguration = HistogramConfiguration()
    ) {
        self.scrapeIntervalMs = scrapeIntervalMs
        self.scrapeTimeoutMs = scrapeTimeoutMs
        self.evaluationIntervalMs = evaluationIntervalMs
        self.externalLabels = externalLabels
        self.bodySizeLimitBytes = bodySizeLimitBytes
        self.keepDroppedTargets = keepDroppedTargets
        self.scrapeProtocols = scrapeProtocols
        self.metricNameValidationScheme = metricNameValidationScheme
        self.metricNameEscapingScheme = metricNameEscapingScheme
        self.histograms = histograms
    }
}
