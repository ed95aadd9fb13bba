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

    @Test func anAgentsBacklogIsLookedForLessAndLessOften() {
        #expect((-2...21).filter(RaceRun.isLook) == [1, 2, 3, 4, 5, 10, 15, 20])
    }

    @Test func whatIsDueIsWhatAnswers() {
        var plan = RacePlan()
        plan.targets = 10
        plan.failingShare = 0.25
        #expect(plan.failingTargets == 3)
        #expect(plan.scrapesDue(inMs: 20_000) == 14)
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

    @Test(arguments: [
        ["--outage-seconds", "0"], ["--outage-seconds", "3001"], ["--kill-outage-seconds", "-1"],
    ])
    func outagesThatCannotBeMeasuredAreRefused(words: [String]) {
        #expect(throws: (any Error).self) { try RaceReceiverOptions.parse(words) }
    }
}
