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
}
