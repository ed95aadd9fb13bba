/// What response bodies may take again at any moment, by what they have held of late: series that fill the
/// memory up to its marks would leave them none. Knows no clock: it is told the time.
struct BodiesToCome: Sendable {
    /// What was held is remembered for one such time at the least, and for two at the most. About a usual
    /// scrape interval, and shorter than the calm after which steps end.
    static let windowNs: UInt64 = 10_000_000_000

    private var beganNs: UInt64 = 0
    private var peakBytes = 0
    private var lastPeakBytes = 0

    /// Bodies hold `usedBytes` now, and have held `peakBytes` at the most since this was last called. Returns
    /// by how much they may be expected to grow from there. `nowNs` is of a clock that does not go back.
    mutating func observed(peakBytes: Int, usedBytes: Int, nowNs: UInt64) -> UInt64 {
        if nowNs >= beganNs, nowNs - beganNs >= Self.windowNs {
            let isGap = nowNs - beganNs >= 2 * Self.windowNs
            lastPeakBytes = isGap ? 0 : self.peakBytes
            self.peakBytes = 0
            beganNs = nowNs
        }
        self.peakBytes = max(self.peakBytes, peakBytes)
        return UInt64(max(0, max(self.peakBytes, lastPeakBytes) - usedBytes))
    }
}
