/// Decides, for one target, what is to be done when a time has come. Does nothing itself.
///
/// A target that discovery no longer has gets its stale markers at the tick on which it would have been
/// scraped next, written a tenth of the interval later: a target that comes back by then does not blink. A
/// loop that is stopped writes none: a restart must not end every series.
///
/// Where other targets may give the same series, the markers are written only once those had the time to be
/// scraped, so that it is known which series go on (Prometheus, endOfRunStaleness, always waits so long).
/// With a successor under the same labels they are written as of the moment at which it took over, so that
/// they lie before its first sample; otherwise as of the tick.
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
        didSet { if isWanted { comeBack() } }
    }
    /// Whether targets of other labels may give some of the series: known when the target is found gone.
    var sharesSeries = false
    /// The target is gone for good, so that its series end without any grace.
    private(set) var hasEnded = false
    private(set) var isStopped = false
    /// What is waited for or in flight has lost its sense, and `calledOff` is to follow.
    private(set) var isCalledOff = false
    private var schedule: ScrapeSchedule
    private var lastStartNs: UInt64?
    /// While the markers of a target that is gone wait: as of when, and until when.
    private var leaving: (timestampMs: Int64, untilNs: UInt64)?
    /// How long targets of the same labels may take for their next scrape; nil while there are none.
    private var successorWaitMs: Int64?
    /// Whether anything was ever appended: what has given nothing has nothing to end, and waits for nobody.
    var hasGiven = true

    init(_ schedule: ScrapeSchedule) { self.schedule = schedule }

    /// The loop begins, maybe long after it was made.
    mutating func begin(_ now: Moment) -> Action {
        if isStopped { return .finish }
        if let action = left(now) { return action }
        if schedule.hasMissed(wallMs: now.wallMs) { schedule.advance(wallMs: now.wallMs) }
        return untilTick(now)
    }

    /// The time that was waited for has come.
    mutating func due(_ now: Moment) -> Action {
        if isStopped { return .finish }
        if let leaving {
            self.leaving = nil
            return isWanted ? goOn(now) : end(timestampMs: leaving.timestampMs)
        }
        if let action = left(now) { return action }
        let timestampMs = schedule.timestamp(wallMs: now.wallMs)
        guard isWanted else {
            let graceMs = schedule.intervalMs / 10 + (sharesSeries ? schedule.intervalMs : 0)
            return wait(forMs: max(1, graceMs), timestampMs: timestampMs, now)
        }
        defer { lastStartNs = now.monotonicNs }
        return .scrape(timestampMs: timestampMs, sinceLastNs: lastStartNs.map { now.monotonicNs &- $0 })
    }

    /// The scrape is over, its frame appended or not.
    mutating func scraped(_ now: Moment) -> Action {
        if isStopped { return .finish }
        if let action = left(now) { return action }
        schedule.advance(wallMs: now.wallMs)
        return untilTick(now)
    }

    /// The series were ended, but discovery has brought the target back.
    mutating func cameBack(_ now: Moment) -> Action { isStopped ? .finish : goOn(now) }

    /// Nothing more is begun or written.
    mutating func stop() { isStopped = true }

    /// Discovery knows that the target has ended for good. Where other targets may give its series, it ends
    /// as any other target.
    mutating func targetEnded() {
        isWanted = false
        guard successorWaitMs == nil, !sharesSeries else { return }
        hasEnded = true
        isCalledOff = true
    }

    /// The job is gone, and with it every target that could go on with the series: they end at once.
    mutating func jobEnded() {
        isWanted = false
        successorWaitMs = nil
        hasEnded = true
        isCalledOff = true
    }

    /// The target is gone, and others have its labels now: they are scraped within `waitMs`. `startsAnew`
    /// says that one of them is new and that none was scraped yet, so that the wait begins again.
    mutating func replaced(waitMs: Int64, startsAnew: Bool = false) {
        guard !isWanted, successorWaitMs == nil || startsAnew else { return }
        successorWaitMs = waitMs
        isCalledOff = true
    }

    /// What was waited for or in flight is called off.
    mutating func calledOff(_ now: Moment) -> Action {
        if isStopped { return .finish }
        return isWanted ? goOn(now) : left(now) ?? untilTick(now)
    }

    /// What is to be done when the target is gone and waits for no tick; nil when it is not so.
    private mutating func left(_ now: Moment) -> Action? {
        guard !isWanted else { return nil }
        if let successorWaitMs, hasGiven {
            return wait(forMs: successorWaitMs, timestampMs: leaving?.timestampMs ?? now.wallMs, now)
        }
        let isOver = hasEnded || successorWaitMs != nil
        return isOver ? end(timestampMs: leaving?.timestampMs ?? now.wallMs) : nil
    }

    private mutating func wait(forMs waitMs: Int64, timestampMs: Int64, _ now: Moment) -> Action {
        isCalledOff = false
        let untilNs = now.monotonicNs + UInt64(waitMs) * 1_000_000
        leaving = (timestampMs, untilNs)
        return .wait(untilNs: untilNs)
    }

    private mutating func end(timestampMs: Int64) -> Action {
        isCalledOff = false
        return .end(timestampMs: timestampMs)
    }

    private mutating func comeBack() {
        hasEnded = false
        // It would otherwise wait for its successor to be scraped before it is scraped itself.
        if successorWaitMs != nil { isCalledOff = true }
        successorWaitMs = nil
    }

    private mutating func goOn(_ now: Moment) -> Action {
        leaving = nil
        lastStartNs = nil
        let waitMs = schedule.plannedMs - now.wallMs
        // What was called off before its tick loses none.
        if waitMs <= 0 || waitMs > schedule.intervalMs { schedule.advance(wallMs: now.wallMs) }
        return untilTick(now)
    }

    private mutating func untilTick(_ now: Moment) -> Action {
        isCalledOff = false
        return .wait(untilNs: now.monotonicNs + UInt64(schedule.waitMs(wallMs: now.wallMs)) * 1_000_000)
    }
}
