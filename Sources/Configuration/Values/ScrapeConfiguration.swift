public import Relabel

/// One job: what to scrape and how.
public struct ScrapeConfiguration: Sendable, Equatable {
    /// A query parameter of the scrape URL with its values, in the order of the file.
    public struct Parameter: Sendable, Equatable {
        public var name: String
        public var values: [String]

        public init(name: String, values: [String]) {
            self.name = name
            self.values = values
        }
    }

    public var jobName: String
    public var scrapeIntervalMs: Int64
    /// Never above the interval.
    public var scrapeTimeoutMs: Int64
    public var metricsPath: String
    /// `http` or `https`.
    public var scheme: String
    public var params: [Parameter]
    public var honorLabels: Bool
    public var honorTimestamps: Bool
    public var enableCompression: Bool
    /// How targets are reached and who asks.
    public var http: HTTPClientOptions
    /// 0 is no limit.
    public var bodySizeLimitBytes: UInt64
    /// With more targets than this none is scraped; 0 is no limit.
    public var targetLimit = 0
    public var limits: ScrapeLimits
    public var onLimit: LimitAction
    public var onBadLine: BadLineAction
    /// Whether a series that left gets a stale marker although the target gave its samples timestamps.
    public var trackTimestampsStaleness: Bool
    /// By how much a sample may be older than the last one of its series. Of the whole file, not a job's key.
    public var outOfOrderWindowMs: Int64 = 0
    /// Whether three more series report on each scrape: its timeout, sample limit and body size.
    public var extraScrapeMetrics: Bool
    /// Where a line is written for every scrape that failed; nil: nowhere.
    public var scrapeFailureLogFile: String?
    /// Whether `_created` lines of OpenMetrics are no series but tell when others began. By
    /// `--enable-feature`, not by a key.
    public var readsStartTimestamps = false
    /// Whether series get a sample of 0 at the time at which their target says that they began. By
    /// `--enable-feature`, not by a key.
    public var addsStartSamples = false
    /// What a scrape asks for, most wanted first; never empty, none twice.
    public var scrapeProtocols: [ScrapeProtocol]
    /// How a body without a usable Content-Type is read; nil fails it.
    public var fallbackScrapeProtocol: ScrapeProtocol?
    public var metricNameValidationScheme: NameValidationScheme
    /// `allowUTF8` only together with the validation scheme `utf8`.
    public var metricNameEscapingScheme: NameEscapingScheme
    /// Applied to what discovery finds: `relabel_configs`.
    public var relabelRules: RelabelRules
    /// Applied to every scraped series but the report's: `metric_relabel_configs`.
    public var metricRelabelRules: RelabelRules
    /// How many dropped targets are remembered; 0 is no limit.
    public var keepDroppedTargets: Int
    public var histograms: HistogramConfiguration
    public var staticConfigs: [StaticConfiguration]
    public var fileSDConfigs: [FileSDConfiguration]
    public var httpSDConfigs: [HTTPSDConfiguration] = []
    public var dnsSDConfigs: [DNSSDConfiguration] = []
    public var ecsSDConfigs: [ECSSDConfiguration]
    public var ec2SDConfigs: [EC2SDConfiguration] = []

    public init(
        jobName: String, scrapeIntervalMs: Int64 = 60_000, scrapeTimeoutMs: Int64 = 10_000,
        metricsPath: String = "/metrics", scheme: String = "http", params: [Parameter] = [],
        honorLabels: Bool = false, honorTimestamps: Bool = true, enableCompression: Bool = true,
        http: HTTPClientOptions = HTTPClientOptions(), bodySizeLimitBytes: UInt64 = 0,
        scrapeProtocols: [ScrapeProtocol] = ScrapeProtocol.defaults,
        fallbackScrapeProtocol: ScrapeProtocol? = nil,
        metricNameValidationScheme: NameValidationScheme = .utf8,
        metricNameEscapingScheme: NameEscapingScheme = .allowUTF8,
        relabelRules: RelabelRules = RelabelRules(), metricRelabelRules: RelabelRules = RelabelRules(),
        keepDroppedTargets: Int = 0, histograms: HistogramConfiguration = HistogramConfiguration(),
        limits: ScrapeLimits = ScrapeLimits(), onLimit: LimitAction = .fail,
        onBadLine: BadLineAction = .fail, trackTimestampsStaleness: Bool = false,
        extraScrapeMetrics: Bool = false,
        staticConfigs: [StaticConfiguration] = [], fileSDConfigs: [FileSDConfiguration] = [],
        ecsSDConfigs: [ECSSDConfiguration] = []
    ) {
        self.jobName = jobName
        self.scrapeIntervalMs = scrapeIntervalMs
        self.scrapeTimeoutMs = scrapeTimeoutMs
        self.metricsPath = metricsPath
        self.scheme = scheme
        self.params = params
        self.honorLabels = honorLabels
        self.honorTimestamps = honorTimestamps
        self.enableCompression = enableCompression
        self.http = http
        self.bodySizeLimitBytes = bodySizeLimitBytes
        self.limits = limits
        self.onLimit = onLimit
        self.onBadLine = onBadLine
        self.trackTimestampsStaleness = trackTimestampsStaleness
        self.extraScrapeMetrics = extraScrapeMetrics
        self.scrapeProtocols = scrapeProtocols
        self.fallbackScrapeProtocol = fallbackScrapeProtocol
        self.metricNameValidationScheme = metricNameValidationScheme
        self.metricNameEscapingScheme = metricNameEscapingScheme
        self.relabelRules = relabelRules
        self.metricRelabelRules = metricRelabelRules
        self.keepDroppedTargets = keepDroppedTargets
        self.histograms = histograms
        self.staticConfigs = staticConfigs
        self.fileSDConfigs = fileSDConfigs
        self.ecsSDConfigs = ecsSDConfigs
    }
}
