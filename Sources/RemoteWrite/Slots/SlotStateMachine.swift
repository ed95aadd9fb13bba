internal import Configuration
internal import Platform
internal import WriteAheadBuffer

/// What one slot does next, decided without doing anything: the shell (`SlotRunner`) tells what happened
/// and carries the action out. One request is held at a time, and its claim holds the keys of its series, so
/// the samples of a series leave in order.
struct SlotStateMachine: Sendable {
    let maxSamples: Int
    let age: SampleAge
    let retriesThrottled: Bool
    private let receiver: Receiver
    private let lessons: DestinationLessons

    /// What to add to the wall clock when signing, learned from a receiver that refused a signature.
    var skewMs: Int64 { lessons.skewMs }
    private(set) var obstacle: Obstacle?
    private(set) var state = SlotState.filling
    /// Tries of the request held that were answered or failed.
    private(set) var tries = 0
    private(set) var sampleLimit: Int
    private var search: SeriesSearch?
    /// What of the claim lies before it may be stored: it was sent as part of a larger request.
    private var mayBeStoredTo: BufferPosition?
    /// What the last answer changed about the size of requests; nil when nothing.
    private(set) var sizeChange: LearnedSize.Change?

    private var random: SplitMix64
    private var backoff: Backoff
    private var slowBackoff = Backoff(firstMs: Self.slowFirstMs, mostMs: Self.slowMostMs)
    /// The budget of the day has reserved the bytes of the request held, which have not left.
    private var isReserved = false
    private var drainDeadlineNs: UInt64?
    private var throttledForSeries = 0
    /// When the request held left for its last try.
    private var leftNs: UInt64 = 0
    /// Tries that failed while others were stored.
    private var failures = 0
    /// Whether `doubt` has held a request back.
    private var hasDoubted = false

    /// Refused signatures and wrong paths are asked about again after 5 s, later once a minute.
    static let slowFirstMs: Int64 = 5_000
    static let slowMostMs: Int64 = 60_000
    /// SigV4 allows five minutes; four leave room for the way there.
    static let toleratedSkewMs: Int64 = 240_000
    /// "429" because of too many series does not pass with time: after so many tries the request is let go.
    static let seriesLimitTries = 2
    /// A series that was refused by itself is left out for five minutes,
    static let guiltyMs: Int64 = 300_000
    /// and series among which there is one until there are requests again that can tell which.
    static let suspectedMs = Int64(SearchBudget.windowNs / 1_000_000)
    /// A 5xx, a timeout or a broken connection so often, while other requests succeed, is taken for this
    /// request's own fault.
    static let poisonTries = 5

    init(
        queue: QueueConfiguration, age: SampleAge, seed: UInt64, receiver: Receiver = Receiver(),
        lessons: DestinationLessons = DestinationLessons()
    ) {
        self.receiver = receiver
        self.lessons = lessons
        maxSamples = max(1, queue.maxSamplesPerSend)
        sampleLimit = maxSamples
        self.age = age
        retriesThrottled = queue.retryOnHTTP429
        random = SplitMix64(seed: seed)
        backoff = Backoff(firstMs: queue.minBackoffMs, mostMs: queue.maxBackoffMs)
    }

    func begin() -> Next { .collect(samples: sampleLimit) }

    /// The request that it is about.
    var held: Held? { state.request }

    /// Whether what it decides now is decided under a drain.
    var isDraining: Bool { drainDeadlineNs != nil }

    /// Whether a series is searched for.
    var isSearching: Bool { search != nil }

    /// From now on only what is there is sent, until `deadlineNs`.
    mutating func drain(untilNs deadlineNs: UInt64) { drainDeadlineNs = deadlineNs }

    /// A request was cut.
    mutating func collected(_ request: Held, _ now: Moment) -> Action {
        var request = request
        if let end = mayBeStoredTo, request.end <= end { request.mayBeStored = true }
        tries = 0
        isReserved = true
        throttledForSeries = 0
        failures = 0
        if let search {
            if request.end > search.end {
                // What was searched for was dropped meanwhile.
                self.search = nil
            } else if search.isGivenUp {
                return settle(
                    request, .refused(reason: search.reason.rawValue),
                    leaveOutForMs: search.isNarrowed ? Self.suspectedMs : nil)
            }
        }
        return sendWhenDue(request, now)
    }

    /// What is cut next is another claim: nothing of the one before is searched any more.
    mutating func claimed() { (search, mayBeStoredTo) = (nil, nil) }

    /// A wait is over.
    mutating func woke(_ now: Moment) -> Action {
        guard let request = held else { preconditionFailure("a request waits") }
        if isDraining, obstacle == .refusing { return stop() }
        return sendWhenDue(request, now)
    }

    /// The request held is booked or put back.
    mutating func settled(_ now: Moment) -> Next {
        state = .filling
        if let drainDeadlineNs, now.monotonicNs >= drainDeadlineNs {
            state = .stopped
            return .stop
        }
        return collectNext(now)
    }

    /// The next batch; during a search the next part of what is searched.
    private mutating func collectNext(_ now: Moment) -> Next {
        guard let search else { return .collect(samples: sampleLimit) }
        if !search.isGivenUp, lessons.takeProbe(now.monotonicNs) {
            return .collect(samples: min(sampleLimit, max(1, search.samples / 2)), upTo: search.end)
        }
        self.search?.isGivenUp = true
        return .collect(samples: max(1, search.samples), upTo: search.end)
    }

    /// A try has ended. `succeededElsewhereNs` is when a request of any slot of the destination was last
    /// stored; `inFlight` requests were on their way with it.
    mutating func answered(
        _ answer: ReceiverAnswer, succeededElsewhereNs: UInt64?, inFlight: Int = 1, _ now: Moment
    ) -> Action {
        guard var request = held else { preconditionFailure("an answer belongs to a request that has left") }
        tries += 1
        sizeChange = nil
        if answer != .unsigned, answer != .unsendable, answer != .unconnected { isReserved = false }
        switch answer {
        case .unreachable:
            request.mayBeStored = true
            return failing(request, after: nil, isItsOwn: true, succeededElsewhereNs, now)
        case .unconnected: return retry(request, .failing, after: nil, now)
        case .unsigned: return retrySlowly(request, .unauthorized, soon: false, now)
        case .unsendable: return retrySlowly(request, .misconfigured, soon: false, now)
        case .status(let response):
            if let action = doubt(request, response, succeededElsewhereNs, now) { return action }
            switch response.meaning {
            case .stored: return stored(request, response, now)
            case .refused: return refused(request, response, now)
            case .unauthorized:
                learnSkew(response.serverMs, now)
                // Once at the usual pace, as new credentials or the clock may have been all that it took.
                let soon = tries == 1 && receiver.isGivenCredentials
                return retrySlowly(request, .unauthorized, soon: soon, now)
            case .misconfigured: return retrySlowly(request, .misconfigured, soon: false, now)
            case .tooLarge: return tooLarge(request, now)
            case .throttled: return throttled(request, response, inFlight: inFlight, now)
            case .failing: return failing(request, response, succeededElsewhereNs, inFlight: inFlight, now)
            }
        }
    }

    /// The receiver does not know the message that the request held is: its samples go again as another one.
    mutating func messageChanged() -> Action {
        guard let request = held else { preconditionFailure("an answer belongs to a request that has left") }
        sizeChange = nil
        isReserved = false
        recovered()
        return putBack(request)
    }

    private mutating func stored(
        _ request: Held, _ response: ReceiverAnswer.Response, _ now: Moment
    ) -> Action {
        lessons.succeeded(now.monotonicNs)
        sizeChange = lessons.stored(bytes: request.bytes, now.monotonicNs)
        // After a request that broke the receiver the limit grows back, a little at a time.
        sampleLimit = min(maxSamples, sampleLimit + max(1, maxSamples / 64))
        recovered()
        // What an earlier try may have stored need not be written again.
        guard let missing = request.unwritten(response), missing.total > 0, !request.mayBeStored else {
            return settle(request, .delivered)
        }
        return settle(request, .unwritten(missing))
    }

    /// A receiver that is sent 2.0 and has stored nothing yet may refuse every request: what it refuses first
    /// is tried again before it is taken apart, but not in a drain. nil where the refusal is believed.
    private mutating func doubt(
        _ request: Held, _ response: ReceiverAnswer.Response, _ storedNs: UInt64?, _ now: Moment
    ) -> Action? {
        guard receiver.isSent20, storedNs == nil, !hasDoubted || isDraining, request.mayBeRefused(response)
        else { return nil }
        hasDoubted = true
        return retrySlowly(request, .refusing, soon: false, now)
    }

    private mutating func refused(
        _ request: Held, _ response: ReceiverAnswer.Response, _ now: Moment
    ) -> Action {
        recovered()
        let reason = response.reason
        if request.mayBeStored, request.wasStored(response) { return settle(request, .delivered) }
        let verdict = RequestVerdict.refused(reason: reason.rawValue)
        // What the receiver says that it has written is believed before its text.
        let missing = request.unwritten(response)
        if let missing, missing.total < request.sampleCount {
            return settle(request, .partlyRefused(missing, reason: reason.rawValue))
        }
        guard missing != nil || response.mayHaveTakenNothing else { return settle(request, verdict) }
        guard request.sampleCount > 1 else {
            search = nil
            return settle(request, verdict, leaveOutForMs: Self.guiltyMs)
        }
        if search == nil, !lessons.beginSearch(now.monotonicNs, isSmall: request.triesAgain) {
            return settle(
                request, verdict, leaveOutForMs: request.triesAgain ? Self.suspectedMs : nil)
        }
        search = SeriesSearch(
            end: request.end, samples: request.sampleCount, reason: reason,
            isNarrowed: search != nil || request.triesAgain)
        return putBack(request)
    }

    /// Books the request held. What it held is no longer searched.
    private mutating func settle(
        _ request: Held, _ verdict: RequestVerdict, leaveOutForMs: Int64? = nil
    ) -> Action {
        if let found = search {
            search?.samples -= request.sampleCount
            search?.isNarrowed = true
            if request.end >= found.end || request.sampleCount >= found.samples { search = nil }
        }
        if isReserved { lessons.limits.giveBack(bytes: request.bodyBytes) }
        state = .settling(request)
        return .settle(verdict, leaveOutForMs: leaveOutForMs)
    }

    private mutating func putBack(_ request: Held) -> Action {
        if request.mayBeStored { mayBeStoredTo = max(mayBeStoredTo ?? request.end, request.end) }
        state = .settling(request)
        return .split
    }

    private mutating func stop() -> Action {
        state = .stopped
        return .stop
    }

    /// The request is cut anew within the size that is learned from its refusal. A single sample cannot be
    /// cut: it is let go.
    private mutating func tooLarge(_ request: Held, _ now: Moment) -> Action {
        recovered()
        sizeChange = lessons.tooLarge(
            bytes: request.bytes, samples: request.sampleCount, now.monotonicNs, &random)
        if lessons.refusesEverything { obstacle = .refusingSize }
        guard request.sampleCount > 1 else {
            return settle(request, .refused(reason: RefusalReason.tooLarge.rawValue))
        }
        return putBack(request)
    }

    private mutating func throttled(
        _ request: Held, _ response: ReceiverAnswer.Response, inFlight: Int, _ now: Moment
    ) -> Action {
        var request = request
        if response.reason.isSeriesLimit {
            // The receiver takes what it can and answers for the rest: to ask for less would not help.
            request.mayBeStored = true
            throttledForSeries += 1
        } else {
            lessons.throttled(inFlight: inFlight, lowersPace: true, now.monotonicNs)
        }
        guard retriesThrottled, throttledForSeries < Self.seriesLimitTries else {
            recovered()
            return settle(request, .refused(reason: response.reason.rawValue))
        }
        return retry(request, .throttled, after: response.retryAfterMs, now)
    }

    private mutating func failing(
        _ request: Held, _ response: ReceiverAnswer.Response, _ succeededElsewhereNs: UInt64?, inFlight: Int,
        _ now: Moment
    ) -> Action {
        var request = request
        request.mayBeStored = true
        let isBusy = response.status == 503
        if isBusy { lessons.throttled(inFlight: inFlight, lowersPace: false, now.monotonicNs) }
        // A receiver that says when to come back is busy and not broken.
        return failing(
            request, after: response.retryAfterMs, isItsOwn: !isBusy || response.retryAfterMs == nil,
            succeededElsewhereNs, now)
    }

    /// A try without a final answer, which may have been the request's own fault (`isItsOwn`): so often,
    /// while others succeed, it was, and it is halved to find the sample that the receiver breaks at.
    private mutating func failing(
        _ request: Held, after retryAfterMs: Int64?, isItsOwn: Bool, _ succeededElsewhereNs: UInt64?,
        _ now: Moment
    ) -> Action {
        guard isItsOwn else { return retry(request, .failing, after: retryAfterMs, now) }
        // What fails while nobody is stored says nothing of the request, however often it did.
        if let succeededElsewhereNs, succeededElsewhereNs >= leftNs { failures += 1 }
        guard failures >= Self.poisonTries else { return retry(request, .failing, after: retryAfterMs, now) }
        recovered()
        guard request.sampleCount > 1 else {
            return settle(request, .refused(reason: RefusalReason.serverError.rawValue))
        }
        sampleLimit = max(1, request.sampleCount / 2)
        return putBack(request)
    }

    private mutating func recovered() {
        obstacle = nil
        backoff.reset()
        slowBackoff.reset()
    }

    private mutating func retry(
        _ request: Held, _ why: Obstacle, after retryAfterMs: Int64?, _ now: Moment
    ) -> Action {
        obstacle = why
        let backoffMs = backoff.nextMs(&random)
        return wait(.pausing(request), forMs: max(backoffMs, retryAfterMs ?? 0), now)
    }

    private mutating func retrySlowly(
        _ request: Held, _ why: Obstacle, soon: Bool, _ now: Moment
    ) -> Action {
        obstacle = why
        if isDraining, why == .refusing || !soon && tries > 1 { return stop() }
        let waitMs = soon ? backoff.nextMs(&random) : slowBackoff.nextMs(&random)
        return wait(.held(request), forMs: waitMs, now)
    }

    private mutating func wait(_ next: SlotState, forMs waitMs: Int64, _ now: Moment) -> Action {
        var untilNs = now.monotonicNs + UInt64(max(0, waitMs)) * 1_000_000
        if !isReserved, let request = next.request {
            isReserved = true
            untilNs = max(
                untilNs,
                lessons.limits.reserveRetry(
                    bytes: request.bodyBytes, nowNs: now.monotonicNs, wallMs: now.wallMs))
        }
        return wait(next, untilNs: max(untilNs, lessons.earliestNs(now.monotonicNs)), now)
    }

    /// While draining nothing is waited for beyond the deadline.
    private mutating func wait(_ next: SlotState, untilNs: UInt64, _ now: Moment) -> Action {
        if let drainDeadlineNs, now.monotonicNs >= drainDeadlineNs { return stop() }
        state = next
        return .wait(untilNs: min(untilNs, drainDeadlineNs ?? untilNs))
    }

    private mutating func sendWhenDue(_ request: Held, _ now: Moment) -> Action {
        if let drainDeadlineNs, now.monotonicNs >= drainDeadlineNs { return stop() }
        if age.isTooOld(request.newestMs, agingMs: now.agingMs) {
            recovered()
            return settle(request, .givenUp(reason: DropReason.tooOld))
        }
        if tries > 0, lessons.limits.isOverdrawn(nowNs: now.monotonicNs, wallMs: now.wallMs) {
            recovered()
            return settle(request, .givenUp(reason: DropReason.dailyBudget))
        }
        if let notBeforeNs = lessons.notBeforeNs(now.monotonicNs) {
            obstacle = .refusingSize
            let untilNs = max(notBeforeNs, lessons.earliestNs(now.monotonicNs))
            return wait(.held(request), untilNs: untilNs, now)
        }
        let earliestNs = max(
            lessons.earliestNs(now.monotonicNs), lessons.limits.earliestNs(now.monotonicNs))
        if earliestNs > now.monotonicNs { return wait(.pausing(request), untilNs: earliestNs, now) }
        state = .ready(request)
        return .send
    }

    /// The destination is not in the way of the request that was to be sent: it leaves, which `.send`
    /// repeats, unless the pace was taken by others meanwhile.
    mutating func leaves(_ now: Moment) -> Action {
        guard let request = held else { preconditionFailure("a request leaves") }
        let untilNs = lessons.begin(
            bytes: request.bodyBytes, samples: request.sampleCount, now.monotonicNs)
        if let untilNs { return wait(.pausing(request), untilNs: untilNs, now) }
        leftNs = now.monotonicNs
        return .send
    }

    private mutating func learnSkew(_ serverMs: Int64?, _ now: Moment) {
        guard let serverMs else { return }
        let offsetMs = serverMs - now.wallMs
        lessons.skewMs = abs(offsetMs) > Self.toleratedSkewMs ? offsetMs : 0
    }
}
