import HTTPTransport
import Logging
import MetricModel
import Platform
import Synchronization
import Telemetry

/// What a pool's loops have in common.
struct ScrapeContext: Sendable {
    let http: any HTTPPerforming
    let workers: WorkerPool
    let appender: any FrameAppending
    let clock: any AgentClock
    let metrics: ScrapeMetrics
    let logger: Logger
    let intervalMs: Int64
    let offsetSeed: UInt64
}

/// Scrapes one target, tick by tick, until its task is cancelled or the target is gone.
///
/// A target that discovery no longer has gets its stale markers at the tick on which it would have been
/// scraped next, written a tenth of the interval later: a target that comes back by then, or whose series
/// another pool goes on with, does not blink. Prometheus waits for one more tick. A loop that is cancelled
/// writes none: a restart must not end every series.
final class ScrapeLoop: Sendable {
    private struct Shared {
        var state: TargetState
        var isWanted = true
    }

    let target: ScrapeTarget
    private let intervalMs: Int64
    private let engine: ScrapeEngine
    private let exchange: ScrapeExchange
    let context: ScrapeContext
    private let shared: Mutex<Shared>

    init(target: ScrapeTarget, engine: ScrapeEngine, exchange: ScrapeExchange, context: ScrapeContext) {
        self.target = target
        intervalMs = target.intervalMs ?? context.intervalMs
        self.engine = engine
        self.exchange = exchange
        self.context = context
        shared = Mutex(Shared(state: TargetState(url: target.url, labels: target.labels)))
    }

    var state: TargetState { shared.withLock { $0.state } }

    func changeState<Result>(_ body: (inout TargetState) -> Result) -> Result {
        shared.withLock { body(&$0.state) }
    }

    /// Whether discovery has the target; the loop sees it at its next tick.
    var isWanted: Bool {
        get { shared.withLock { $0.isWanted } }
        set { shared.withLock { $0.isWanted = newValue } }
    }

    /// Runs until cancelled, or until the target was unwanted at a tick and `mayEnd` agreed.
    func run(mayEnd: @Sendable () -> Bool) async {
        let clock = context.clock
        var schedule = ScrapeSchedule(
            intervalMs: intervalMs,
            targetHash: ScrapeSchedule.hash(targetID: engine.target.id, url: target.url),
            seed: context.offsetSeed,
            wallMs: clock.wallMs)
        var state = engine.makeState()
        var lastStartNs: UInt64?
        while true {
            do {
                try await clock.sleep(forMs: schedule.waitMs(wallMs: clock.wallMs))
                if !isWanted {
                    let tickMs = schedule.timestamp(wallMs: clock.wallMs)
                    try await clock.sleep(forMs: max(1, intervalMs / 10))
                    if !isWanted {
                        state = await end(state, at: tickMs)
                        if mayEnd() { return }
                    }
                    schedule.advance(wallMs: clock.wallMs)
                    lastStartNs = nil
                    continue
                }
            } catch {
                // Sleeping throws only when the task is cancelled.
                return
            }
            let startNs = clock.monotonicNs
            if let lastStartNs {
                context.metrics.intervalLength.observe(Double(startNs &- lastStartNs) / 1e9)
            }
            lastStartNs = startNs
            guard let next = await scrape(state, at: schedule.timestamp(wallMs: clock.wallMs), startNs) else {
                return
            }
            state = next
            schedule.advance(wallMs: clock.wallMs)
        }
    }

    /// One scrape: the state after it, or nil when the loop was cancelled meanwhile and nothing was written.
    private func scrape(_ state: ScrapeState, at timestampMs: Int64, _ startNs: UInt64) async -> ScrapeState?
    {
        let response: HTTPResponse?
        var format = ExpositionFormat.text
        var failure: ScrapeError?
        do {
            let answer = try await context.http.perform(exchange.request)
            switch exchange.verdict(on: answer) {
            case .read(let found):
                response = answer
                format = found
            case .refused(let error):
                response = nil
                failure = error
            }
        } catch {
            // An agent that stops has not seen its target fail.
            if error.code == .cancelled || error.code == .shutDown { return nil }
            response = nil
            failure = exchange.reason(for: error)
        }
        if Task.isCancelled { return nil }
        let outcome = await context.workers.run { [failure, format] in
            self.work(response?.body, format, failure, state, timestampMs, startNs)
        }
        note(outcome, timestampMs: timestampMs)
        return outcome.state
    }

    /// What one scrape came to.
    private struct Outcome: Sendable {
        var state: ScrapeState
        var error: ScrapeError?
        var prepared: ScrapeEngine.Prepared?
        var durationSeconds: Double
    }

    /// Parses and appends, on a worker thread. The state moves on only when the frame was appended.
    private func work(
        _ body: HTTPBody?, _ format: ExpositionFormat, _ failure: ScrapeError?, _ state: ScrapeState,
        _ timestampMs: Int64, _ startNs: UInt64
    ) -> Outcome {
        func seconds() -> Double { Double(context.clock.monotonicNs &- startNs) / 1e9 }
        var outcome = Outcome(state: state, error: failure, prepared: nil, durationSeconds: 0)
        do {
            var prepared: ScrapeEngine.Prepared?
            if let body, failure == nil {
                do {
                    prepared = try body.withSpan {
                        try engine.scraped(
                            $0, format: format, at: timestampMs, after: state, durationSeconds: seconds)
                    }
                } catch let error as ScrapeError where error.code != .clock {
                    outcome.error = error
                }
            }
            let final =
                try prepared
                ?? engine.failed(
                    at: timestampMs, after: state, durationSeconds: seconds(), error: outcome.error,
                    bodySizeBytes: outcome.error?.code == .bodyTooLarge ? -1 : body?.count ?? 0)
            outcome.prepared = final
            try context.appender.append(final.frame)
            outcome.state = final.next
        } catch let error as ScrapeError {
            outcome.error = error
        } catch {
            outcome.error = ScrapeError(.append, "the frame was not appended: \(error)")
        }
        outcome.durationSeconds = seconds()
        return outcome
    }

    /// Ends the target's series.
    private func end(_ state: ScrapeState, at timestampMs: Int64) async -> ScrapeState {
        await context.workers.run {
            do {
                // After a last scrape that came late the tick may lie before it.
                let markedMs = max(
                    timestampMs, state.lastTimestampMs == Int64.min ? timestampMs : state.lastTimestampMs + 1)
                guard let prepared = try self.engine.removed(at: markedMs, after: state) else { return state }
                try self.context.appender.append(prepared.frame)
                return prepared.next
            } catch {
                self.context.logger.warning(
                    "stale markers of a removed target were not appended; its series end by themselves",
                    metadata: ["target": "\(self.target.url)", "err": "\(error)"])
                return state
            }
        }
    }

    private func note(_ outcome: Outcome, timestampMs: Int64) {
        let metrics = context.metrics
        metrics.duration.observe(outcome.durationSeconds)
        if let prepared = outcome.prepared {
            metrics.duplicates.add(UInt64(prepared.duplicateCount))
            metrics.outOfOrder.add(UInt64(prepared.outOfOrderCount))
            metrics.outOfBounds.add(UInt64(prepared.outOfBoundsCount))
            metrics.parsedLines.add(UInt64(prepared.parsedLines))
            noteLeftOut(prepared)
            metrics.samples.add(UInt64(prepared.report.samplesScraped))
        }
        let before = shared.withLock { shared in
            let before = shared.state.lastError
            shared.state.health = outcome.error == nil ? .up : .down
            shared.state.lastError = outcome.error
            shared.state.lastScrapeMs = timestampMs
            shared.state.lastScrapeDurationSeconds = outcome.durationSeconds
            if outcome.error == nil { shared.state.samples = outcome.prepared?.report.samplesScraped ?? 0 }
            return before
        }
        guard let error = outcome.error else { return }
        metrics.countFailure(error.code)
        // Once for each fault, not once for each scrape; the buffer reports its own faults.
        if before?.code != error.code {
            context.logger.warning(
                "scrape failed",
                metadata: ["target": "\(target.url)", "err": "\(error)", "reason": "\(error.code.rawValue)"])
        }
    }
}
