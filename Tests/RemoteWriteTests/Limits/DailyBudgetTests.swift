import Testing

@testable import RemoteWrite

@Suite struct DailyBudgetTests {
    private static let noonMs: Int64 = 1_700_049_600_000
    private static let dayMs: Int64 = 86_400_000
    private static let hourMs: Int64 = 3_600_000

    /// The clocks go together from noon on; `jumpMs` is added to the wall clock.
    private struct Clocks {
        var hours = 0.0
        var jumpMs: Int64 = 0
        var nowNs: UInt64 { 1_000_000_000 + UInt64(hours * 3.6e12) }
        var wallMs: Int64 { noonMs + Int64(hours * 3.6e6) + jumpMs }
    }

    private func allows(_ budget: inout DailyBudget, _ clocks: Clocks, _ job: String = "a") -> Bool {
        budget.allows(job, nowNs: clocks.nowNs, wallMs: clocks.wallMs)
    }

    private func reserve(_ budget: inout DailyBudget, _ bytes: Int, _ clocks: Clocks) {
        budget.reserve(bytes, nowNs: clocks.nowNs, wallMs: clocks.wallMs)
    }

    @Test func lowerClassesGoFirst() {
        var budget = DailyBudget(limitBytes: 1_000, priorities: ["important": .high, "chatty": .low])
        func allowed() -> [Bool] { ["important", "any", "chatty"].map { allows(&budget, Clocks(), $0) } }
        #expect(allowed() == [true, true, true])
        reserve(&budget, 699, Clocks())
        #expect(allowed() == [true, true, true])
        reserve(&budget, 1, Clocks())
        #expect(allowed() == [true, true, false])
        reserve(&budget, 200, Clocks())
        #expect(allowed() == [true, false, false])
        reserve(&budget, 100, Clocks())
        #expect(allowed() == [false, false, false])
    }

    @Test func midnightGivesANewBudget() {
        var budget = DailyBudget(limitBytes: 10)
        reserve(&budget, 10, Clocks())
        #expect(allows(&budget, Clocks(hours: 11.999)) == false)
        #expect(allows(&budget, Clocks(hours: 12)) == true)
        #expect(budget.usedBytes == 0)
        reserve(&budget, 10, Clocks(hours: 13))
        #expect(allows(&budget, Clocks(hours: 35.999)) == false)
        #expect(allows(&budget, Clocks(hours: 36)) == true)
    }

    /// A clock that is set, forth or back, over however many days, gives no second budget.
    @Test(arguments: [-3 * dayMs, -dayMs, -hourMs, hourMs, dayMs, 3 * dayMs, 400 * dayMs])
    func aClockThatJumpsGivesNothing(jumpMs: Int64) {
        var budget = DailyBudget(limitBytes: 10)
        reserve(&budget, 10, Clocks())
        #expect(allows(&budget, Clocks(hours: 0.1, jumpMs: jumpMs)) == false)
        #expect(allows(&budget, Clocks(hours: 0.2)) == false)
        #expect(allows(&budget, Clocks(hours: 10.9)) == false)
        #expect(allows(&budget, Clocks(hours: 12.1)) == true)
    }

    /// The clock was ahead for a moment when the machine booted: the days are those of the right clock.
    @Test func aClockThatWasOnceAheadStopsNothing() {
        var budget = DailyBudget(limitBytes: 10)
        reserve(&budget, 10, Clocks(jumpMs: 400 * Self.dayMs + 11 * Self.hourMs))
        #expect(allows(&budget, Clocks(hours: 0.5)) == false)
        #expect(allows(&budget, Clocks(hours: 1.1)) == true, "when it said that the day ends")
        reserve(&budget, 10, Clocks(hours: 1.2))
        for hours in stride(from: 1.3, to: 13, by: 0.1) {
            #expect(allows(&budget, Clocks(hours: hours)) == false, "half a day lies between")
        }
        #expect(allows(&budget, Clocks(hours: 13.2)) == true)
    }

    /// However a clock swings about midnight there are two budgets a day at most.
    @Test func aClockThatSwingsGivesNoMoreThanTwo() {
        var budget = DailyBudget(limitBytes: 10)
        var given = 0
        for minute in 0..<1_440 {
            let clocks = Clocks(
                hours: Double(minute) / 60, jumpMs: minute.isMultiple(of: 2) ? 12 * Self.hourMs - 1 : 0)
            if allows(&budget, clocks) {
                given += 1
                reserve(&budget, 10, clocks)
            }
        }
        #expect(given <= 3, "the first, and two more")
    }

    @Test func timesBefore1970AreDaysToo() {
        var budget = DailyBudget(limitBytes: 10)
        budget.reserve(10, nowNs: 0, wallMs: -1)
        #expect((budget.allows("a", nowNs: 999_999, wallMs: -1)) == false)
        #expect((budget.allows("a", nowNs: 1_000_000, wallMs: 0)) == true)
        for _ in 0..<3 { budget.reserve(.max, nowNs: 1_000_000, wallMs: 0) }
        #expect(budget.usedBytes == .max)
        #expect((budget.allows("a", nowNs: 1_000_001, wallMs: .min)) == false)
    }

    /// What is reserved by others is used up, and what is one's own is not.
    @Test func aReservationIsNotItsOwnObstacle() {
        var budget = DailyBudget(limitBytes: 100)
        reserve(&budget, 95, Clocks())
        #expect((budget.allows("a", reserved: 95, nowNs: Clocks().nowNs, wallMs: Clocks().wallMs)) == true)
        #expect((budget.allows("a", nowNs: Clocks().nowNs, wallMs: Clocks().wallMs)) == false)
        budget.giveBack(95)
        budget.giveBack(.max)
        #expect(budget.usedBytes == 0)
    }

    /// At first tries come as they would, and from a tenth of the budget on a tenth a day.
    @Test func triesThatFailTakeAShare() {
        var budget = DailyBudget(limitBytes: 100_000_000)
        var clocks = Clocks()
        var tries = 0
        while clocks.hours < 11.9, tries < 10_000 {
            let waitNs = budget.reserveRetry(150_000, nowNs: clocks.nowNs, wallMs: clocks.wallMs)
            clocks.hours += max(5, Double(waitNs) / 1e9) / 3_600
            tries += 1
        }
        #expect(budget.retriedBytes > 10_000_000 && budget.retriedBytes < 16_000_000)
        #expect((budget.isOverdrawn(nowNs: clocks.nowNs, wallMs: clocks.wallMs)) == false)
        var small = DailyBudget(limitBytes: 10)
        #expect(small.reserveRetry(.max, nowNs: 0, wallMs: 0) == 3_600_000_000_000)
        #expect((small.isOverdrawn(nowNs: 0, wallMs: 0)) == true)
    }
}
