import Platform
import Synchronization
import Telemetry

/// What the ECS entries of one job tell together: those for several regions or accounts may well have a
/// cluster of the same name, which is one series.
final class ECSJobMeasures: Sendable {
    /// One entry's.
    struct Share {
        /// By cluster, when everything of it was last read without a failure.
        var wholeAtNs: [String: UInt64] = [:]
        /// By cluster, since when it is asked for: its age as long as it was never read. "" is the list of
        /// clusters, as long as it cannot be had.
        var sinceNs: [String: UInt64] = [:]
        /// Tasks and containers that ask to be scraped and cannot be.
        var faulty = 0
    }

    private struct State {
        var shares: [Int: Share] = [:]
        var joined = 0
        var readers: [UInt64] = []
    }

    private let job: String
    private let clock: any AgentClock
    private let registry: MetricRegistry
    private let state = Mutex(State())

    /// Shows nothing before somebody joins.
    init(job: String, clock: any AgentClock, registry: MetricRegistry) {
        self.job = job
        self.clock = clock
        self.registry = registry
    }

    /// The number of one more entry.
    func join() -> Int {
        state.withLock { state in
            if state.shares.isEmpty { state.readers = readers() }
            state.joined += 1
            state.shares[state.joined] = Share()
            return state.joined
        }
    }

    func set(_ share: Share, of entry: Int) {
        state.withLock { state in if state.shares[entry] != nil { state.shares[entry] = share } }
    }

    /// The entry ends: what it told is nobody's.
    func leave(_ entry: Int) {
        state.withLock { state in
            state.shares[entry] = nil
            guard state.shares.isEmpty else { return }
            for reader in state.readers { registry.removeReader(reader) }
            state.readers = []
        }
    }

    private func readers() -> [UInt64] {
        [
            registry.observe(
                "narthex_sd_ecs_age_seconds",
                help: "Seconds since a cluster was last read without a failure, or since it is asked for: "
                    + "the age of its oldest targets.",
                type: .gauge
            ) { [weak self] in self?.ages() ?? [] },
            registry.observe(
                "narthex_sd_ecs_faulty_targets",
                help: "Tasks and containers that ask to be scraped and cannot be; narthex discover says why.",
                type: .gauge
            ) { [weak self] in self?.faulty() ?? [] },
        ]
    }

    deinit {
        for reader in state.withLock({ $0.readers }) { registry.removeReader(reader) }
    }

    /// Of clusters of one name the one that was not read for the longest time.
    private func ages() -> [Measurement] {
        let nowNs = clock.monotonicNs
        var oldest: [String: UInt64] = [:]
        for share in state.withLock({ Array($0.shares.values) }) {
            for (cluster, atNs) in share.sinceNs.merging(share.wholeAtNs, uniquingKeysWith: { $1 }) {
                let name = ECSLabels.lastPart(of: cluster)
                oldest[name] = min(atNs, oldest[name] ?? atNs)
            }
        }
        return oldest.sorted { $0.key < $1.key }.map { cluster, atNs in
            Measurement(
                labels: [("config", job), ("cluster", cluster)],
                value: Double(nowNs > atNs ? nowNs - atNs : 0) / 1e9)
        }
    }

    private func faulty() -> [Measurement] {
        let counts = state.withLock { $0.shares.values.map(\.faulty) }
        return counts.isEmpty
            ? [] : [Measurement(labels: [("config", job)], value: Double(counts.reduce(0, +)))]
    }
}
