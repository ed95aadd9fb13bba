import Logging
import Platform
import Synchronization
import Telemetry

/// Tells operators how a job's clusters are read: counts, ages, a line for each fault once in a while, and
/// what is wrong now.
final class ECSReport: Sendable {
    /// How often a fault that lasts is logged.
    static let repeatMs: Int64 = 300_000
    /// Faults of one reading that are logged: a template with a mistake can run as a thousand tasks, and the
    /// first few stand for all.
    private static let linesARound = 10
    /// The list of clusters goes by this name.
    static let list = ""

    private struct Said: Hashable {
        let cluster: String
        let message: String
    }

    private struct State {
        var saidNs: [Said: UInt64] = [:]
        /// Clusters that could not be read in full, and since when.
        var failingSinceNs: [String: UInt64] = [:]
        /// By cluster, what is wrong now.
        var problems: [String: [String]] = [:]
        /// Clusters that are being read for the first time.
        var unanswered: Set<String> = []
        var share = ECSJobMeasures.Share()
        /// Its number among the job's entries while it runs.
        var entry: Int?
        var faulty: [String: Int] = [:]
    }

    private let clock: any AgentClock
    private let logger: Logger
    private let refreshes: RefreshMetrics
    private let state = Mutex(State())
    private let measures: ECSJobMeasures

    init(
        job: String, clock: any AgentClock, registry: MetricRegistry, measures: ECSJobMeasures, logger: Logger
    ) {
        self.clock = clock
        self.measures = measures
        var logger = logger
        logger[metadataKey: "job"] = "\(job)"
        self.logger = logger
        refreshes = RefreshMetrics(mechanism: "ecs", job: job, clock: clock, registry: registry)
    }

    /// What is wrong now, in sentences: which cluster, which call, and why.
    var problems: [String] {
        state.withLock { state in
            let unanswered = state.unanswered.filter { state.problems[$0] == nil }.map {
                (cluster: $0, texts: ["no answer yet"])
            }
            let known = state.problems.map { (cluster: $0.key, texts: $0.value) }
            return (known + unanswered).sorted { $0.cluster < $1.cluster }.flatMap { cluster, texts in
                let place =
                    cluster == Self.list ? "list of clusters" : "cluster \(ECSLabels.lastPart(of: cluster))"
                return texts.map { "\(place): \($0)" }
            }
        }
    }

    /// The entry is read from now on: what it tells counts.
    func start() {
        let entry = measures.join()
        state.withLock { $0.entry = entry }
    }

    /// The entry ends: what it told is nobody's.
    func end() {
        let entry = state.withLock { $0.entry.take() }
        if let entry { measures.leave(entry) }
    }

    private func tell(_ share: ECSJobMeasures.Share) {
        if let entry = state.withLock({ $0.entry }) { measures.set(share, of: entry) }
    }

    /// A cluster, or their list, is going to be asked for: from now on it has an age.
    func begin(_ cluster: String) {
        let nowNs = clock.monotonicNs
        let share = state.withLock { state in
            state.unanswered.insert(cluster)
            state.share.sinceNs[cluster] = nowNs
            return state.share
        }
        tell(share)
    }

    /// Clusters that are no longer asked for have nothing to tell.
    func keep(only clusters: Set<String>) { forget { !clusters.contains($0) } }

    /// The same of one.
    func forget(_ cluster: String) { forget { $0 == cluster } }

    private func forget(_ isGone: (String) -> Bool) {
        let share = state.withLock { state in
            func stays(_ cluster: String) -> Bool { cluster == Self.list || !isGone(cluster) }
            state.failingSinceNs = state.failingSinceNs.filter { stays($0.key) }
            state.problems = state.problems.filter { stays($0.key) }
            state.unanswered = state.unanswered.filter(stays)
            state.faulty = state.faulty.filter { stays($0.key) }
            state.share.sinceNs = state.share.sinceNs.filter { stays($0.key) }
            state.share.wholeAtNs = state.share.wholeAtNs.filter { stays($0.key) }
            state.share.faulty = state.faulty.values.reduce(0, +)
            return state.share
        }
        tell(share)
    }

    /// The list of clusters was asked for, from `startNs` on.
    func tellList(_ fault: ECSFault?, hasTargets: Bool, sinceNs startNs: UInt64) {
        let nowNs = clock.monotonicNs
        let share = state.withLock { state in
            // Its age is told as long as it cannot be had.
            if fault == nil { state.share.sinceNs[Self.list] = nil }
            if fault != nil, state.share.sinceNs[Self.list] == nil { state.share.sinceNs[Self.list] = nowNs }
            return state.share
        }
        tell(share)
        let outcome = ECSSurvey.Outcome(faults: [fault].compactMap { $0 }, targetCount: hasTargets ? 1 : 0)
        refreshes.refreshed(sinceNs: startNs, hasFailed: outcome.hasFailed)
        tellFaults(Self.list, outcome, nowNs)
    }

    /// A cluster was read, from `startNs` on.
    func tell(_ cluster: String, _ outcome: ECSSurvey.Outcome, sinceNs startNs: UInt64) {
        let nowNs = clock.monotonicNs
        let noted = outcome.leftOut.filter { $0.kind != .silent }
        let share = state.withLock { state in
            state.faulty[cluster] = noted.count(where: \.isFault)
            state.share.wholeAtNs[cluster] = outcome.wholeAtNs
            state.share.faulty = state.faulty.values.reduce(0, +)
            return state.share
        }
        tell(share)
        refreshes.refreshed(sinceNs: startNs, hasFailed: outcome.hasFailed)
        tellFaults(cluster, outcome, nowNs)
        // Tasks of one service have one fault.
        var said: Set<String> = []
        for left in noted where said.count < Self.linesARound {
            let place = "\(left.definition ?? left.task) \(left.container ?? "") \(left.reason)"
            guard said.insert(place).inserted, isDue(Said(cluster: Self.list, message: place), nowNs) else {
                continue
            }
            let what: Logger.Message =
                left.isFault ? "ECS container left out" : "ECS container not scraped as it asks"
            logger.warning(what, metadata: ["err": "\(left)"])
        }
    }

    private func tellFaults(_ cluster: String, _ outcome: ECSSurvey.Outcome, _ nowNs: UInt64) {
        tellRecovered(cluster, outcome, nowNs)
        for fault in outcome.faults.prefix(Self.linesARound)
        where isDue(Said(cluster: cluster, message: fault.message), nowNs) {
            let metadata: Logger.Metadata = ["cluster": "\(cluster)", "err": "\(fault.message)"]
            guard fault.isFailure else {
                logger.warning("ECS was asked in part", metadata: metadata)
                continue
            }
            switch (fault.subject, outcome.targetCount > 0) {
            case (.tasks, true):
                logger.error("ECS could not be asked; the last good targets stay", metadata: metadata)
            case (.tasks, false):
                logger.error("ECS could not be asked, and no target is known", metadata: metadata)
            default:
                logger.error("ECS was asked in part; the tasks that need the rest wait", metadata: metadata)
            }
        }
    }

    /// A cluster that failed before and now has not. What is wrong with it next is said at once.
    private func tellRecovered(_ cluster: String, _ outcome: ECSSurvey.Outcome, _ nowNs: UInt64) {
        let sinceNs: UInt64? = state.withLock { state in
            state.unanswered.remove(cluster)
            state.problems[cluster] = outcome.faults.isEmpty ? nil : outcome.faults.map(\.message)
            guard !outcome.hasFailed else {
                state.failingSinceNs[cluster] = state.failingSinceNs[cluster] ?? nowNs
                return nil
            }
            guard let sinceNs = state.failingSinceNs.removeValue(forKey: cluster) else { return nil }
            state.saidNs = state.saidNs.filter { said, _ in said.cluster != cluster || cluster.isEmpty }
            return sinceNs
        }
        guard let sinceNs else { return }
        let seconds = (nowNs - min(sinceNs, nowNs)) / 1_000_000_000
        logger.info(
            "ECS answers again", metadata: ["cluster": "\(cluster)", "after_s": .stringConvertible(seconds)])
    }

    /// True when it is new, or was last said long enough ago; then it counts as said.
    private func isDue(_ said: Said, _ nowNs: UInt64) -> Bool {
        state.withLock { state in
            let repeatNs = UInt64(Self.repeatMs) * 1_000_000
            state.saidNs = state.saidNs.filter { nowNs - $0.value < repeatNs }
            guard state.saidNs[said] == nil else { return false }
            state.saidNs[said] = nowNs
            return true
        }
    }
}
