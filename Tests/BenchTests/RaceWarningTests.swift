import JSON
import Testing

@testable import narthex_bench

struct RaceWarningTests {
    private func warning(cores: Double, answer: Double = 0.01, _ fleet: [String] = []) -> String? {
        var plan = RacePlan()
        plan.fleet = fleet
        return RaceWarning.standIns([.standInsCores: cores, .standInsAnswerSeconds: answer], plan)
    }

    @Test func standInsNearACoreOrFallenBehindAreSaidToBe() throws {
        #expect(warning(cores: 0.79, answer: 0.99) == nil)
        #expect(try #require(warning(cores: 0.8)).contains("used 0.800 cores"))
        #expect(try #require(warning(cores: 0.1, answer: 1.25)).contains("within 1.25 s at worst"))
        #expect(RaceWarning.standIns([:], RacePlan()) == nil)
    }

    /// Exporters with a label of their own share no pages, whatever numbers they have.
    @Test func whatHelpsIsSaid() throws {
        #expect(try #require(warning(cores: 1)).contains("--number-sets"))
        for fleet in [["--number-sets", "4"], ["--distinct"]] {
            #expect(try !#require(warning(cores: 1, answer: 0, fleet)).contains("--number-sets"))
        }
    }

    @Test func theTableAndTheJSONHaveIt() {
        var result = RaceResult(agent: "a", scenario: "steady", round: 1)
        result.figures = [.standInsCores: 0.9]
        result.warning = "too much"
        #expect(RaceTable.text([result], base: nil).contains("  a: WARNING: too much\n"))
        #expect(result.json.text().contains("\"warning\":\"too much\""))
        var quiet = result
        quiet.warning = nil
        #expect(RaceResult.joined([quiet, result])?.warning == "too much")
    }
}
