import Testing

@testable import RemoteWrite

@Suite struct PaceTests {
    @Test func halvesAndRecovers() {
        var pace = Pace()
        var nowNs: UInt64 = 1_000_000_000
        for _ in 0..<20 {
            #expect(pace.earliestNs(nowNs) == nowNs)
            pace.began(nowNs)
            nowNs += 100_000_000
        }
        pace.throttled(nowNs)
        #expect((4.9...5.1).contains(pace.perSecond ?? 0))
        for _ in 0..<20 { pace.throttled(nowNs) }
        #expect(pace.perSecond == Pace.least)
        for _ in 0..<2_000 {
            nowNs += 1_000_000_000
            pace.succeeded(nowNs)
        }
        #expect(pace.perSecond == nil)
    }

    /// What was seldom sent because nothing more could, or had to, is no measure of what may be.
    @Test(arguments: [(probes: 60, burst: 10, least: 4.9), (60, 50, 24), (1, 3, 1.4)])
    func isLearnedFromWhatWasSentAndNotFromQuietTimes(probes: Int, burst: Int, least: Double) {
        var pace = Pace()
        var nowNs: UInt64 = 1_000_000_000
        for _ in 0..<probes {
            pace.began(nowNs)
            nowNs += 5_000_000_000
        }
        for _ in 0..<burst {
            pace.began(nowNs)
            nowNs += 10_000_000
        }
        // The answers take their time.
        pace.throttled(nowNs + 2_000_000_000)
        #expect((pace.perSecond ?? 0) >= least)
        #expect((pace.perSecond ?? 0) <= Double(burst))
    }
}
