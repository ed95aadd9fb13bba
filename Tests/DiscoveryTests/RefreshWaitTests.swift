import Testing

@testable import Discovery

@Suite struct RefreshWaitTests {
    @Test(arguments: [
        (0, 0.0, 54_000), (0, 0.5, 60_000), (1, 0.0, 1_000), (1, 0.999, 1_999), (3, 0.5, 6_000),
    ])
    func aFailureIsFollowedByShorterWaits(failedRounds: Int, random: Double, ms: UInt64) {
        let wait = RefreshWait(intervalMs: 60_000, random: { random })
        #expect(wait.ns(failedRounds: failedRounds) == ms * 1_000_000)
        #expect(wait.freshNs == 15_000_000_000)
    }

    @Test(arguments: [6, 16, 17, 1_000, Int.max])
    func noWaitIsLongerThanTheInterval(failedRounds: Int) {
        let wait = RefreshWait(intervalMs: 60_000, random: { 0.5 })
        #expect(wait.ns(failedRounds: failedRounds) <= 60_000_000_000)
    }
}
