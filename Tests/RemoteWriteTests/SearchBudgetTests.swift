import Testing

@testable import RemoteWrite

@Suite struct SearchBudgetTests {
    private let second: UInt64 = 1_000_000_000

    @Test func noMinuteHasMoreThanTwelveRequests() {
        var budget = SearchBudget()
        func take(_ count: Int, at seconds: UInt64) -> Bool { budget.take(count, seconds * second) }
        for at: UInt64 in 0..<12 { #expect(take(1, at: at)) }
        #expect(!take(1, at: 69))
        #expect(budget.left(69 * second) == 0)
        #expect(take(1, at: 70))
        #expect(!take(1, at: 70))
        #expect(budget.left(75 * second) == 5)
        #expect(!take(6, at: 75))
        #expect(budget.left(75 * second) == 5, "what cannot be taken whole is not taken")
        #expect(take(5, at: 75))
    }

    @Test func whatTryingAgainDidNotNeedMayBeTakenAgain() {
        var budget = SearchBudget()
        let isTaken = budget.takeTryingAgain(0)
        #expect(isTaken && budget.left(0) == 10)
        budget.giveBackTryingAgain()
        #expect(budget.left(0) == 12)
    }

    @Test func searchesComeBeforeTryingAgain() {
        var budget = SearchBudget()
        var tries = 0
        while budget.takeTryingAgain(0) { tries += 1 }
        #expect(tries == 4)
        let isBegun = budget.beginSearch(0)
        #expect(!isBegun, "four requests narrow a search too little")
        let isSmallBegun = budget.beginSearch(0, isSmall: true)
        #expect(isSmallBegun && budget.left(0) == 3)
        let isTooSoon = budget.takeTryingAgain(69 * second)
        #expect(!isTooSoon)
        let isTriedAgain = budget.takeTryingAgain(70 * second)
        #expect(isTriedAgain)
    }
}
