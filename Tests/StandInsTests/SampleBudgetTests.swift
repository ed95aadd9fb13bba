import Testing

@testable import StandIns

struct SampleBudgetTests {
    @Test func asManyAreTakenAsTheRateAllows() {
        var budget = SampleBudget(samplesPerSecond: 1_000)
        var taken = 0
        // Ten seconds in steps of 10 ms, with requests of 50: five times the rate.
        for step in 0..<1_000 where budget.takes(nowNs: UInt64(step) * 10_000_000) {
            budget.spend(50)
            taken += 50
        }
        #expect((10_000...11_100).contains(taken))
    }

    @Test func aLargeRequestIsPaidOffBeforeTheNext() {
        var budget = SampleBudget(samplesPerSecond: 100)
        let first = budget.takes(nowNs: 0)
        budget.spend(300)
        let later = ([1_000_000_000, 2_000_000_000, 2_100_000_000] as [UInt64]).map {
            budget.takes(nowNs: $0)
        }
        #expect(first)
        #expect(later == [false, false, true])
    }

    @Test func noMoreThanASecondsWorthIsSavedUp() {
        var budget = SampleBudget(samplesPerSecond: 100)
        let hourNs: UInt64 = 3_600_000_000_000
        let before = [budget.takes(nowNs: 0), budget.takes(nowNs: hourNs)]
        budget.spend(100)
        let after = budget.takes(nowNs: hourNs)
        #expect(before == [true, true])
        #expect(!after)
    }
}
