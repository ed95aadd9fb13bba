import JSON
import Testing

@testable import narthex_bench

struct RaceTableTests {
    private func result(_ agent: String, _ figures: [RaceColumn: Double], round: Int = 1) -> RaceResult {
        var result = RaceResult(agent: agent, scenario: "steady", round: round)
        result.figures = figures
        return result
    }

    @Test func figuresStandBesideEachOtherWithRatios() {
        var slow = result("slow", [.cpuMicrosecondsPerSample: 2.5, .missing: 7])
        slow.notes = ["a note"]
        let text = RaceTable.text(
            [result("quick", [.cpuMicrosecondsPerSample: 0.5, .missing: 0]), slow], base: nil)
        #expect(
            text == """
                steady            quick           slow
                CPU, µs a sample  0.500  2.500 (×5.00)
                missing               0              7
                  slow: a note

                """)
    }

    @Test func ratiosAreToTheAgentAskedFor() {
        let results = [result("a", [.rssMeanMiB: 10]), result("b", [.rssMeanMiB: 40])]
        #expect(RaceTable.text(results, base: "b").contains("10.0 (×0.25)"))
    }

    @Test func aFigureThatIsNotThereIsADash() {
        var failed = result("b", [:])
        failed.fault = "died"
        let text = RaceTable.text([result("a", [.diskBytesPerSample: 1]), failed], base: nil)
        #expect(text.contains("1.00  –"))
        #expect(text.contains("b: FAILED: died"))
    }

    @Test func roundsGiveMediansAndSumsOfCounts() throws {
        let rounds = [(1.0, 0.0), (9, 5), (2, 0)].enumerated().map { index, figures in
            result("a", [.rssMeanMiB: figures.0, .missing: figures.1], round: index + 1)
        }
        let joined = try #require(RaceResult.joined(rounds))
        #expect(joined.figures == [.rssMeanMiB: 2, .missing: 5])
        let two = try #require(RaceResult.joined(Array(rounds.prefix(2))))
        #expect(two.figures[.rssMeanMiB] == 5)
        #expect(RaceResult.joined([]) == nil)
    }

    /// What one round left out is not lost in a median, and the JSON has it.
    @Test func whatWasLeftOutIsSummedUp() throws {
        let rounds = [3.0, 0, 0].map { result("a", [.missing: 0, .leftOut: $0]) }
        let joined = try #require(RaceResult.joined(rounds))
        #expect(joined.figures == [.missing: 0, .leftOut: 3])
        #expect(joined.json.text().contains("\"leftOut\":"))
        #expect(RaceTable.text([joined], base: nil).contains("left out and counted by the agent  3\n"))
    }

    @Test func aRoundThatWasInterruptedHasNoPartInAMedian() throws {
        let whole = result("a", [.rssMeanMiB: 4, .missing: 1])
        var broken = result("a", [.rssMeanMiB: 2, .missing: 2], round: 2)
        broken.fault = "interrupted"
        #expect(try #require(RaceResult.joined([whole, broken])).figures == [.rssMeanMiB: 4, .missing: 3])
        #expect(try #require(RaceResult.joined([broken])).figures == [.rssMeanMiB: 2, .missing: 2])
    }

    @Test(arguments: [
        (0.0, 0, "0"), (1.5, 0, "2"), (-0.25, 2, "-0.25"), (0.0625, 3, "0.063"), (1e20, 0, "100000000000000"),
        (12.005, 1, "12.0"), (0.999, 2, "1.00"),
    ])
    func numbersHaveTheirDecimals(value: Double, decimals: Int, text: String) {
        #expect(RaceColumn.text(value, decimals: decimals) == text)
    }
}
