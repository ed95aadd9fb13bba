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

    private let clock: any AgentClock
    private let logger: Logger
    private let registry: MetricRegistry
    private let failures: Counter
    private let leftOut: Gauge
    private let saidNs = Mutex<[String: UInt64]>([:])
    private let ages: ECSReportAges
    private let ageReader: UInt64

    init(job: String, clock: any AgentClock, registry: MetricRegistry, logger: Logger) {
        self.clock = clock
        self.registry = registry
        var logger = logger
        logger[metadataKey: "job"] = "\(job)"
        self.logger = logger
        failures = registry.counter(
            "prometheus_sd_refresh_failures_total",
            help: "Number of refresh failures for the given SD mechanism.",
            labels: [("config", job), ("mechanism", "ecs")])
        leftOut = registry.gauge(
            "narthex_sd_ecs_faulty_targets",
            help: "Tasks and containers that ask to be scraped and cannot be; narthex discover says why.",
            labels: [("config", job)])
        let ages = ECSReportAges()
        self.ages = ages
        ageReader = registry.observe(
            "narthex_sd_ecs_age_seconds",
            help: "Seconds since a cluster was last read without a failure: the age of its oldest targets.",
            type: .gauge
        ) { ages.measurements(job: job, nowNs: clock.monotonicNs) }
    }

    /// The job ends: its ages are nobody's.
    func end() { registry.removeReader(ageReader) }

    func tell(_ round: ECSSurvey.Round) {
        if round.hasFailed { failures.add() }
        let faulty = round.leftOut.filter(\.isFault)
        leftOut.set(Double(faulty.count))
        ages.set(round.wholeAtNs)
        let nowNs = clock.monotonicNs
        for (cluster, fault) in round.faults.prefix(Self.linesARound) where isDue(fault.message, nowNs) {
            let metadata: Logger.Metadata = ["cluster": "\(cluster)", "error": "\(fault.message)"]
            if fault.isFailure {
                logger.error("ECS could not be asked; the last good targets stay", metadata: metadata)
            } else {
                logger.warning("ECS was asked in part", metadata: metadata)
            }
        }
        // Tasks of one service have one fault.
        var said: Set<String> = []
        for left in faulty where said.count < Self.linesARound {
            let place = "\(left.definition ?? left.task) \(left.container ?? "") \(left.reason)"
            guard said.insert(place).inserted, isDue(place, nowNs) else { continue }
            logger.warning("ECS container left out", metadata: ["error": "\(left)"])
        }
    }

    /// True when it is new, or was last said long enough ago; then it counts as said.
    private func isDue(_ message: String, _ nowNs: UInt64) -> Bool {
        saidNs.withLock { said in
            let repeatNs = UInt64(Self.repeatMs) * 1_000_000
            said = said.filter { nowNs - $0.value < repeatNs }
            guard said[message] == nil else { return false }
            said[message] = nowNs
            return true
        }
    }
}

/// When each cluster was last read whole.
private final class ECSReportAges: Sendable {
    private let state = Mutex<[String: UInt64]>([:])

    func set(_ wholeAtNs: [String: UInt64]) { state.withLock { $0 = wholeAtNs } }

    func measurements(job: String, nowNs: UInt64) -> [Measurement] {
        state.withLock { $0 }.sorted { $0.key < $1.key }.map { cluster, atNs in
            Measurement(
                labels: [("config", job), ("cluster", ECSLabels.lastPart(of: cluster))],
                value: Double(nowNs > atNs ? nowNs - atNs : 0) / 1e9)
        }
    }
}
