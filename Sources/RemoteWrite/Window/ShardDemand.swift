/// How many requests in flight a destination's load asks for, as Prometheus' queue manager reckons it
/// (storage/remote/queue_manager.go, calculateDesiredShards): the time that a sample takes, from being cut to
/// its answer, times the samples that come in a second and a twentieth of the backlog.
///
/// A figure for people and alerts. It knows no bound, so that it says when `max_shards` is too few, and the
/// window's size does not follow it.
struct ShardDemand: Sendable {
    /// Rates are taken anew this often, when somebody looks.
    static let intervalNs: UInt64 = 10_000_000_000
    /// How much of a new rate counts after one interval.
    private static let weight = 0.2
    /// The part of the backlog that is to be sent in a second beside what comes in.
    private static let catchUp = 0.05

    private struct Rates {
        var taken = 0.0
        var finished = 0.0
        /// Slots that were busy on average.
        var busy = 0.0
    }

    private var desired: Double
    private var finishedSamples: UInt64 = 0
    private var busyNs: UInt64 = 0
    private var lastLook: (atNs: UInt64, taken: UInt64)?
    private var rates: Rates?

    init(initially desired: Int) { self.desired = Double(desired) }

    /// A request is over, whatever its answer: `samples` with what was dropped of its range.
    mutating func finished(samples: UInt64, busyNs: UInt64) {
        finishedSamples &+= samples
        self.busyNs &+= busyNs
    }

    /// The demand now. `taken` is how many samples have come for the destination; it may only fall with a
    /// reload that removes jobs.
    mutating func look(taken: UInt64, backlog: UInt64, _ nowNs: UInt64) -> Double {
        guard let last = lastLook else {
            lastLook = (nowNs, taken)
            return desired
        }
        guard nowNs >= last.atNs, nowNs - last.atNs >= Self.intervalNs else { return desired }
        let elapsedNs = nowNs - last.atNs
        let seconds = Double(elapsedNs) / 1e9
        let now = Rates(
            taken: Double(taken - min(taken, last.taken)) / seconds,
            finished: Double(finishedSamples) / seconds, busy: Double(busyNs) / 1e9 / seconds)
        lastLook = (nowNs, taken)
        (finishedSamples, busyNs) = (0, 0)
        let smooth = Self.smooth(rates, now, intervals: elapsedNs / Self.intervalNs)
        rates = smooth
        // Where nothing is answered nothing is known of the time that it takes.
        guard smooth.finished > 0 else { return desired }
        let wantedPerSecond = smooth.taken + Self.catchUp * Double(backlog)
        desired = smooth.busy / smooth.finished * wantedPerSecond
        return desired
    }

    private static func smooth(_ before: Rates?, _ now: Rates, intervals: UInt64) -> Rates {
        guard let before else { return now }
        // After an hour nothing is left of what was before.
        let kept = (0..<min(intervals, 360)).reduce(1.0) { kept, _ in kept * (1 - weight) }
        func smooth(_ before: Double, _ now: Double) -> Double { now + kept * (before - now) }
        return Rates(
            taken: smooth(before.taken, now.taken), finished: smooth(before.finished, now.finished),
            busy: smooth(before.busy, now.busy))
    }
}
