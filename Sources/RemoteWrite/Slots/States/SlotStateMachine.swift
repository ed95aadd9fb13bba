internal import Configuration
internal import Platform
internal import WriteAheadBuffer

/// What a slot keeps from one request to the next, and what its decisions rest on. The events of `SlotState`
/// make the decisions, and read and change the machine. They do nothing else: the shell (`SlotRunner`) does
/// what a state asks for, and tells what happened. One request is held at a time, and its claim holds the
/// keys of its series, so the samples of a series leave in order.
struct SlotStateMachine: Sendable {
    let maxSamples: Int
    let age: SampleAge
    let retriesThrottled: Bool
    let receiver: Receiver
    let lessons: DestinationLessons

    /// What to add to the wall clock when signing, learned from a receiver that refused a signature.
    var skewMs: Int64 { lessons.skewMs }
    /// Why nothing moves; nil where nothing is in the way. It outlasts a request: where every size is
    /// refused, the next request waits, too.
    private(set) var obstacle: Obstacle?
    /// How many samples a request has at most.
    private(set) var sampleLimit: Int
    /// What the last answer changed about the size of requests; nil when nothing.
    private(set) var sizeChange: LearnedSize.Change?

    private var random: SplitMix64
    private var backoff: Backoff
    private var slowBackoff = Backoff(firstMs: Self.slowFirstMs, mostMs: Self.slowMostMs)
    private var drainDeadlineNs: UInt64?
    /// Whether `doubts` has kept a request back.
    private var hasDoubted = false

    /// Why nothing moves.
    enum Obstacle: String, Sendable {
        case failing, throttled, unauthorized, misconfigured
        /// The receiver has refused the first request, and has stored none.
        case refusing
        /// The receiver refuses even single samples as too large.
        case refusingSize
    }

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

    /// The state that a slot begins in.
    func begin() -> SlotState { .filling(SlotState.Filling(self)) }

    /// Whether what is decided now is decided under a drain.
    var isDraining: Bool { drainDeadlineNs != nil }

    /// From now on only what is there is sent, until `deadlineNs` of the monotonic clock.
    mutating func drain(untilNs deadlineNs: UInt64) { drainDeadlineNs = deadlineNs }

    /// Whether the time of a drain is over.
    func isDrainOver(_ now: Moment) -> Bool { drainDeadlineNs.map { now.monotonicNs >= $0 } ?? false }

    /// A wait until a moment; nil where the time of a drain is over. While draining nothing is waited for
    /// beyond the deadline.
    func wait(untilNs: UInt64, _ now: Moment) -> SlotState.Wait? {
        guard !isDrainOver(now) else { return nil }
        return SlotState.Wait(
            untilNs: min(untilNs, drainDeadlineNs ?? untilNs), isUnderDrain: isDraining)
    }

    /// Whether the wait goes on although a drain has begun: a receiver that fails is given its whole back-off
    /// where that ends before the drain does, as by Prometheus.
    func leavesBackoff(_ wait: SlotState.Wait, _ now: Moment) -> Bool {
        guard obstacle == .failing, let drainDeadlineNs else { return false }
        return now.monotonicNs < wait.untilNs && wait.untilNs < drainDeadlineNs
    }

    /// A try has ended. Forgets what the answer before changed about the size, which was logged then.
    mutating func tryEnded() { sizeChange = nil }

    /// Something keeps a request from being stored.
    mutating func meets(_ obstacle: Obstacle) { self.obstacle = obstacle }

    /// Nothing is in the way any more.
    mutating func recovered() {
        obstacle = nil
        backoff.reset()
        slowBackoff.reset()
    }

    /// A request was stored.
    mutating func stored(_ request: Held, _ now: Moment) {
        lessons.succeeded(now.monotonicNs)
        sizeChange = lessons.stored(bytes: request.bytes, now.monotonicNs)
        // After a request that broke the receiver the limit grows back, a little at a time.
        sampleLimit = min(maxSamples, sampleLimit + max(1, maxSamples / 64))
        recovered()
    }

    /// A request was refused as too large.
    mutating func tooLarge(_ request: Held, _ now: Moment) {
        recovered()
        sizeChange = lessons.tooLarge(
            bytes: request.bytes, samples: request.sampleCount, now.monotonicNs, &random)
        if lessons.refusesEverything { obstacle = .refusingSize }
    }

    /// A request breaks the receiver: from now on requests have half as many samples.
    mutating func halves(_ request: Held) { sampleLimit = max(1, request.sampleCount / 2) }

    /// Whether a refusal is not believed. A receiver that is sent 2.0 and has stored nothing yet may refuse
    /// every request: what it refuses first is tried again before it is taken apart, but not in a drain.
    /// Asked only while nothing was stored.
    mutating func doubts(_ request: Held, _ response: ReceiverAnswer.Response) -> Bool {
        guard receiver.isSent20, !hasDoubted || isDraining, request.mayBeRefused(response) else {
            return false
        }
        hasDoubted = true
        return true
    }

    /// A refused signature tells how far the clocks are apart.
    mutating func learnSkew(_ serverMs: Int64?, _ now: Moment) {
        guard let serverMs else { return }
        let offsetMs = serverMs - now.wallMs
        lessons.skewMs = abs(offsetMs) > Self.toleratedSkewMs ? offsetMs : 0
    }

    /// How long to wait before the next try.
    mutating func nextBackoffMs() -> Int64 { backoff.nextMs(&random) }

    /// The same where waiting alone does not mend what is in the way.
    mutating func nextSlowBackoffMs() -> Int64 { slowBackoff.nextMs(&random) }
}
