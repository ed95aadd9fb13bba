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

    /// A provider that runs, or is to be run.
    private struct Entry {
        let id: UInt64
        let provider: any TargetProvider
        /// Signalled when the job has it no more.
        let ended = Event()
        /// The newest; nil until it reported.
        var groups: [TargetGroup]?
    }

    private struct State {
        var job: ScrapeConfiguration
        /// The job was changed, so that the next list is told though it may be equal to the last.
        var tellsAnyway = false
        var entries: [Entry] = []
        var lastID: UInt64 = 0
        /// Those of `entries` that do not run yet.
        var waiting: [Entry] = []
        /// Groups of providers that are gone, kept until those that came in their place have answered.
        var held: [TargetGroup] = []
        /// How long that lasts at most, from now on: whoever takes it waits.
        var newWaitMs: Int64?
        /// Which wait ends it: the last.
        var waits: UInt64 = 0
        /// The wait is over: a list without some providers' targets is better than none.
        var takesPart = false
        /// The newest list, with what was left out of it.
        var latest: TargetMerge?

        var hasAll: Bool { entries.allSatisfy { $0.groups != nil } }

        mutating func add(_ provider: any TargetProvider) {
            lastID += 1
            let entry = Entry(id: lastID, provider: provider)
            entries.append(entry)
            waiting.append(entry)
        }
    }

    /// What a list is made of.
    private struct Known {
        let groups: [TargetGroup]
        let held: [TargetGroup]
        let job: ScrapeConfiguration
        let tellsAnyway: Bool
    }

    private let registry: MetricRegistry
    private let clock: any AgentClock
    private let logger: Logger
    private let discovered: Gauge
    private let received: Counter
    private let updates: Counter
    private let lastUpdate: Gauge
    private let syncFailures: Counter
    private let state: Mutex<State>
    /// One pending signal is enough: whoever takes it sees the newest groups of all providers.
    private let (signals, signal) = AsyncStream.makeStream(
        of: Void.self, bufferingPolicy: .bufferingNewest(1))

    public init(
        job: ScrapeConfiguration, providers: [any TargetProvider], clock: any AgentClock,
        registry: MetricRegistry, logger: Logger
    ) {
        self.registry = registry
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
        var state = State(job: job)
        for provider in providers { state.add(provider) }
        self.state = Mutex(state)
    }

    /// Makes targets by another configuration of the same job: of what is known already, at once. The list is
    /// told even where it is as before.
    public func change(_ job: ScrapeConfiguration) {
        state.withLock { state in
            precondition(job.jobName == state.job.jobName, "a manager has one job")
            state.job = job
            state.tellsAnyway = true
        }
        signal.yield()
    }

    /// The same with other providers. Where one that runs already is the same as one of `providers`, it goes
    /// on in its place with all that it knows. What was found by those that end stays in the list until all
    /// new ones have answered, but no longer than `waitMs`.
    public func change(_ job: ScrapeConfiguration, providers: [any TargetProvider], waitMs: Int64) {
        let ended = state.withLock { state in
            precondition(job.jobName == state.job.jobName, "a manager has one job")
            state.job = job
            state.tellsAnyway = true
            var before = state.entries
            state.entries = []
            for provider in providers {
                if let index = before.firstIndex(where: { provider.isSame(as: $0.provider) }) {
                    state.entries.append(before.remove(at: index))
                } else {
                    state.add(provider)
                }
            }
            let endedIDs = Set(before.map(\.id))
            state.waiting.removeAll { endedIDs.contains($0.id) }
            state.held = state.hasAll ? [] : state.held + before.flatMap { $0.groups ?? [] }
            if !state.held.isEmpty {
                state.waits += 1
                state.newWaitMs = waitMs
            }
            return before
        }
        for entry in ended { entry.ended.signal() }
        forgetFigures(of: ended, job)
        signal.yield()
    }

    /// Takes away what pages show of ways to find targets that the job has no more.
    private func forgetFigures(of ended: [Entry], _ job: ScrapeConfiguration) {
        let kept = Set(providers.map(\.name))
        for name in Set(ended.map(\.provider.name)).subtracting(kept) {
            registry.remove(where: [("config", job.jobName), ("mechanism", name)])
        }
    }

    /// Those that the job has now.
    public var providers: [any TargetProvider] { state.withLock { $0.entries.map(\.provider) } }

    /// The newest list with everything left out of it and why, for pages; nil before the first.
    public var latest: TargetMerge? { state.withLock { $0.latest } }

    /// What stands in the way of discovery now: which provider, and in a sentence what is wrong with it. One
    /// that has not answered at all is among them.
    public var problems: [(provider: String, message: String)] {
        state.withLock { $0.entries }.flatMap { entry in
            let told = entry.provider.problems
            let all = told.isEmpty && entry.groups == nil ? ["no answer yet"] : told
            return all.map { (provider: entry.provider.name, message: $0) }
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
        await withDiscardingTaskGroup { tasks in
            tasks.addTask {
                // Cancelled: nobody waits for the list any more.
                guard (try? await self.clock.sleep(forMs: Self.firstWaitMs)) != nil else { return }
                // With nothing from anyone there is nothing to say yet.
                let hasAny = self.state.withLock { state in
                    state.takesPart = true
                    return state.entries.contains { $0.groups != nil }
                }
                if hasAny { self.signal.yield() }
            }
            // A job without any provider has no targets, which its pool should hear once.
            if providers.isEmpty { signal.yield() }
            startWaiting(&tasks)
            var last: [DiscoveredTarget]?
            var said: Set<String> = []
            for await _ in signals {
                startWaiting(&tasks)
                guard let known = takeKnown() else { continue }
                let merge = TargetMerge(known.groups, held: known.held, job: known.job)
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

    /// Runs the providers that came since, each until the job has it no more.
    private func startWaiting(_ tasks: inout DiscardingTaskGroup) {
        let (waiting, newWait) = state.withLock { state in
            defer {
                state.waiting = []
                state.newWaitMs = nil
            }
            let waits = state.waits
            return (state.waiting, state.newWaitMs.map { (ms: $0, number: waits) })
        }
        for entry in waiting {
            tasks.addTask {
                await entry.ended.cancelling { [id = entry.id, provider = entry.provider] in
                    await provider.run { groups in self.take(groups, of: id) }
                }
            }
        }
        guard let newWait else { return }
        tasks.addTask {
            // Cancelled: nobody waits for the list any more.
            guard (try? await self.clock.sleep(forMs: newWait.ms)) != nil else { return }
            let isOver = self.state.withLock { state in
                guard state.waits == newWait.number, !state.held.isEmpty else { return false }
                state.held = []
                return true
            }
            if isOver { self.signal.yield() }
        }
    }

    private func take(_ groups: [TargetGroup], of id: UInt64) {
        received.add()
        state.withLock { state in
            // One that has ended may have been about to report.
            guard let index = state.entries.firstIndex(where: { $0.id == id }) else { return }
            state.entries[index].groups = groups
            if state.hasAll { state.held = [] }
        }
        signal.yield()
    }

    /// What the next list is made of; nil while a provider that may still answer in time has not.
    private func takeKnown() -> Known? {
        state.withLock { state in
            guard state.takesPart || state.hasAll else { return nil }
            state.takesPart = true
            defer { state.tellsAnyway = false }
            return Known(
                groups: state.entries.flatMap { $0.groups ?? [] }, held: state.held, job: state.job,
                tellsAnyway: state.tellsAnyway)
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
