import Testing

@testable import AWS

@Suite struct TokenBucketTests {
    private let secondNs: UInt64 = 1_000_000_000

    @Test func aBurstPassesAndTheRestKeepsTheRate() {
        var bucket = TokenBucket(burst: 5, perSecond: 2)
        let waits = (0..<9).map { _ in bucket.take(nowNs: secondNs) }
        #expect(waits.prefix(5).allSatisfy { $0 == 0 })
        #expect(Array(waits.suffix(4)) == [secondNs / 2, secondNs, secondNs * 3 / 2, secondNs * 2])
        #expect(bucket.take(nowNs: 100 * secondNs) == 0, "full again")
    }

    @Test func throttlingHalvesTheRateForAWhile() {
        var bucket = TokenBucket(burst: 5, perSecond: 2)
        bucket.throttled(nowNs: secondNs)
        #expect(bucket.take(nowNs: secondNs) == secondNs, "nothing left, at one a second")
        for _ in 0..<20 { bucket.throttled(nowNs: secondNs) }
        #expect(bucket.take(nowNs: secondNs) == 16 * secondNs, "never slower than a sixteenth")
        var waits: [UInt64] = []
        for second in stride(from: UInt64(40), through: 400, by: 40) {
            waits.append(bucket.take(nowNs: second * secondNs))
        }
        #expect(waits.last == 0 && waits == waits.sorted(by: >))
    }

    @Test func aClockThatStandsStillGivesNothing() {
        var bucket = TokenBucket(burst: 1, perSecond: 1)
        #expect(bucket.take(nowNs: 5 * secondNs) == 0)
        #expect(bucket.take(nowNs: 4 * secondNs) == secondNs)
    }
}
