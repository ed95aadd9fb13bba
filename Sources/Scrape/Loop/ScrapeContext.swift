import Configuration
import HTTPTransport
import Logging
import Platform

/// What a pool's loops have in common.
struct ScrapeContext: Sendable {
    let http: any HTTPScheduling
    let workers: WorkerPool
    let appender: any FrameAppending
    let clock: any AgentClock
    let metrics: ScrapeMetrics
    let intervalLengths: IntervalLengths
    let logger: Logger
    let intervalMs: Int64
    let offsetSeed: UInt64
    let job: String
    let failureLog: ScrapeFailureLog?
    /// When it was last said that memory is short.
    let memoryLog: MemoryLog

    init(
        _ plan: ScrapePlan, workers: WorkerPool, appender: any FrameAppending, clock: any AgentClock,
        metrics: ScrapeMetrics, logger: Logger, memoryLog: MemoryLog = MemoryLog()
    ) {
        self.memoryLog = memoryLog
        let configuration = plan.configuration
        http = plan.http as? any HTTPScheduling ?? HTTPTaskScheduler(plan.http, clock: clock)
        self.workers = workers
        self.appender = appender
        self.clock = clock
        self.metrics = metrics
        self.intervalLengths = IntervalLengths(metrics, jobMs: configuration.scrapeIntervalMs)
        self.logger = logger
        intervalMs = configuration.scrapeIntervalMs
        offsetSeed = plan.offsetSeed
        job = configuration.jobName
        failureLog = plan.failureLog
    }

    /// With all of `other` that no plan changes.
    init(_ plan: ScrapePlan, like other: ScrapeContext) {
        self.init(
            plan, workers: other.workers, appender: other.appender, clock: other.clock,
            metrics: other.metrics, logger: other.logger, memoryLog: other.memoryLog)
    }

    var now: LoopStateMachine.Moment { .init(wallMs: clock.wallMs, monotonicNs: clock.monotonicNs) }
}
