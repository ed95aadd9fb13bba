import Testing

@testable import narthex_bench

struct RampSearchTests {
    /// Runs a search of an agent that bears loads up to `most`; the loads tried and what came of it.
    private func run(most: Int, first: Int = 100, limit: Int = 10_000) -> (tried: [Int], borne: Int?) {
        var search = RampSearch(first: first, limit: limit)
        var tried: [Int] = []
        while let load = search.next, tried.count < 100 {
            tried.append(load)
            search.note(load, isBorne: load <= most)
        }
        return (tried, search.borne)
    }

    @Test func theLoadDoublesThenTheGapHalves() {
        let run = run(most: 700)
        #expect(run.tried == [100, 200, 400, 800, 600, 700, 750])
        #expect(run.borne == 700)
    }

    @Test(arguments: [1, 3, 99, 100, 101, 150, 399, 4_321, 9_999])
    func theLoadFoundIsBorneAndATenthMoreIsNot(most: Int) throws {
        let borne = try #require(run(most: most).borne)
        #expect(borne <= most)
        #expect(Double(most) <= Double(borne) * 1.1 + 1)
    }

    @Test func theLimitIsNotExceeded() {
        let run = run(most: .max, limit: 1_000)
        #expect(run.tried == [100, 200, 400, 800, 1_000])
        #expect(run.borne == 1_000)
    }

    @Test func anAgentThatBearsNothingEndsTheSearch() {
        let run = run(most: 0, first: 8)
        #expect(run.tried == [8, 4, 2, 1])
        #expect(run.borne == nil)
    }
}

struct RaceRampTests {
    private func result(_ figures: [RaceColumn: Double], fault: String? = nil) -> RaceResult {
        var result = RaceResult(agent: "a", scenario: "ramp", round: 1)
        result.figures = [.exposed: 100, .missing: 0, .lag99Seconds: 1, .scrapedShare: 1].merging(figures) {
            $1
        }
        result.fault = fault
        return result
    }

    @Test func aLoadIsBorneWhenAllCameInTime() {
        #expect(RaceRamp.whyNotBorne(result([:]), lagBoundSeconds: 10) == nil)
    }

    @Test(
        arguments: [
            ([.missing: 1], "missing: 1"), ([.leftOut: 4], "left out and counted by the agent: 4"),
            ([.memoryKills: 2], "killed for its use of memory: 2"),
            ([.lag99Seconds: 10.5], "lag of 99 %, s: 10.50"),
            ([.refused: 3], "refused for age, labels or form: 3"), ([.exposed: 0], "nothing was scraped"),
            ([.scrapedShare: 0.5], "only 50 % of the scrapes that were due"),
        ] as [([RaceColumn: Double], String)])
    func aLoadIsNotBorneOtherwise(figures: [RaceColumn: Double], why: String) {
        #expect(RaceRamp.whyNotBorne(result(figures), lagBoundSeconds: 10) == why)
    }

    @Test func anAgentThatDiesBearsNothing() {
        #expect(RaceRamp.whyNotBorne(result([:], fault: "ended\nlog"), lagBoundSeconds: 10) == "ended")
        let withLog = result([:], fault: "used up its memory" + RacedProcess.logEnds + "last words")
        #expect(RaceRamp.whyNotBorne(withLog, lagBoundSeconds: 10) == "used up its memory")
    }
}
