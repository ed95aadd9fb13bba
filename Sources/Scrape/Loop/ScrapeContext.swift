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

    var now: LoopStateMachine.Moment { .init(wallMs: clock.wallMs, monotonicNs: clock.monotonicNs) }
}
