import Platform
import Telemetry

/// What Prometheus counts of each refresh of a job's discovery, by mechanism.
struct RefreshMetrics: Sendable {
    private let failures: Counter
    private let duration: DurationMetric
    private let lastUpdate: Gauge
    private let clock: any AgentClock

    static let lastUpdateHelp = "Timestamp of the last update sent to the SD consumers."

    init(mechanism: String, job: String, clock: any AgentClock, registry: MetricRegistry) {
        let mechanism = [(name: "mechanism", value: mechanism)]
        let labels = [(name: "config", value: job)] + mechanism
        self.clock = clock
        failures = registry.counter(
            "prometheus_sd_refresh_failures_total",
            help: "Number of refresh failures for the given SD mechanism.", labels: labels)
        lastUpdate = registry.gauge(
            "prometheus_sd_last_update_timestamp_seconds", help: Self.lastUpdateHelp,
            labels: [("name", "scrape"), ("config", job)])
        duration = DurationMetric(
            registry.summary(
                "prometheus_sd_refresh_duration_seconds",
                help: "The duration of a refresh in seconds for the given SD mechanism.",
                objectives: .upperTail, clock: clock, labels: labels),
            registry.histogram(
                "prometheus_sd_refresh_duration_histogram_seconds",
                help: "The duration of a refresh for the given SD mechanism.",
                bounds: DurationMetric.histogramBounds, labels: mechanism))
    }

    /// A refresh that began at `startNs` of the clock's `monotonicNs` is over. One that succeeded is an
    /// update for Prometheus, whether its list is another one or not.
    func refreshed(sinceNs startNs: UInt64, hasFailed: Bool) {
        duration.observe(sinceNs: startNs, clock)
        if hasFailed { failures.add() } else { lastUpdate.set(Double(clock.wallMs) / 1_000) }
    }
}
