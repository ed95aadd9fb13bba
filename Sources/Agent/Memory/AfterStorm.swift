/// When memory is given back once more after it has been far higher: free memory would stay with the process
/// until the next storm, and so would pages of the program that only a storm needs. Knows neither a clock nor
/// the process: both are told to it. The bytes in use are the process' own, without pages of the program.
struct AfterStorm: Sendable {
    /// For so long the memory has to be no higher than it was, where no step was in force. Steps end after
    /// as long a calm by themselves.
    static let calmNs: UInt64 = 30_000_000_000
    /// When memory is given back once a storm is over, from then on. What the first lets go of others free
    /// with their next work: connections close within 3 s, the next scrape or request comes within 10 s for
    /// most agents, and within 30 s for almost all.
    static let afterNs: [UInt64] = [0, 3, 6, 10, 30].map { $0 * 1_000_000_000 }
    /// What comes back after it was given back is what the work needs, and is not given back again for a
    /// time that grows up to this. After twice as long nothing counts as usual any more.
    static let longestNs: UInt64 = 3_600_000_000_000
    /// Without a step the memory has to have risen by so much, in percent and in bytes.
    static let risePercent: UInt64 = 10
    static let leastRiseBytes: UInt64 = 4 << 20
    /// Less than this, in percent of what is in use, is nothing.
    static let leastPercent: UInt64 = 5

    private var hadStep = false
    /// How many times are left, and when the first was due.
    private var timesLeft = 0
    private var begunNs: UInt64 = 0
    /// The least and the most in use since memory was last given back; nil before the first look.
    private var bounds: (least: UInt64, most: UInt64)?
    /// When the most was reached.
    private var mostNs: UInt64 = 0
    /// The most that was in use when memory was given back without a step; a rise up to there, and 10 % more,
    /// is usual.
    private var usualBytes: UInt64 = 0
    /// When memory was last given back.
    private var endedNs: UInt64 = 0
    /// For so long after that a usual rise is let be.
    private var waitNs = calmNs
    private var wonBytes: UInt64 = 0

    /// Takes a look: whether memory is to be given back now. While a step is in force others see to that.
    mutating func isDue(usedBytes: UInt64, hasStep: Bool, nowNs: UInt64) -> Bool {
        guard !hasStep else {
            hadStep = true
            timesLeft = 0
            return false
        }
        if hadStep {
            hadStep = false
            waitNs = Self.calmNs
            begin(nowNs)
        } else if timesLeft == 0, hasRisen(to: usedBytes, nowNs: nowNs), nowNs >= mostNs,
            nowNs - mostNs >= Self.calmNs, let most = bounds?.most
        {
            beginWithoutStep(most, nowNs)
        }
        return timesLeft > 0 && nowNs >= begunNs
            && nowNs - begunNs >= Self.afterNs[Self.afterNs.count - timesLeft]
    }

    /// It was done: so much was in use before and after it.
    mutating func done(fromBytes: UInt64, toBytes: UInt64, nowNs: UInt64) {
        timesLeft -= min(1, timesLeft)
        wonBytes += fromBytes > toBytes ? fromBytes - toBytes : 0
        guard timesLeft == 0 else { return }
        let hasWon = wonBytes >= max(1, toBytes / 100 * Self.leastPercent)
        if !hasWon { waitNs = min(2 * waitNs, Self.longestNs) }
        bounds = (toBytes, toBytes)
        (mostNs, endedNs) = (nowNs, nowNs)
    }

    /// A rise beyond what is usual is a storm. Any other has to wait, each time longer than before, whether
    /// it wins something or not: else an agent would give back for ever what its next scrapes need again.
    private mutating func beginWithoutStep(_ most: UInt64, _ nowNs: UInt64) {
        let sinceNs = nowNs >= endedNs ? nowNs - endedNs : 0
        if most > usualBytes + usualBytes / 100 * Self.risePercent || sinceNs >= 2 * Self.longestNs {
            (usualBytes, waitNs) = (most, Self.calmNs)
        } else {
            guard sinceNs >= waitNs else { return }
            usualBytes = max(usualBytes, most)
            waitNs = min(2 * waitNs, Self.longestNs)
        }
        begin(nowNs)
    }

    private mutating func begin(_ nowNs: UInt64) {
        (timesLeft, begunNs, wonBytes) = (Self.afterNs.count, nowNs, 0)
    }

    private mutating func hasRisen(to usedBytes: UInt64, nowNs: UInt64) -> Bool {
        guard var (least, most) = bounds else {
            bounds = (usedBytes, usedBytes)
            mostNs = nowNs
            return false
        }
        least = min(least, usedBytes)
        // What goes up and down by a little has no end of its rise.
        if usedBytes > most + most / 100 { (most, mostNs) = (usedBytes, nowNs) }
        bounds = (least, most)
        return most - least >= max(Self.leastRiseBytes, least / 100 * Self.risePercent)
    }
}
