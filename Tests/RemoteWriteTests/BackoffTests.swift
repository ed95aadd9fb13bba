import Testing

@testable import RemoteWrite

@Suite struct BackoffTests {
    @Test func waitsDoubleToTheirBoundAndStayThere() {
        var random = SplitMix64(seed: 3)
        var backoff = Backoff(firstMs: 100, mostMs: 1_000)
        for step in [100, 200, 400, 800, 1_000, 1_000] as [Int64] {
            let wait = backoff.nextMs(&random)
            #expect(wait >= step / 2 && wait <= step)
        }
        for _ in 0..<200 { #expect(backoff.nextMs(&random) <= 1_000) }
        backoff.reset()
        #expect(backoff.nextMs(&random) <= 100)
    }

    @Test func hugeBoundsDoNotOverflow() {
        var random = SplitMix64(seed: 3)
        var backoff = Backoff(firstMs: .max / 2, mostMs: .max)
        for _ in 0..<100 { #expect(backoff.nextMs(&random) > 0) }
    }

    @Test func paceHalvesAndRecovers() {
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
