import Logging
import Platform
import Synchronization
import Telemetry

/// Tells operators of a job's rounds: counts, ages, and a line for each fault once in a while.
final class ECSReport: Sendable {
    /// How often a fault that lasts is logged.
    static let repeatMs: Int64 = 300_000
    /// Faults of one round that are logged: a template with a mistake can run as a thousand tasks, and the
    /// first few stand for all.
    private static let linesARound = 10

    private struct Said: Hashable {
        let cluster: String
        let message: String
    }

    private struct State {
        var saidNs: [Said: UInt64] = [:]
        /// Clusters that could not be read in full, and since when.
        var failingSinceNs: [String: UInt64] = [:]
    }

    private let clock: any AgentClock
    private let logger: Logger
    private let failures: Counter
    private let state = Mutex(State())
    private let measures: ECSJobMeasures
    private let entry: Int

    init(
        job: String, clock: any AgentClock, registry: MetricRegistry, measures: ECSJobMeasures, logger: Logger
    ) {
        self.clock = clock
        self.measures = measures
        entry = measures.join()
        var logger = logger
        logger[metadataKey: "job"] = "\(job)"
        self.logger = logger
        failures = registry.counter(
            "prometheus_sd_refresh_failures_total",
            help: "Number of refresh failures for the given SD mechanism.",
            labels: [("config", job), ("mechanism", "ecs")])
    }

    /// The job ends: what it told is nobody's.
    func end() { measures.leave(entry) }

    func tell(_ round: ECSSurvey.Round) {
        if round.hasFailed { failures.add() }
        let noted = round.leftOut.filter { $0.kind != .silent }
        measures.set(
            .init(wholeAtNs: round.wholeAtNs, faulty: noted.count(where: \.isFault)), of: entry)
        let nowNs = clock.monotonicNs
        tellRecovered(round, nowNs)
        for (cluster, fault) in round.faults.prefix(Self.linesARound)
        where isDue(Said(cluster: cluster, message: fault.message), nowNs) {
            let metadata: Logger.Metadata = ["cluster": "\(cluster)", "err": "\(fault.message)"]
            if fault.isFailure {
                logger.error("ECS could not be asked; the last good targets stay", metadata: metadata)
            } else {
                logger.warning("ECS was asked in part", metadata: metadata)
            }
        }
        // Tasks of one service have one fault.
        var said: Set<String> = []
        for left in noted where said.count < Self.linesARound {
            let place = "\(left.definition ?? left.task) \(left.container ?? "") \(left.reason)"
            guard said.insert(place).inserted, isDue(Said(cluster: "", message: place), nowNs) else {
                continue
            }
            let what: Logger.Message =
                left.isFault ? "ECS container left out" : "ECS container not scraped as it asks"
            logger.warning(what, metadata: ["err": "\(left)"])
        }
    }

    /// Clusters that failed before and now have not. What is wrong with them next is said at once.
    private func tellRecovered(_ round: ECSSurvey.Round, _ nowNs: UInt64) {
        let failing = Set(round.faults.filter(\.fault.isFailure).map(\.cluster))
        let recovered = state.withLock { state in
            let before = state.failingSinceNs
            // One that was listed and is no more has not recovered; nobody asks it.
            let recovered = before.filter { cluster, _ in
                !failing.contains(cluster) && (cluster.isEmpty || round.wholeAtNs[cluster] != nil)
            }
            state.failingSinceNs = [:]
            for cluster in failing { state.failingSinceNs[cluster] = before[cluster] ?? nowNs }
            state.saidNs = state.saidNs.filter { said, _ in
                said.cluster.isEmpty || recovered[said.cluster] == nil
            }
            return recovered
        }
        for (cluster, sinceNs) in recovered.sorted(by: { $0.key < $1.key }).prefix(Self.linesARound) {
            let seconds = (nowNs - min(sinceNs, nowNs)) / 1_000_000_000
            logger.info(
                "ECS answers again", metadata: ["cluster": "\(cluster)", "after_s": "\(seconds)"])
        }
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
