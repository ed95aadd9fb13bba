import Platform

/// When a target is scraped. A hash of the target's labels and URL and of the seed chooses its phase, so that
/// a fleet is spread over the interval and a restart leaves each target its phase (prometheus/scrape,
/// Target.offset and the scrape loop's alignment). The phase is rounded down to a step, which depends on how
/// many targets the agent has when the target comes: with another number the phase may be another multiple,
/// less than a second away.
struct ScrapeSchedule: Sendable {
    /// How far from its tick a scrape may begin and still be stored under the tick's time, at most.
    static let maxToleranceMs: Int64 = 2

    /// Phases are multiples of a step: what a scrape runs through is cold after 50 ms of something else, and
    /// warm for the targets that share a phase. In Prometheus every target has a millisecond of its own.
    ///
    /// The finest step is a fortieth of the interval, 250 ms at most. Where few targets are scraped it is
    /// twice or four times that, so that they still come several at a time.
    static let finestStepMs: Int64 = 250
    /// A step is doubled as long as not more targets than this share a phase on average: enough for the
    /// caches, and few enough that the burst lasts some milliseconds.
    static let targetsPerPhase = 32

    let intervalMs: Int64
    /// Where in each interval since 1970 the ticks lie.
    let phaseMs: Int64
    /// Phases are multiples of this.
    private let stepMs: Int64
    /// The tick that is waited for.
    private(set) var plannedMs: Int64

    /// Plans the first tick: the next one of the phase. `targets` is how many the agent scrapes. With
    /// `takesCurrentPhase` it is the last one while the phase that follows has not begun: the first targets
    /// of an agent that starts are scraped at once.
    init(
        intervalMs: Int64, targetHash: UInt64, seed: UInt64, targets: Int = .max, wallMs: Int64,
        takesCurrentPhase: Bool = false
    ) {
        precondition(intervalMs > 0, "the configuration refuses an interval of nothing")
        self.intervalMs = intervalMs
        stepMs = Self.stepMs(intervalMs: intervalMs, targets: targets)
        phaseMs = Int64((targetHash ^ seed) % UInt64(intervalMs)) / stepMs * stepMs
        plannedMs = 0
        plan(after: takesCurrentPhase ? wallMs - stepMs : wallMs)
    }

    /// Whether the planned tick has passed by at least a step.
    func hasMissed(wallMs: Int64) -> Bool { plannedMs <= wallMs - stepMs }

    /// The timestamp of a scrape that begins now: the tick's own time when it is near.
    func timestamp(wallMs: Int64) -> Int64 {
        let toleranceMs = min(Self.maxToleranceMs, intervalMs / 100)
        return abs(wallMs - plannedMs) <= toleranceMs ? plannedMs : wallMs
    }

    /// Plans the next tick; ticks that a long scrape or a sleeping machine missed are left out. A clock that
    /// was set takes the ticks with it.
    mutating func advance(wallMs: Int64) {
        let next = plannedMs + intervalMs
        // One tick ahead of the clock, give or take the jitter of waking up, is the rule.
        if next > wallMs, next <= wallMs + intervalMs + intervalMs / 2 {
            plannedMs = next
        } else {
            plan(after: wallMs)
        }
    }

    /// From now to the planned tick.
    func waitMs(wallMs: Int64) -> Int64 { max(0, plannedMs - wallMs) }

    /// What phases are multiples of, in milliseconds. A coarser step is a multiple of the finest one, and a
    /// phase is rounded down to it. So a target of another step is scraped less than a second (the coarsest
    /// step) earlier or later.
    private static func stepMs(intervalMs: Int64, targets: Int) -> Int64 {
        let finestMs = max(1, min(finestStepMs, intervalMs / 40))
        let fitting = [4, 2].first { (factor: Int64) in
            // Steps in an interval, the last of which may be a shorter one.
            let phases = (intervalMs - 1) / (factor * finestMs) + 1
            return targets / targetsPerPhase < phases
        }
        return finestMs * (fitting ?? 1)
    }

    private mutating func plan(after wallMs: Int64) {
        let start = wallMs - phaseMs
        let passed = start >= 0 ? start / intervalMs : -((intervalMs - 1 - start) / intervalMs)
        plannedMs = phaseMs + (passed + 1) * intervalMs
    }

    /// Of the target's number in decimal and its URL.
    static func hash(targetID: UInt64, url: String) -> UInt64 { FNV1a("\(targetID)\u{FF}\(url)").value }
}
