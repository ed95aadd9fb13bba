/// A token bucket that says how long to wait instead of waiting, and slows down when the service throttles.
struct TokenBucket: Sendable {
    /// How long a slowed bucket takes to twice its rate.
    static let recoveryNs: Double = 20e9
    /// The slowest, as a part of the full rate.
    private static let floor = 1.0 / 16

    private let burst: Double
    private let perSecond: Double
    private var tokens: Double
    private var filledNs: UInt64?
    /// 1, or less after the service throttled.
    private var pace = 1.0

    init(burst: Double, perSecond: Double) {
        precondition(burst >= 1 && perSecond > 0, "a bucket lets something through")
        self.burst = burst
        self.perSecond = perSecond
        tokens = burst
    }

    /// Takes one token, of the future when none is left: nanoseconds until the call may be made.
    mutating func take(nowNs: UInt64) -> UInt64 {
        fill(nowNs)
        tokens -= 1
        return tokens >= 0 ? 0 : UInt64(-tokens / (perSecond * pace) * 1e9)
    }

    /// The service says that it was called too often: nothing is left, and the rate is halved for a while.
    mutating func throttled(nowNs: UInt64) {
        fill(nowNs)
        tokens = min(tokens, 0)
        pace = max(pace / 2, Self.floor)
    }

    private mutating func fill(_ nowNs: UInt64) {
        let elapsedNs = filledNs.map { nowNs > $0 ? Double(nowNs - $0) : 0 } ?? 0
        filledNs = nowNs
        tokens = min(burst, tokens + elapsedNs / 1e9 * perSecond * pace)
        // Exact doubling every `recoveryNs` would need a power; its first terms are as good for steps this
        // small, and a long gap is capped anyway.
        pace = min(1, pace * (1 + min(elapsedNs / Self.recoveryNs, 15)))
    }
}
