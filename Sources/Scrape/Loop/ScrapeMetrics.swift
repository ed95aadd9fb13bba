import Platform
import Telemetry

/// The agent's own metrics about scraping, by Prometheus' names where the meaning is the same. Shared by all
/// pools; what is per pool carries `scrape_job`.
struct ScrapeMetrics: Sendable {
    private static let secondsBounds = [
        0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
    ]

    let poolSyncs: Counter
    /// Of all pools, as in Prometheus.
    let poolReloads: Counter
    let poolTargets: Gauge
    let targetLimitExceeded: Counter
    let syncLength: DurationMetric
    let duration: Histogram
    let bodySizeLimit: Counter
    let bucketLimit: Counter
    let sampleLimit: Counter
    let labelLimits: Counter
    private let duplicates: Counter
    private let outOfOrder: Counter
    private let agentOutOfOrder: Counter
    private let outOfBounds: Counter
    private let dropped: [LeftOutSamples.Reason: Counter]
    let parsedLines: Counter
    let samples: Counter
    let shed: ShedCounters
    let memoryShed: Counter
    let waitingTargets: Gauge
    private let registry: MetricRegistry
    private let clock: any AgentClock
    private let job: String

    init(registry: MetricRegistry, clock: any AgentClock, job: String) {
        self.registry = registry
        self.clock = clock
        self.job = job
        shed = ShedCounters(registry: registry, job: job)
        registry.counter(
            "prometheus_target_scrape_pools_total", help: "Total number of scrape pool creation attempts."
        ).add()
        // A pool that cannot be made refuses the configuration, which is what these would count.
        for (name, help) in [
            (
                "prometheus_target_scrape_pools_failed_total",
                "Total number of scrape pool creations that failed."
            ),
            (
                "prometheus_target_scrape_pool_reloads_failed_total",
                "Total number of failed scrape pool reloads."
            ),
        ] { _ = registry.counter(name, help: help) }
        poolReloads = registry.counter(
            "prometheus_target_scrape_pool_reloads_total", help: "Total number of scrape pool reloads.")
        let jobLabel = [(name: "scrape_job", value: job)]
        poolSyncs = registry.counter(
            "prometheus_target_scrape_pool_sync_total",
            help: "Total number of syncs that were executed on a scrape pool.", labels: jobLabel)
        poolTargets = registry.gauge(
            "prometheus_target_scrape_pool_targets", help: "Current number of targets in this scrape pool.",
            labels: jobLabel)
        memoryShed = registry.counter(
            "narthex_memory_shed_samples_total",
            help: "Samples of new series that were left out because memory is short.", labels: jobLabel)
        waitingTargets = registry.gauge(
            "narthex_memory_waiting_targets",
            help: "New targets that are not scraped yet because memory is short.", labels: jobLabel)
        targetLimitExceeded = registry.counter(
            "prometheus_target_scrape_pool_exceeded_target_limit_total",
            help: "Total number of times scrape pools hit the target limit, during sync or config reload.")
        syncLength = DurationMetric(
            registry.summary(
                "prometheus_target_sync_length_seconds", help: "Actual interval to sync the scrape pool.",
                objectives: .bothTails, clock: clock, labels: jobLabel),
            registry.histogram(
                "prometheus_target_sync_length_histogram_seconds",
                help: "Actual interval to sync the scrape pool.",
                bounds: DurationMetric.histogramBounds, labels: jobLabel))
        duration = registry.histogram(
            "prometheus_target_scrape_duration_seconds", help: "Total duration of the scrape in seconds.",
            bounds: Self.secondsBounds)
        bodySizeLimit = registry.counter(
            "prometheus_target_scrapes_exceeded_body_size_limit_total",
            help: "Total number of scrapes that hit the body size limit.")
        bucketLimit = registry.counter(
            "prometheus_target_scrapes_exceeded_native_histogram_bucket_limit_total",
            help: "Total number of scrapes that hit the native histogram bucket limit and were rejected.")
        sampleLimit = registry.counter(
            "prometheus_target_scrapes_exceeded_sample_limit_total",
            help: "Total number of scrapes that hit the sample limit and were rejected.")
        labelLimits = registry.counter(
            "prometheus_target_scrape_pool_exceeded_label_limits_total",
            help: "Total number of times scrape pools hit the label limits, during sync or config reload.")
        duplicates = registry.counter(
            "prometheus_target_scrapes_sample_duplicate_timestamp_total",
            help: "Total number of samples rejected due to duplicate timestamps but different values.")
        outOfOrder = registry.counter(
            "prometheus_target_scrapes_sample_out_of_order_total",
            help: "Total number of samples rejected due to not being out of the expected order.")
        agentOutOfOrder = registry.counter(
            "prometheus_agent_out_of_order_samples_total",
            help: "Samples rejected for their order, under the name that an agent's storage has for them.")
        outOfBounds = registry.counter(
            "prometheus_target_scrapes_sample_out_of_bounds_total",
            help: "Total number of samples rejected due to timestamp falling outside of the time bounds.")
        dropped = Dictionary(
            uniqueKeysWithValues: LeftOutSamples.Reason.allCases.map { reason in
                let counter = registry.counter(
                    "narthex_scrape_dropped_samples_total",
                    help: "Samples of scrapes left out for their timestamps or as repetitions, by reason.",
                    labels: jobLabel + [(name: "reason", value: reason.rawValue)])
                return (reason, counter)
            })
        parsedLines = registry.counter(
            "narthex_scrape_parsed_lines_total",
            help: "Lines that differed from those of the target's scrape before and went through the parser.")
        samples = registry.counter(
            "narthex_scrape_samples_total", help: "Samples read from targets, the report's not among them.")
    }

    /// How long it really was from scrape to scrape, of all targets that have this interval.
    func intervalLength(ofMs intervalMs: Int64) -> DurationMetric {
        let labels = [(name: "interval", value: Self.goDuration(intervalMs))]
        return DurationMetric(
            registry.summary(
                "prometheus_target_interval_length_seconds", help: "Actual intervals between scrapes.",
                objectives: .bothTails, clock: clock, labels: labels),
            registry.histogram(
                "prometheus_target_interval_length_histogram_seconds",
                help: "Actual intervals between scrapes.", bounds: DurationMetric.histogramBounds,
                labels: labels))
    }

    /// How long it took to give pools of this interval another configuration.
    func reloadLength(ofMs intervalMs: Int64) -> Summary {
        registry.summary(
            "prometheus_target_reload_length_seconds",
            help: "Actual interval to reload the scrape pool with a given configuration.",
            objectives: .bothTails, clock: clock,
            labels: [(name: "interval", value: Self.goDuration(intervalMs))])
    }

    /// Counts samples that one scrape left out.
    func countDropped(_ samples: LeftOutSamples) {
        for reason in samples.reasons {
            let count = UInt64(samples[reason])
            dropped[reason]?.add(count)
            switch reason {
            case .outOfOrder:
                outOfOrder.add(count)
                agentOutOfOrder.add(count)
            case .duplicate: duplicates.add(count)
            case .tooOld, .outOfBounds: outOfBounds.add(count)
            }
        }
    }

    /// Counts lines that `on_bad_line: skip` left out, and series beyond the limits of labels.
    func countSkipped(_ count: Int) {
        registry.counter(
            "narthex_scrape_skipped_lines_total",
            help: "Lines left out of a scrape for what is wrong with them, by on_bad_line or on_limit.",
            labels: [(name: "scrape_job", value: job)]
        ).add(UInt64(count))
    }

    /// Counts a failed scrape by its reason.
    func countFailure(_ code: ScrapeError.Code) {
        registry.counter(
            "narthex_scrape_failures_total", help: "Scrapes that failed, by reason.",
            labels: [(name: "scrape_job", value: job), (name: "reason", value: code.rawValue)]
        ).add()
        switch code {
        case .bodyTooLarge: bodySizeLimit.add()
        case .sampleLimit: sampleLimit.add()
        case .labelLimit: labelLimits.add()
        case .bucketLimit: bucketLimit.add()
        default: break
        }
    }

    /// A duration as Go prints it, which is what the `interval` label holds: `15s`, `1m0s`, `1h0m0s`, `1.5s`,
    /// `500ms`.
    static func goDuration(_ milliseconds: Int64) -> String {
        if milliseconds < 1_000 { return milliseconds == 0 ? "0s" : "\(milliseconds)ms" }
        let hours = milliseconds / 3_600_000
        let minutes = milliseconds / 60_000 % 60
        let seconds = SecondsText.from(milliseconds: milliseconds % 60_000)
        if hours > 0 { return "\(hours)h\(minutes)m\(seconds)s" }
        return minutes > 0 ? "\(minutes)m\(seconds)s" : "\(seconds)s"
    }
}
