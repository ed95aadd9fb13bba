import ArgumentParser
import Testing

@testable import narthex_bench

struct RacePlanTests {
    /// The outage and what follows it are seen whole, however short the measured time is.
    @Test(arguments: [(60, 20, 60), (60, 40, 61), (9, 100, 104), (3, 1, 3)])
    func anOutageFitsIntoItsRun(seconds: Int, outage: Int, expected: Int) {
        var plan = RacePlan()
        plan.seconds = seconds
        plan.outageSeconds = outage
        #expect(plan.outageRunSeconds == expected)
    }

    @Test func whatIsDueIsWhatAnswers() {
        var plan = RacePlan()
        plan.targets = 10
        plan.failingShare = 0.25
        #expect(plan.failingTargets == 3)
        #expect(plan.scrapesDue(inMs: 20_000) == 14)
    }

    /// The exporters that fail are those with the highest numbers of the longest list.
    @Test func theLongListHasItsOwnShareThatFails() {
        var plan = RacePlan()
        plan.targets = 10
        plan.overloadTimes = 3
        plan.failingShare = 0.1
        #expect(plan.longTargets == 30)
        #expect(plan.scrapesDue(inMs: 20_000, targets: 10) == 20)
        #expect(plan.scrapesDue(inMs: 20_000, targets: 30) == 54)
        // Of the list that the scenarios begin with, none fails in overload, and one of ten elsewhere.
        #expect(plan.scrapesDue(inMs: 20_000, in: .overload) == 20)
        #expect(plan.scrapesDue(inMs: 20_000, in: .steady) == 18)
        #expect(plan.session("/x", .overload).targets == 30)
        #expect(plan.session("/x").targets == 10)
    }

    @Test func onlyTheScenarioChurnChurns() {
        var plan = RacePlan()
        plan.churn = ["--churn", "0.1"]
        #expect(plan.session("/x", .churn).fleet.contains("--churn"))
        for scenario in RaceScenario.allCases where scenario != .churn {
            #expect(!plan.session("/x", scenario).fleet.contains("--churn"))
        }
    }

    @Test func curvesTellWhatHappened() {
        var plan = RacePlan()
        plan.seconds = 60
        plan.outageSeconds = 15
        #expect(plan.events(of: "outage").map(\.seconds) == [20, 35])
        #expect(plan.events(of: "overload").map(\.seconds) == [20, 40])
        #expect(plan.events(of: "kill").map(\.seconds) == [20])
        #expect(plan.events(of: "steady").isEmpty)
    }
}

struct RaceLoadOptionsTests {
    @Test func wordsOfTheFleetAreTaken() throws {
        for format in ["text", "openmetrics", "protobuf"] {
            for kind in ["lines", "front", "buckets", "shuffle"] {
                let load = try RaceLoadOptions.parse(["--format", format, "--churn-kind", kind])
                #expect(load.flags.suffix(2) == ["--format", format])
                #expect(load.churnFlags == ["--churn", "0.1", "--churn-kind", kind])
            }
        }
    }

    /// The stand-ins would refuse them only when the race has begun.
    @Test(arguments: [["--format", "json"], ["--churn-kind", "pages"], ["--churn-kind", "Lines"]])
    func otherWordsAreRefusedAtOnce(words: [String]) {
        #expect(throws: (any Error).self) { try RaceLoadOptions.parse(words) }
    }

    @Test(arguments: ["0", "1", "101"])
    func listsThatAreNotLongerAreRefused(times: String) {
        #expect(throws: (any Error).self) { try RaceLoadOptions.parse(["--overload-times", times]) }
    }

    @Test(arguments: [
        ["--outage-seconds", "0"], ["--outage-seconds", "3001"], ["--kill-outage-seconds", "-1"],
    ])
    func outagesThatCannotBeMeasuredAreRefused(words: [String]) {
        #expect(throws: (any Error).self) { try RaceReceiverOptions.parse(words) }
    }
}
