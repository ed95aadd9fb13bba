/// Decides, for one target, what is to be done when a time has come. Does nothing itself.
///
/// A target that discovery no longer has gets its stale markers at the tick on which it would have been
/// scraped next, written a tenth of the interval later: a target that comes back by then, or whose series
/// another pool goes on with, does not blink. Prometheus waits for one more tick. A loop that is stopped
/// writes none: a restart must not end every series.
struct LoopStateMachine: Sendable {
    /// Now, by both clocks.
    struct Moment: Sendable, Equatable {
        let wallMs: Int64
        let monotonicNs: UInt64
    }

    enum Action: Sendable, Equatable {
        /// Scrape, as of `timestampMs`; `sinceLastNs` is how long ago the scrape before began.
        case scrape(timestampMs: Int64, sinceLastNs: UInt64?)
        /// Come back at this time of the monotonic clock.
        case wait(untilNs: UInt64)
        /// End the target's series, as of `timestampMs`.
        case end(timestampMs: Int64)
        /// Nothing any more.
        case finish
    }

    /// Whether discovery has the target; seen at the next tick.
    var isWanted = true {
        didSet { if isWanted { hasEnded = false } }
    }
    /// The target is gone for good, so that its series end without any grace.
    private(set) var hasEnded = false
    private(set) var isStopped = false
    private var schedule: ScrapeSchedule
    private var lastStartNs: UInt64?
    /// The tick on which the target was found gone, while its time of grace lasts.
    private var goneAtMs: Int64?

    init(_ schedule: ScrapeSchedule) { self.schedule = schedule }

    /// The loop begins, maybe long after it was made.
    mutating func begin(_ now: Moment) -> Action {
        if isStopped { return .finish }
        if hasEnded { return .end(timestampMs: now.wallMs) }
        if schedule.plannedMs < now.wallMs { schedule.advance(wallMs: now.wallMs) }
        return untilTick(now)
    }

    /// The time that was waited for has come.
    mutating func due(_ now: Moment) -> Action {
        if isStopped { return .finish }
        if hasEnded { return .end(timestampMs: now.wallMs) }
        if let tickMs = goneAtMs {
            goneAtMs = nil
            return isWanted ? goOn(now) : .end(timestampMs: tickMs)
        }
        let timestampMs = schedule.timestamp(wallMs: now.wallMs)
        guard isWanted else {
            goneAtMs = timestampMs
            return .wait(untilNs: now.monotonicNs + UInt64(max(1, schedule.intervalMs / 10)) * 1_000_000)
        }
        defer { lastStartNs = now.monotonicNs }
        return .scrape(timestampMs: timestampMs, sinceLastNs: lastStartNs.map { now.monotonicNs &- $0 })
    }

    /// The scrape is over, its frame appended or not.
    mutating func scraped(_ now: Moment) -> Action {
        if isStopped { return .finish }
        if hasEnded { return .end(timestampMs: now.wallMs) }
        schedule.advance(wallMs: now.wallMs)
        return untilTick(now)
    }

    /// The series were ended, but discovery has brought the target back.
    mutating func cameBack(_ now: Moment) -> Action { isStopped ? .finish : goOn(now) }

    /// Nothing more is begun or written.
    mutating func stop() { isStopped = true }

    /// Discovery knows that the target has ended for good.
    mutating func targetEnded() {
        isWanted = false
        hasEnded = true
    }

    /// What was waited for or in flight is called off.
    mutating func calledOff(_ now: Moment) -> Action {
        if isStopped { return .finish }
        return hasEnded ? .end(timestampMs: now.wallMs) : .finish
    }

    private mutating func goOn(_ now: Moment) -> Action {
        schedule.advance(wallMs: now.wallMs)
        lastStartNs = nil
        return untilTick(now)
    }

    private func untilTick(_ now: Moment) -> Action {
        .wait(untilNs: now.monotonicNs + UInt64(schedule.waitMs(wallMs: now.wallMs)) * 1_000_000)
    }
}
