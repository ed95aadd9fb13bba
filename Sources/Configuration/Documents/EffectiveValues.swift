import MetricModel

/// What was decoded, for the keys whose value in effect may be another than the written or the default one:
/// a timeout that the interval lowers, a limit of 0 that means the inherited one, what a feature switches on.
struct EffectiveValues {
    /// Why a default is not in effect.
    static let reasons = [
        "scrape_timeout": "lowered to scrape_interval", "extra_scrape_metrics": "switched on by a feature",
    ]

    private let global: [String: String]
    private let jobs: [String: [String: String]]
    private let externalLabels: LabelSet

    init(_ configuration: Configuration) {
        let global = configuration.global
        self.global = Self.values(
            intervalMs: global.scrapeIntervalMs, timeoutMs: global.scrapeTimeoutMs, global.limits,
            targetLimit: global.targetLimit, bodyBytes: global.bodySizeLimitBytes, global.extraScrapeMetrics)
        externalLabels = global.externalLabels
        var jobs: [String: [String: String]] = [:]
        for job in configuration.scrapeConfigs {
            jobs[job.jobName] = Self.values(
                intervalMs: job.scrapeIntervalMs, timeoutMs: job.scrapeTimeoutMs, job.limits,
                targetLimit: job.targetLimit, bodyBytes: job.bodySizeLimitBytes, job.extraScrapeMetrics)
        }
        self.jobs = jobs
    }

    /// By key, of a block; `job` is the job's name.
    func of(_ table: KeyTable, _ job: String?) -> [String: String] {
        switch table.name {
        case Schema.global.name: global
        case Schema.scrapeConfig.name: job.flatMap { jobs[$0] } ?? [:]
        default: [:]
        }
    }

    func externalLabel(_ name: String) -> String? { externalLabels[name] }

    /// Whether the text that a file has for a key means the value that takes effect.
    static func isSame(_ text: String, _ value: String, _ key: KeyTable.Key) -> Bool {
        switch key.type {
        case "duration": PrometheusDuration.parse(text) == PrometheusDuration.parse(value)
        case "bool": YAMLScalar.bool(text) == YAMLScalar.bool(value)
        case "int": YAMLScalar.integer(text) == YAMLScalar.integer(value)
        case "size": ByteSize.parse(text) == ByteSize.parse(value)
        default: text == value
        }
    }

    private static func values(
        intervalMs: Int64, timeoutMs: Int64, _ limits: ScrapeLimits, targetLimit: Int, bodyBytes: UInt64,
        _ hasExtra: Bool
    ) -> [String: String] {
        [
            "scrape_interval": PrometheusDuration.text(ms: intervalMs),
            "scrape_timeout": PrometheusDuration.text(ms: timeoutMs),
            "sample_limit": "\(limits.samples)", "label_limit": "\(limits.labels)",
            "label_name_length_limit": "\(limits.labelNameLength)",
            "label_value_length_limit": "\(limits.labelValueLength)",
            "target_limit": "\(targetLimit)", "body_size_limit": bodyBytes == 0 ? "0" : "\(bodyBytes)B",
            "extra_scrape_metrics": "\(hasExtra)",
        ]
    }
}
