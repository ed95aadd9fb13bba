import Configuration
import Logging
import MetricModel
import Platform
import Telemetry

/// Targets from running tasks of ECS clusters: `ecs_sd_configs`. Each cluster is read by itself.
struct ECSProvider: TargetProvider {
    let name = "ecs"
    private let configuration: ECSSDConfiguration
    private let survey: ECSSurvey
    private let clock: any AgentClock
    private let wait: RefreshWait
    private let report: ECSReport
    private let metricsPath: String
    private let inventory: ECSInventory
    /// What all entries of the job tell together.
    let measures: ECSJobMeasures

    /// `metricsPath` is the job's; `measures` is one for all entries of a job.
    init(
        _ configuration: ECSSDConfiguration, job: String, metricsPath: String = "/metrics",
        inventory: ECSInventory, ownCluster: ECSOwnCluster, clock: any AgentClock, registry: MetricRegistry,
        measures: ECSJobMeasures, logger: Logger,
        random: @escaping @Sendable () -> Double = { Double.random(in: 0..<1) }
    ) {
        self.configuration = configuration
        self.metricsPath = metricsPath
        self.inventory = inventory
        self.measures = measures
        survey = ECSSurvey(
            configuration, metricsPath: metricsPath, inventory: inventory, ownCluster: ownCluster)
        self.clock = clock
        wait = RefreshWait(intervalMs: configuration.refreshIntervalMs, random: random)
        report = ECSReport(
            job: job, clock: clock, registry: registry, measures: measures, logger: logger)
    }

    var problems: [String] { report.problems }

    func isSame(as other: any TargetProvider) -> Bool {
        guard let other = other as? ECSProvider else { return false }
        return other.configuration == configuration && other.metricsPath == metricsPath
            && other.inventory === inventory
    }

    func run(_ onChange: @Sendable ([TargetGroup]) async -> Void) async {
        // One pending signal is enough: whoever takes it sees the newest groups of all clusters.
        let (signals, signal) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        report.start()
        defer { report.end() }
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                await withDiscardingTaskGroup { tasks in
                    await followList(&tasks) { signal.yield() }
                }
                signal.finish()
            }
            var last: [TargetGroup]?
            for await _ in signals {
                let groups = await survey.groups
                let hasNone = await survey.hasNoCluster
                if Task.isCancelled { break }
                // Before the first answer nothing is known, which is not the same as no targets.
                guard groups != last, !groups.isEmpty || last != nil || hasNone else { continue }
                last = groups
                await onChange(groups)
            }
            group.cancelAll()
        }
    }

    /// Finds out which clusters there are, again and again where that may change, and begins to follow each.
    private func followList(
        _ tasks: inout DiscardingTaskGroup, _ changed: @escaping @Sendable () -> Void
    ) async {
        var failedRounds = 0
        report.begin(ECSReport.list)
        while !Task.isCancelled {
            let startNs = clock.monotonicNs
            let list = await survey.clusterNames(freshNs: freshNs)
            if Task.isCancelled { return }
            let hasTargets = await survey.groups.contains { !$0.targets.isEmpty }
            report.tellList(list.fault, hasTargets: hasTargets, sinceNs: startNs)
            report.keep(only: Set(list.names))
            // A cluster that is listed no more takes its targets along.
            changed()
            for name in list.names where await survey.beginFollowing(name) {
                report.begin(name)
                tasks.addTask { await follow(name, changed) }
            }
            if await survey.isListFixed { return }
            failedRounds = list.fault.map { $0.isThrottling } ?? true ? 0 : min(failedRounds + 1, 16)
            do {
                try await clock.sleep(untilNs: startNs + wait.ns(failedRounds: failedRounds))
            } catch {
                return
            }
        }
    }

    /// Reads one cluster on its interval, until it is no longer wanted.
    private func follow(
        _ name: String, _ changed: @escaping @Sendable () -> Void
    ) async {
        var failedRounds = 0
        while !Task.isCancelled, await survey.isFollowing(name) {
            let startNs = clock.monotonicNs
            let outcome = await survey.read(name, freshNs: freshNs, changed: changed)
            if Task.isCancelled { return }
            report.tell(name, outcome, sinceNs: startNs)
            failedRounds =
                outcome.hasFailed && !outcome.isThrottled ? min(failedRounds + 1, 16) : 0
            let deadlineNs = startNs + wait.ns(failedRounds: failedRounds)
            do { try await clock.sleep(untilNs: deadlineNs) } catch { return }
        }
        report.forget(name)
    }

    /// What another job read a moment ago is as good as read now.
    private var freshNs: UInt64 { wait.freshNs }
}
