public import Configuration
public import Logging
import MetricModel
import Synchronization
public import Telemetry

/// Runs the providers of one job and hands over its full list of targets whenever that changes.
public final class DiscoveryManager: Sendable {
    private struct State {
        /// The newest groups of each provider; nil until it reported.
        var groups: [[TargetGroup]?]
    }

    private let job: ScrapeConfiguration
    private let providers: [any TargetProvider]
    private let logger: Logger
    private let discovered: Gauge
    private let received: Counter
    private let syncFailures: Counter
    private let state: Mutex<State>

    public init(
        job: ScrapeConfiguration, providers: [any TargetProvider], registry: MetricRegistry, logger: Logger
    ) {
        self.job = job
        self.providers = providers
        self.logger = logger
        discovered = registry.gauge(
            "prometheus_sd_discovered_targets", help: "Current number of discovered targets.",
            labels: [("name", "scrape"), ("config", job.jobName)])
        received = registry.counter(
            "prometheus_sd_received_updates_total",
            help: "Total number of update events received from the SD providers.",
            labels: [("name", "scrape")])
        syncFailures = registry.counter(
            "prometheus_target_sync_failed_total", help: "Total number of target sync failures.",
            labels: [("scrape_job", job.jobName)])
        state = Mutex(State(groups: Array(repeating: nil, count: providers.count)))
    }

    /// Calls `onChange` with all targets, first as soon as any provider has reported, then after each change, never two
    /// calls at a time. Returns when cancelled. To be called once.
    public func run(_ onChange: @Sendable ([DiscoveredTarget]) async -> Void) async {
        // One pending signal is enough: whoever takes it sees the newest groups of all providers.
        let (signals, signal) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        await withTaskGroup { tasks in
            for (index, provider) in providers.enumerated() {
                tasks.addTask {
                    await provider.run { groups in
                        self.received.add()
                        self.state.withLock { $0.groups[index] = groups }
                        signal.yield()
                    }
                }
            }
            // A job without any provider has no targets, which its pool should hear once.
            if providers.isEmpty { signal.yield() }
            var last: [DiscoveredTarget]?
            var said: Set<String> = []
            for await _ in signals {
                let merge = TargetMerge(
                    state.withLock { $0.groups.compactMap { $0 }.flatMap { $0 } }, job: job)
                report(merge, &said)
                guard merge.targets != last else { continue }
                last = merge.targets
                await onChange(merge.targets)
            }
            tasks.cancelAll()
        }
    }

    /// Counts, and logs what was not said in the round before.
    private func report(_ merge: TargetMerge, _ said: inout Set<String>) {
        discovered.set(Double(merge.discoveredCount))
        syncFailures.add(UInt64(merge.failures.count))
        // A thousand faulty targets are one fault, told by its first few.
        let now = Set(merge.failures.prefix(10).map(\.description) + merge.warnings.prefix(10))
        for failure in merge.failures.prefix(10) where !said.contains(failure.description) {
            logger.error("target left out", metadata: ["job": "\(job.jobName)", "error": "\(failure)"])
        }
        for warning in merge.warnings.prefix(10) where !said.contains(warning) {
            logger.warning("\(warning)", metadata: ["job": "\(job.jobName)"])
        }
        said = now
    }
}
