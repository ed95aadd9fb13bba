/// Decides what time it is for the agent while the machine's wall clock may be wrong. Does nothing itself.
///
/// A wall clock is believed while it advances as the time that passes. When it jumps, at once or in small
/// steps within a minute, the agent goes on counting from where it was, by the clock of the time that passes,
/// and follows the jump once the kernel says that the clock is synchronised, or once the jump has stood for
/// ten minutes. So a clock that is set wrongly and back again leaves no trace: no sample is given up for its
/// age, and none is stored under a wrong time.
///
/// At a start nobody knows how much time has passed since the last run, so the time is the wall clock's.
/// What an earlier run left is judged by age as of its newest record and the time that has passed since the
/// start, until the same two conditions hold for a clock that is not in doubt.
///
/// A clock that shows a time before this version was made is certainly wrong. It is never followed; after a
/// start with such a clock there is no credible time until it is set.
public struct ClockJudge: Sendable {
    /// How far a clock may move within a minute beyond the time that passed without being doubted. A daemon
    /// that slews a clock moves it by a tenth of the time at most, and the clock is looked at more often than
    /// every minute.
    public static let toleranceMs: Int64 = 10_000
    /// What small steps are added up over.
    private static let driftWindowMs: Int64 = 60_000
    /// How long a jump must stand to be followed.
    public static let standingMs: Int64 = 10 * 60_000
    /// The kernel is asked no more often.
    private static let askingIntervalMs: Int64 = 1_000

    /// The clocks at one moment.
    public struct Reading: Sendable {
        public let wallMs: Int64
        /// Of a clock that never goes back.
        public let elapsedNs: UInt64

        public init(wallMs: Int64, elapsedNs: UInt64) {
            self.wallMs = wallMs
            self.elapsedNs = elapsedNs
        }
    }

    /// Why a jump is followed.
    public enum Reason: Sendable, Equatable {
        case synchronised, hasStood
    }

    /// What is to be said.
    public enum Event: Sendable, Equatable {
        /// At the start the clock shows a time before this version was made.
        case beganTooEarly(wallMs: Int64)
        /// The clock was set to a credible time after such a start.
        case becameCredible(wallMs: Int64)
        /// The clock has moved by this much beyond the time that passed. `isCredible` is false for a time
        /// that will never be followed.
        case jumped(byMs: Int64, wallMs: Int64, isCredible: Bool)
        /// The clock is back where it is expected.
        case returned
        /// The jump is followed.
        case followed(byMs: Int64, Reason)
        /// At the start the clock is this far behind the newest record.
        case isBehindNewest(byMs: Int64)
        /// At the start the clock is this far ahead of the newest record.
        case isAheadOfNewest(byMs: Int64)
        /// From now on what an earlier run left is judged by the clock.
        case agesFollow(Reason)
    }

    /// How far a clock was from the time that passes, a minute or less before it is looked at.
    private struct Anchor: Sendable {
        private(set) var offsetMs: Int64
        private var sinceMs: Int64

        init(_ offsetMs: Int64, _ elapsedMs: Int64) {
            self.offsetMs = offsetMs
            sinceMs = elapsedMs
        }

        /// Whether the clock, whose offset is `offsetMs` now, has not moved by more than the tolerance.
        mutating func holds(_ offsetMs: Int64, _ elapsedMs: Int64) -> Bool {
            guard abs(offsetMs - self.offsetMs) <= toleranceMs else { return false }
            if elapsedMs - sinceMs >= driftWindowMs { self = Anchor(offsetMs, elapsedMs) }
            return true
        }
    }

    private struct Doubt: Sendable {
        /// From `timeMs`, as of the last look.
        var byMs: Int64
        /// Since when the doubted clock advances as the time that passes.
        var sinceMs: Int64
        var anchor: Anchor
    }

    /// While an earlier run's records are spared.
    private struct Sparing: Sendable {
        /// `agingMs` is this and the time that has passed.
        let offsetMs: Int64
        /// Since when the clock advances as the time that passes.
        var sinceMs: Int64
    }

    /// The time, in milliseconds since 1970, as of the last look.
    public private(set) var timeMs: Int64
    /// What ages are counted from, as of the last look.
    public private(set) var agingMs: Int64
    /// False from a start with an incredible clock until that is set.
    public private(set) var isCredible: Bool
    /// How far the clock is from `timeMs` while a jump is doubted; 0 otherwise.
    public var doubtedMs: Int64 { doubt?.byMs ?? 0 }

    private let earliestMs: Int64
    /// `timeMs` is this and the time that has passed.
    private var offsetMs: Int64
    /// Of the clock that is believed; it stays while that is doubted.
    private var anchor: Anchor
    private var doubt: Doubt?
    private var sparing: Sparing?
    private var askedMs: Int64?

    /// `earliestMs` is when this version was made.
    public init(_ reading: Reading, earliestMs: Int64) {
        self.earliestMs = earliestMs
        timeMs = reading.wallMs
        agingMs = reading.wallMs
        offsetMs = reading.offsetMs
        anchor = Anchor(reading.offsetMs, reading.elapsedMs)
        isCredible = reading.wallMs >= earliestMs
    }

    /// The start: an earlier run's newest record is of `newestMs`, 0 when there is none.
    public mutating func begin(
        newestMs: Int64, _ reading: Reading, isSynchronised: () -> Bool?
    ) -> [Event] {
        var events = look(reading, isSynchronised: isSynchronised)
        if !isCredible { events.append(.beganTooEarly(wallMs: reading.wallMs)) }
        guard newestMs > 0 else { return events }
        let byMs = timeMs - newestMs
        if byMs > Self.toleranceMs {
            guard isCredible, !isSaidSynchronised(reading.elapsedMs, isSynchronised) else { return events }
            events.append(.isAheadOfNewest(byMs: byMs))
        } else if byMs < -Self.toleranceMs, isCredible {
            events.append(.isBehindNewest(byMs: -byMs))
        }
        sparing = Sparing(offsetMs: newestMs - reading.elapsedMs, sinceMs: reading.elapsedMs)
        agingMs = min(timeMs, newestMs)
        return events
    }

    /// Looks at the clocks. `isSynchronised` asks the kernel, and is called only while that matters.
    public mutating func look(_ reading: Reading, isSynchronised: () -> Bool?) -> [Event] {
        var events: [Event] = []
        let elapsedMs = reading.elapsedMs
        if isCredible {
            judge(reading, isSynchronised, &events)
        } else {
            believe(reading)
            isCredible = reading.wallMs >= earliestMs
            if isCredible { events.append(.becameCredible(wallMs: reading.wallMs)) }
            sparing?.sinceMs = elapsedMs
        }
        timeMs = elapsedMs + offsetMs
        agingMs = timeMs
        guard let spared = sparing else { return events }
        // While the clock is in doubt `timeMs` may rest on a wrong clock.
        if isCredible, doubt == nil, let reason = reason(spared.sinceMs, elapsedMs, isSynchronised) {
            sparing = nil
            if timeMs - (elapsedMs + spared.offsetMs) > Self.toleranceMs {
                events.append(.agesFollow(reason))
            }
        } else {
            agingMs = min(timeMs, elapsedMs + spared.offsetMs)
        }
        return events
    }

    private mutating func judge(_ reading: Reading, _ isSynchronised: () -> Bool?, _ events: inout [Event]) {
        let elapsedMs = reading.elapsedMs
        let byMs = reading.offsetMs - offsetMs
        if anchor.holds(reading.offsetMs, elapsedMs) {
            if doubt != nil {
                doubt = nil
                sparing?.sinceMs = elapsedMs
                events.append(.returned)
            }
            offsetMs = reading.offsetMs
            return
        }
        let isPossible = reading.wallMs >= earliestMs
        let known = doubt.flatMap { abs(byMs - $0.byMs) <= Self.toleranceMs ? $0 : nil }
        // Another jump: the kernel is asked at once.
        if known == nil { askedMs = nil }
        var next = Doubt(byMs: byMs, sinceMs: elapsedMs, anchor: Anchor(reading.offsetMs, elapsedMs))
        if var known, known.anchor.holds(reading.offsetMs, elapsedMs) {
            next.sinceMs = known.sinceMs
            next.anchor = known.anchor
        }
        // What the clock shows now has been its time since then.
        sparing?.sinceMs = next.sinceMs
        if isPossible, let reason = reason(next.sinceMs, elapsedMs, isSynchronised) {
            doubt = nil
            believe(reading)
            events.append(.followed(byMs: byMs, reason))
            return
        }
        doubt = next
        if known == nil {
            let movedMs = reading.offsetMs - anchor.offsetMs
            events.append(.jumped(byMs: movedMs, wallMs: reading.wallMs, isCredible: isPossible))
        }
    }

    /// The time is the clock's from now on.
    private mutating func believe(_ reading: Reading) {
        offsetMs = reading.offsetMs
        anchor = Anchor(reading.offsetMs, reading.elapsedMs)
    }

    /// Why what has been so since `sinceMs` is believed; nil while it is not.
    private mutating func reason(
        _ sinceMs: Int64, _ elapsedMs: Int64, _ isSynchronised: () -> Bool?
    ) -> Reason? {
        if elapsedMs - sinceMs >= Self.standingMs { return .hasStood }
        return isSaidSynchronised(elapsedMs, isSynchronised) ? .synchronised : nil
    }

    private mutating func isSaidSynchronised(_ elapsedMs: Int64, _ isSynchronised: () -> Bool?) -> Bool {
        if let askedMs, elapsedMs - askedMs < Self.askingIntervalMs { return false }
        askedMs = elapsedMs
        // What the kernel does not tell counts as no.
        return isSynchronised() ?? false
    }
}

extension ClockJudge.Reading {
    fileprivate var elapsedMs: Int64 { Int64(elapsedNs / 1_000_000) }
    fileprivate var offsetMs: Int64 { wallMs - elapsedMs }
}
