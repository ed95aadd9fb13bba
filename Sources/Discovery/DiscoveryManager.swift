public import Configuration
public import Logging
import MetricModel
public import Platform
import Synchronization
public import Telemetry

/// Runs the providers of one job and hands over its full list of targets whenever that changes.
public final class DiscoveryManager: Sendable {
    /// How long the first list waits for providers that have not reported yet: long enough for what answers
    /// at once, so that the first list is mostly whole, and short enough that nobody waits for what hangs.
    public static let firstWaitMs: Int64 = 1_000

    private struct State {
        var job: ScrapeConfiguration
        /// The job was changed, so that the next list is told though it may be equal to the last.
        var tellsAnyway = false
        /// The newest groups of each provider; nil until it reported.
        var groups: [[TargetGroup]?]
        /// The wait is over: a list without some providers' targets is better than none.
        var takesPart = false
        /// The newest list, with what was left out of it.
        var latest: TargetMerge?

        /// All groups; nil while a provider that may still answer in time has not.
        var merged: [TargetGroup]? {
            guard takesPart || groups.allSatisfy({ $0 != nil }) else { return nil }
            return groups.compactMap { $0 }.flatMap { $0 }
        }
    }

    /// What a list is made of.
    private struct Known {
        let groups: [TargetGroup]
        let job: ScrapeConfiguration
        let tellsAnyway: Bool
    }

    private let providers: [any TargetProvider]
    private let clock: any AgentClock
    private let logger: Logger
    private let discovered: Gauge
    private let received: Counter
    private let updates: Counter
    private let lastUpdate: Gauge
    private let syncFailures: Counter
    private let firstWaitMs: Int64
    private let state: Mutex<State>
    /// One pending signal is enough: whoever takes it sees the newest groups of all providers.
    private let (signals, signal) = AsyncStream.makeStream(
        of: Void.self, bufferingPolicy: .bufferingNewest(1))

    /// `firstWaitMs` is how long the first list waits for providers that do not answer: longer where targets
    /// of an earlier list are scraped meanwhile.
    public init(
        job: ScrapeConfiguration, providers: [any TargetProvider], clock: any AgentClock,
        registry: MetricRegistry, logger: Logger, firstWaitMs: Int64 = DiscoveryManager.firstWaitMs
    ) {
        self.firstWaitMs = firstWaitMs
        self.providers = providers
        self.clock = clock
        self.logger = logger
        discovered = registry.gauge(
            "prometheus_sd_discovered_targets", help: "Current number of discovered targets.",
            labels: [("name", "scrape"), ("config", job.jobName)])
        received = registry.counter(
            "prometheus_sd_received_updates_total",
            help: "Total number of update events received from the SD providers.",
            labels: [("name", "scrape")])
        updates = registry.counter(
            "prometheus_sd_updates_total",
            help: "Total number of update events sent to the SD consumers.", labels: [("name", "scrape")])
        lastUpdate = registry.gauge(
            "prometheus_sd_last_update_timestamp_seconds",
            help: RefreshMetrics.lastUpdateHelp, labels: [("name", "scrape"), ("config", job.jobName)])
        // A configuration that cannot be used is refused as a whole.
        _ = registry.gauge(
            "prometheus_sd_failed_configs",
            help: "Current number of service discovery configurations that failed to load.",
            labels: [("name", "scrape")])
        syncFailures = registry.counter(
            "prometheus_target_sync_failed_total", help: "Total number of target sync failures.",
            labels: [("scrape_job", job.jobName)])
        state = Mutex(State(job: job, groups: Array(repeating: nil, count: providers.count)))
    }

    /// Makes targets by another configuration of the same job, with the same providers: of what they have
    /// found already, at once. The list is told even where it is as before.
    public func change(_ job: ScrapeConfiguration) {
        state.withLock { state in
            precondition(job.jobName == state.job.jobName, "a manager has one job")
            state.job = job
            state.tellsAnyway = true
        }
        signal.yield()
    }

    /// The newest list with everything left out of it and why, for pages; nil before the first.
    public var latest: TargetMerge? { state.withLock { $0.latest } }

    /// What stands in the way of discovery now: which provider, and in a sentence what is wrong with it. One
    /// that has not answered at all is among them.
    public var problems: [(provider: String, message: String)] {
        let groups = state.withLock { $0.groups }
        return zip(providers, groups).flatMap { provider, groups in
            let told = provider.problems
            let all = told.isEmpty && groups == nil ? ["no answer yet"] : told
            return all.map { (provider: provider.name, message: $0) }
        }
    }

    /// Calls `onChange` with all targets: first when every provider has reported, or after `firstWaitMs` with
    /// those of the providers that have; then after each change. Never two calls at a time. Returns when
    /// cancelled. To be called once.
    public func run(_ onChange: @Sendable ([DiscoveredTarget]) async -> Void) async {
        await runMerged { await onChange($0.targets) }
    }

    /// The same, with what is known beside the targets, for instance which have ended for good.
    public func runMerged(_ onChange: @Sendable (TargetMerge) async -> Void) async {
        await withTaskGroup { tasks in
            for (index, provider) in providers.enumerated() {
                tasks.addTask {
                    await provider.run { groups in
                        self.received.add()
                        self.state.withLock { $0.groups[index] = groups }
                        self.signal.yield()
                    }
                }
            }
            tasks.addTask {
                // Cancelled: nobody waits for the list any more.
                guard (try? await self.clock.sleep(forMs: self.firstWaitMs)) != nil else { return }
                // With nothing from anyone there is nothing to say yet.
                let hasAny = self.state.withLock { state in
                    state.takesPart = true
                    return state.groups.contains { $0 != nil }
                }
                if hasAny { self.signal.yield() }
            }
            // A job without any provider has no targets, which its pool should hear once.
            if providers.isEmpty { signal.yield() }
            var last: [DiscoveredTarget]?
            var said: Set<String> = []
            for await _ in signals {
                guard let known = takeKnown() else { continue }
                let merge = TargetMerge(known.groups, job: known.job)
                state.withLock { $0.latest = merge }
                report(merge, known.job.jobName, &said)
                guard known.tellsAnyway || merge.targets != last else { continue }
                last = merge.targets
                updates.add()
                lastUpdate.set(Double(clock.wallMs) / 1_000)
                await onChange(merge)
            }
            tasks.cancelAll()
        }
    }

    /// What the next list is made of; nil while a provider that may still answer in time has not.
    private func takeKnown() -> Known? {
        state.withLock { state in
            guard let groups = state.merged else { return nil }
            defer { state.tellsAnyway = false }
            return Known(groups: groups, job: state.job, tellsAnyway: state.tellsAnyway)
        }
    }

    /// Counts, and logs what was not said in the round before.
    private func report(_ merge: TargetMerge, _ job: String, _ said: inout Set<String>) {
        discovered.set(Double(merge.discoveredCount))
        let invalid = merge.invalid
        syncFailures.add(UInt64(invalid.count))
        // A thousand faulty targets are one fault, told by its first few.
        let failures = invalid.prefix(10).map { "\($0.source): \($0.message)" }
        let now = Set(failures + merge.warnings.prefix(10))
        for failure in failures where !said.contains(failure) {
            logger.error("target left out", metadata: ["job": "\(job)", "err": "\(failure)"])
        }
        for warning in merge.warnings.prefix(10) where !said.contains(warning) {
            logger.warning("\(warning)", metadata: ["job": "\(job)"])
        }
        said = now
    }
}
