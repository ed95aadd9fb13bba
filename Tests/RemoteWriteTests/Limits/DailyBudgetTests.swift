import Testing

@testable import RemoteWrite

@Suite struct DailyBudgetTests {
    private static let noonMs: Int64 = 1_700_049_600_000
    private static let dayMs: Int64 = 86_400_000

    private func allowed(_ budget: inout DailyBudget, _ wallMs: Int64) -> [Bool] {
        ["important", "any", "chatty"].map { budget.allows($0, wallMs) }
    }

    @Test func lowerClassesGoFirst() {
        var budget = DailyBudget(limitBytes: 1_000, priorities: ["important": .high, "chatty": .low])
        #expect(allowed(&budget, Self.noonMs) == [true, true, true])
        budget.began(bytes: 699, Self.noonMs)
        #expect(allowed(&budget, Self.noonMs) == [true, true, true])
        budget.began(bytes: 1, Self.noonMs)
        #expect(allowed(&budget, Self.noonMs) == [true, true, false])
        budget.began(bytes: 200, Self.noonMs)
        #expect(allowed(&budget, Self.noonMs) == [true, false, false])
        budget.began(bytes: 100, Self.noonMs)
        #expect(allowed(&budget, Self.noonMs) == [false, false, false])
    }

    @Test func midnightGivesANewBudget() {
        var budget = DailyBudget(limitBytes: 10)
        budget.began(bytes: 10, Self.noonMs)
        let midnightMs = (Self.noonMs / Self.dayMs + 1) * Self.dayMs
        #expect(budget.allows("a", midnightMs - 1) == false)
        #expect(budget.allows("a", midnightMs) == true)
        #expect(budget.usedBytes == 0)
    }

    @Test func aClockThatGoesBackGivesNothing() {
        var budget = DailyBudget(limitBytes: 10)
        budget.began(bytes: 10, Self.noonMs)
        #expect(budget.allows("a", Self.noonMs - 3 * Self.dayMs) == false)
        #expect(budget.allows("a", Self.noonMs) == false)
        #expect(budget.allows("a", Self.noonMs + Self.dayMs) == true)
    }

    @Test func timesBefore1970AreDaysToo() {
        var budget = DailyBudget(limitBytes: 10)
        budget.began(bytes: 10, -1)
        #expect(budget.allows("a", -Self.dayMs) == false)
        #expect(budget.allows("a", 0) == true)
        budget.began(bytes: .max, 0)
        budget.began(bytes: .max, 0)
        budget.began(bytes: .max, 0)
        #expect(budget.usedBytes == .max)
    }
}
