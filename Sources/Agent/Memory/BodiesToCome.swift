/// How much memory response bodies are expected to take again, judged by what they have held within the
/// last 10 to 20 seconds. Without it series would fill the memory up to the marks of the ceiling, and the
/// next large body would have no room below it. The caller says what time it is.
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
