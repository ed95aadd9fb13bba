/// When free memory is to be given back to the kernel again: seldom where that wins nothing. Knows neither a
/// clock nor the process: both are told to it.
struct GivingBack: Sendable {
    /// Giving memory back holds the locks of malloc for about 10 ms for each 100 MB.
    static let shortestNs: UInt64 = 10_000_000_000
    static let longestNs: UInt64 = 300_000_000_000
    /// The pause grows from the third in a row that wins nothing: what the first lets go of is freed by
    /// others until the second, and what that frees in turn goes back with the third.
    static let patience = 3
    /// Less than this, in percent of the ceiling, is nothing.
    static let leastPercent: UInt64 = 1
    /// By so much the memory in use has to change before it may be worth a try again.
    static let changePercent: UInt64 = 2

    /// Nil before the first time.
    private var lastNs: UInt64?
    /// How many in a row have won nothing.
    private var fruitless = 0
    /// The least and the most that these have left in use. Bounds of what was tried, so that memory which
    /// goes up and down between them is no reason to try again.
    private var leastBytes: UInt64 = 0
    private var mostBytes: UInt64 = 0

    /// Whether it is time. `isUrgent`: something will be refused else.
    func isDue(usedBytes: UInt64, ceilingBytes: UInt64, isUrgent: Bool, nowNs: UInt64) -> Bool {
        guard let lastNs else { return true }
        guard nowNs >= lastNs else { return false }
        let isShort = isUrgent || hasChanged(usedBytes, ceilingBytes)
        return nowNs - lastNs >= (isShort ? Self.shortestNs : pauseNs)
    }

    /// It was done: so much was in use before and after it.
    mutating func done(fromBytes: UInt64, toBytes: UInt64, ceilingBytes: UInt64, nowNs: UInt64) {
        lastNs = nowNs
        let won = fromBytes > toBytes ? fromBytes - toBytes : 0
        if won >= max(1, ceilingBytes / 100 * Self.leastPercent) {
            fruitless = 0
            (leastBytes, mostBytes) = (toBytes, toBytes)
        } else if fruitless == 0 {
            fruitless = 1
            (leastBytes, mostBytes) = (toBytes, toBytes)
        } else {
            fruitless = hasChanged(fromBytes, ceilingBytes) ? 1 : fruitless + 1
            (leastBytes, mostBytes) = (min(leastBytes, toBytes), max(mostBytes, toBytes))
        }
    }

    private var pauseNs: UInt64 {
        let doublings = min(max(0, fruitless - Self.patience + 1), 16)
        return min(Self.shortestNs << UInt64(doublings), Self.longestNs)
    }

    private func hasChanged(_ usedBytes: UInt64, _ ceilingBytes: UInt64) -> Bool {
        let change = ceilingBytes / 100 * Self.changePercent
        let isAbove = usedBytes > mostBytes && usedBytes - mostBytes >= change
        return isAbove || usedBytes < leastBytes && leastBytes - usedBytes >= change
    }
}
