import Testing

@testable import RemoteWrite

@Suite struct RateLimitsTests {
    private static let secondNs: UInt64 = 1_000_000_000

    /// Requests begun within `seconds` when each leaves as early as it may.
    private func begun(_ limits: RateLimits, seconds: UInt64, bytes: Int = 0, samples: Int = 0) -> Int {
        var limits = limits
        var nowNs: UInt64 = 5
        var count = 0
        while count < 100_000 {
            nowNs = limits.earliestNs(nowNs)
            guard nowNs < seconds * Self.secondNs else { break }
            limits.began(bytes: bytes, samples: samples, nowNs)
            count += 1
        }
        return count
    }

    @Test func withoutLimitsNothingWaits() {
        var limits = RateLimits(bytesPerSecond: 0)
        #expect(limits.isEmpty)
        limits.began(bytes: .max, samples: .max, 7)
        #expect(limits.earliestNs(7) == 7)
    }

    @Test func requestsHoldTheirRate() {
        // One second's worth may be there at the beginning, and one more overdraws it.
        let count = begun(RateLimits(requestsPerSecond: 10), seconds: 100)
        #expect((1_000...1_011).contains(count), "\(count)")
    }

    @Test(arguments: [100, 1_000, 50_000]) func bytesHoldTheirRateWhateverTheSizeOfRequests(bytes: Int) {
        let count = begun(RateLimits(bytesPerSecond: 1_000), seconds: 1_000, bytes: bytes)
        let sent = Double(count * bytes)
        #expect(sent <= 1_000_000 + 1_000 + Double(2 * bytes), "\(sent)")
        #expect(sent >= 1_000_000 - Double(2 * bytes), "\(sent)")
    }

    @Test func theTightestLimitCounts() {
        let limits = RateLimits(bytesPerSecond: 1e9, requestsPerSecond: 1e6, samplesPerSecond: 500)
        let count = begun(limits, seconds: 100, bytes: 10, samples: 100)
        #expect((490...512).contains(count), "\(count)")
    }

    @Test func whatWasNotUsedIsKeptForASecondOnly() {
        var limits = RateLimits(requestsPerSecond: 5)
        _ = limits.earliestNs(0)
        var nowNs = 3_600 * Self.secondNs
        var count = 0
        while limits.earliestNs(nowNs) == nowNs, count < 100 {
            limits.began(bytes: 0, samples: 0, nowNs)
            count += 1
        }
        #expect(count == 6)
        nowNs = limits.earliestNs(nowNs)
        #expect(nowNs == 3_600 * Self.secondNs + Self.secondNs / 5)
    }

    @Test func aClockThatStandsStillDoesNoHarm() {
        var limits = RateLimits(bytesPerSecond: 1)
        limits.began(bytes: 1_000_000, samples: 0, 9)
        #expect(limits.earliestNs(9) == 9 + 3_600 * Self.secondNs, "an hour at most")
        #expect(limits.earliestNs(3) > 3)
    }
}
