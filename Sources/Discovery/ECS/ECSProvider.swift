import Configuration
import Logging
import MetricModel
import Platform
import Synchronization
import Telemetry

/// Targets from running tasks of ECS clusters: `ecs_sd_configs`.
struct ECSProvider: TargetProvider {
    /// The first wait after a failed round; it doubles up to the refresh interval.
    static let firstRetryMs: Int64 = 2_000
    /// Refreshes come up to a tenth earlier or later than asked for, so that agents started together drift
    /// apart.
    static let jitter = 0.1

    let name = "ecs"
    private let configuration: ECSSDConfiguration
    private let inventory: ECSInventory
    private let ownCluster: ECSOwnCluster
    private let clock: any AgentClock
    private let random: @Sendable () -> Double
    private let report: ECSReport

    /// `measures` is one for all entries of a job.
    init(
        _ configuration: ECSSDConfiguration, job: String, inventory: ECSInventory, ownCluster: ECSOwnCluster,
        clock: any AgentClock, registry: MetricRegistry, measures: ECSJobMeasures, logger: Logger,
        random: @escaping @Sendable () -> Double = { Double.random(in: 0..<1) }
    ) {
        self.configuration = configuration
        self.inventory = inventory
        self.ownCluster = ownCluster
        self.clock = clock
        self.random = random
        report = ECSReport(
            job: job, clock: clock, registry: registry, measures: measures, logger: logger)
    }

    func run(_ onChange: @Sendable ([TargetGroup]) async -> Void) async {
        var survey = ECSSurvey(configuration, inventory: inventory, ownCluster: ownCluster)
        var failedRounds = 0
        var last: [TargetGroup]?
        // What another job read a moment ago is as good as read now.
        let freshNs = UInt64(configuration.refreshIntervalMs) * 1_000_000 / 4
        defer { report.end() }
        while !Task.isCancelled {
            let startNs = clock.monotonicNs
            let round = await survey.round(freshNs: freshNs) { if !Task.isCancelled { await onChange($0) } }
            if Task.isCancelled { return }
            report.tell(round)
            // Before the first answer nothing is known, which is not the same as no targets.
            if round.groups != last, !round.groups.isEmpty || last != nil {
                last = round.groups
                await onChange(round.groups)
            }
            failedRounds = round.hasFailed && !round.isThrottled ? min(failedRounds + 1, 16) : 0
            let waitMs = waitMs(failedRounds)
            do { try await clock.sleep(untilNs: startNs + UInt64(waitMs) * 1_000_000) } catch { return }
        }
    }

    private func waitMs(_ failedRounds: Int) -> Int64 {
        let intervalMs = Double(configuration.refreshIntervalMs) * (1 + Self.jitter * (2 * random() - 1))
        guard failedRounds > 0 else { return Int64(intervalMs) }
        let retryMs = Double(Self.firstRetryMs << Int64(failedRounds - 1)) * (0.5 + random() / 2)
        return Int64(min(retryMs, intervalMs))
    }
}
