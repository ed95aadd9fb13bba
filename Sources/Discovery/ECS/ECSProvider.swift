public import AWS
public import Configuration
public import Logging
import MetricModel
public import Platform
public import Telemetry

/// Targets from running Fargate tasks of ECS clusters: `ecs_sd_configs`.
public struct ECSProvider: TargetProvider {
    /// The first wait after a failed round; it doubles up to the refresh interval.
    static let firstRetryMs: Int64 = 2_000
    /// How often a fault that lasts is logged.
    static let repeatMs: Int64 = 300_000

    public let name = "ecs"
    private let configuration: ECSSDConfiguration
    private let region: String
    private let ecs: any ECSDescribing
    private let clock: any AgentClock
    private let logger: Logger
    private let failures: Counter

    /// `region` is the one the client asks, for the label.
    public init(
        _ configuration: ECSSDConfiguration, job: String, region: String, ecs: any ECSDescribing,
        clock: any AgentClock, registry: MetricRegistry, logger: Logger
    ) {
        self.configuration = configuration
        self.region = region
        self.ecs = ecs
        self.clock = clock
        var logger = logger
        logger[metadataKey: "job"] = "\(job)"
        self.logger = logger
        failures = registry.counter(
            "prometheus_sd_refresh_failures_total",
            help: "Number of refresh failures for the given SD mechanism.",
            labels: [("config", job), ("mechanism", "ecs")])
    }

    public func run(_ report: @Sendable ([TargetGroup]) async -> Void) async {
        var clusters = configuration.clusters.map { ECSCluster(cluster: $0, region: region) }
        var definitions = ECSDefinitions()
        var failedRounds = 0
        var last: [TargetGroup]?
        while !Task.isCancelled {
            let startNs = clock.monotonicNs
            var hasFailed = false
            for index in clusters.indices {
                let faults = await clusters[index].refresh(ecs, &definitions)
                if Task.isCancelled { return }
                hasFailed = hasFailed || faults.contains(where: \.isFailure)
                tell(faults, &clusters[index])
            }
            let groups = clusters.compactMap(\.group)
            // Before the first answer nothing is known, which is not the same as no targets.
            if groups != last, !groups.isEmpty {
                last = groups
                await report(groups)
            }
            failedRounds = hasFailed ? min(failedRounds + 1, 16) : 0
            let retryMs = Self.firstRetryMs << Int64(max(0, failedRounds - 1))
            let waitMs =
                hasFailed ? min(retryMs, configuration.refreshIntervalMs) : configuration.refreshIntervalMs
            do { try await clock.sleep(untilNs: startNs + UInt64(waitMs) * 1_000_000) } catch { return }
        }
    }

    private func tell(_ faults: [ECSCluster.Fault], _ cluster: inout ECSCluster) {
        if faults.contains(where: \.isFailure) { failures.add() }
        let nowNs = clock.monotonicNs
        // A template with a mistake can run as a thousand tasks: the first few stand for all.
        for fault in faults.prefix(10) where cluster.isDue(fault, nowNs: nowNs) {
            let metadata: Logger.Metadata = ["cluster": "\(cluster.cluster)", "error": "\(fault.message)"]
            if fault.isFailure {
                logger.error("ECS could not be asked; the last good targets stay", metadata: metadata)
            } else {
                logger.warning("ECS container left out", metadata: metadata)
            }
        }
    }
}
