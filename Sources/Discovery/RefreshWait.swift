/// How long a discovery that asks AWS waits before it asks again.
struct RefreshWait: Sendable {
    /// The first wait after a failed reading; it doubles up to the refresh interval.
    static let firstRetryMs: Int64 = 2_000
    /// Refreshes come up to a tenth earlier or later than asked for, so that agents started together drift
    /// apart.
    static let jitter = 0.1
    /// Beyond this the wait is the interval anyway.
    static let failedRoundsLimit = 16

    private let intervalMs: Int64
    private let random: @Sendable () -> Double

    init(intervalMs: Int64, random: @escaping @Sendable () -> Double) {
        self.intervalMs = intervalMs
        self.random = random
    }

    /// What another job read so long ago is as good as read now.
    var freshNs: UInt64 { UInt64(intervalMs) * 1_000_000 / 4 }

    /// From the beginning of one reading to the next; `failedRounds` in a row failed.
    func ns(failedRounds: Int) -> UInt64 {
        let jitteredMs = Double(intervalMs) * (1 + Self.jitter * (2 * random() - 1))
        guard failedRounds > 0 else { return UInt64(jitteredMs) * 1_000_000 }
        let doublings = Int64(min(failedRounds, Self.failedRoundsLimit) - 1)
        let retryMs = Double(Self.firstRetryMs << doublings) * (0.5 + random() / 2)
        return UInt64(min(retryMs, jitteredMs)) * 1_000_000
    }
}
