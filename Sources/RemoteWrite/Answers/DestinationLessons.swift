internal import Platform
import Synchronization
internal import WriteAheadBuffer

/// What the slots of one destination have learned about its receiver. They share it, so that each goes by the
/// answers to the requests of all.
final class DestinationLessons: Sendable {
    private let size = Mutex(LearnedSize())
    private let budget = Mutex(SearchBudget())
    private let pace = Mutex(Pace())
    private let window: Mutex<WindowSize>
    private let demand: Mutex<ShardDemand>
    private let skew = Mutex(Int64(0))
    private let isProbing = Atomic(false)
    private let lastThrottledNs = Mutex<UInt64?>(nil)
    /// All that is in flight is told to slow down at once: that counts once.
    private static let throttledOnceNs: UInt64 = 1_000_000_000

    /// What the operator lets it be sent at most.
    let limits: OwnLimits

    init(_ window: WindowSize = WindowSize(least: 1, most: 1), limits: OwnLimits = OwnLimits()) {
        self.window = Mutex(window)
        self.limits = limits
        demand = Mutex(ShardDemand(initially: window.least))
    }

    /// What to add to the wall clock when signing, learned from a receiver that refused a signature.
    var skewMs: Int64 {
        get { skew.withLock { $0 } }
        set { skew.withLock { $0 = newValue } }
    }

    /// How many requests may fly now.
    var windowSize: Int { isProbing.load(ordering: .relaxed) ? 1 : window.withLock { $0.size } }

    /// While it is not known which message the receiver understands one request flies, so that no more than
    /// one goes twice.
    func probes(_ isProbing: Bool) { self.isProbing.store(isProbing, ordering: .relaxed) }

    /// How many requests in flight the load asks for, `taken` samples being there of which `backlog` are
    /// not answered for.
    func shardsDesired(taken: UInt64, backlog: UInt64, _ nowNs: UInt64) -> Double {
        demand.withLock { $0.look(taken: taken, backlog: backlog, nowNs) }
    }

    /// All of a request is answered for; cutting and sending it took so long, without the waits between its
    /// tries.
    func finished(samples: UInt64, busyNs: UInt64) {
        demand.withLock { $0.finished(samples: samples, busyNs: busyNs) }
    }

    /// A request was cut in so much time.
    func cut(ns: UInt64) { window.withLock { $0.cut(ns: ns) } }

    /// Requests a second that may begin; nil without a limit.
    var pacePerSecond: Double? { pace.withLock { $0.perSecond } }

    /// When the next request may begin.
    func earliestNs(_ nowNs: UInt64) -> UInt64 { pace.withLock { $0.earliestNs(nowNs) } }

    /// A request begins, unless it has to wait: then returns until when, and nothing is taken of the pace or
    /// of the limits of one's own.
    func begin(bytes: Int, samples: Int, _ nowNs: UInt64) -> UInt64? {
        pace.withLock { pace in
            let earliestNs = pace.earliestNs(nowNs)
            guard earliestNs <= nowNs else { return earliestNs }
            if let limitedNs = limits.begin(bytes: bytes, samples: samples, nowNs: nowNs) { return limitedNs }
            pace.began(nowNs)
            return nil
        }
    }

    /// The same of a request of metadata, whose bytes the budget of the day has not had yet.
    func beginMetadata(bytes: Int, _ nowNs: UInt64, wallMs: Int64) -> OwnLimits.Start {
        pace.withLock { pace in
            let earliestNs = pace.earliestNs(nowNs)
            guard earliestNs <= nowNs else { return .later(earliestNs) }
            let start = limits.beginMetadata(bytes: bytes, nowNs: nowNs, wallMs: wallMs)
            if start == .now { pace.began(nowNs) }
            return start
        }
    }

    /// The receiver asks for less: 429 lowers the pace, 503 the window alone. `inFlight` were on their way.
    func throttled(inFlight: Int, lowersPace: Bool, _ nowNs: UInt64) {
        let isNew = lastThrottledNs.withLock { last in
            if let last, nowNs < last + Self.throttledOnceNs { return false }
            last = nowNs
            return true
        }
        guard isNew else { return }
        window.withLock { $0.throttled(inFlight: inFlight) }
        if lowersPace { pace.withLock { $0.throttled(nowNs) } }
    }

    /// A request was stored: the pace rises.
    func succeeded(_ nowNs: UInt64) { pace.withLock { $0.succeeded(nowNs) } }

    /// A request was stored after so much time; `inFlight` flew then, itself among them.
    func roundTrip(ns: UInt64, inFlight: Int) { window.withLock { $0.stored(ns: ns, inFlight: inFlight) } }

    /// Bytes of a request before compression; nil when the receiver has set no limit.
    var limitBytes: Int? { size.withLock { $0.limitBytes } }

    /// Whether even single samples are refused as too large.
    var refusesEverything: Bool { size.withLock { $0.refusesEverything } }

    /// No request leaves before this moment, as the receiver refuses even single samples as too large; nil
    /// when it does not.
    func notBeforeNs(_ nowNs: UInt64) -> UInt64? {
        size.withLock { $0.refusesEverything && $0.notBeforeNs > nowNs ? $0.notBeforeNs : nil }
    }

    /// A request was refused as too large.
    func tooLarge(
        bytes: Int, samples: Int, _ nowNs: UInt64, _ random: inout SplitMix64
    ) -> LearnedSize.Change? {
        size.withLock { $0.refused(bytes: bytes, samples: samples, nowNs, &random) }
    }

    /// A request was stored.
    func stored(bytes: Int, _ nowNs: UInt64) -> LearnedSize.Change? {
        size.withLock { $0.stored(bytes: bytes, nowNs) }
    }

    /// Whether a search may begin. `isSmall`: among series that were left out.
    func beginSearch(_ nowNs: UInt64, isSmall: Bool) -> Bool {
        budget.withLock { $0.beginSearch(nowNs, isSmall: isSmall) }
    }

    /// Takes one request of a search; false when those of this minute are used up.
    func takeProbe(_ nowNs: UInt64) -> Bool { budget.withLock { $0.take(1, nowNs) } }

    /// Takes what it costs to try series again that were left out; false when it has to wait for searches.
    func takeTryingAgain(_ nowNs: UInt64) -> Bool { budget.withLock { $0.takeTryingAgain(nowNs) } }

    /// The batch did not try them again after all.
    func giveBackTryingAgain() { budget.withLock { $0.giveBackTryingAgain() } }
}

extension BatchCollector.Search {
    /// While a series is searched for the batch ends at `end`; else series left out before are tried again.
    init(upTo end: BufferPosition?, isSearching: Bool, _ lessons: DestinationLessons, _ nowNs: UInt64) {
        guard !isSearching else {
            self.init(end: end, nowNs: nowNs)
            return
        }
        self.init(
            end: end, takeTryingAgain: { lessons.takeTryingAgain(nowNs) },
            giveBackTryingAgain: { lessons.giveBackTryingAgain() }, nowNs: nowNs)
    }
}
