import Testing

@testable import Agent

struct TargetFactsTests {
    private func line(_ change: (inout TargetFacts) -> Void) -> DoctorLine {
        var facts = TargetFacts(job: "node")
        facts.targetCount = 9
        facts.triedCount = 5
        facts.commands = DoctorCommands(place: .file("a b.yml"))
        change(&facts)
        return facts.line
    }

    @Test func aSampleThatAnswersIsWell() {
        #expect(line { _ in }.text == "ok       targets node: 9 found, 5 tried, every one would be stored")
        let few = line {
            $0.triedCount = 9
            $0.leftOutCount = 2
        }
        #expect(few.message == "9 found, every one would be stored; 2 left out")
    }

    @Test func targetsThatAreNotScrapedAreNamed() {
        let found = line { facts in
            facts.faults = (1...5).map { .init(url: "http://h:\($0)/metrics", reason: "refused") }
        }
        #expect(
            found.message
                == "9 found, 5 tried, 5 not scraped: http://h:1/metrics: refused; "
                + "http://h:2/metrics: refused; http://h:3/metrics: refused; 2 more")
        #expect(
            found.remedy
                == "where nothing answers, look at the port and the security groups; "
                + "narthex scrape http://h:1/metrics "
                + "--config.file='a b.yml' --job=node shows a scrape")
    }

    @Test func aURLWithAQueryIsNotShown() {
        let found = line { $0.faults = [.init(url: "http://h:1/probe?token=hunter2", reason: "refused")] }
        #expect(found.message.hasSuffix("http://h:1/probe: refused"))
        #expect(found.remedy?.contains("narthex scrape URL --config") == true)
    }

    /// An agent that scrapes itself and does not run yet is no fault.
    @Test func theAgentsOwnPageIsMissedOnlyWhereItRuns() {
        let alone = line {
            $0.targetCount = 1
            $0.triedCount = 1
            $0.ownURL = "http://127.0.0.1:9090/metrics"
        }
        #expect(
            alone.text
                == "skipped  targets node: http://127.0.0.1:9090/metrics is the agent's own page, and no "
                + "agent runs there")
        let others = line { $0.ownURL = "http://127.0.0.1:9090/metrics" }
        #expect(others.verdict == .ok && others.message.contains("stored, but that http://127.0.0.1:9090/"))
        let broken = line {
            $0.ownURL = "http://127.0.0.1:9090/metrics"
            $0.faults = [.init(url: "http://h:1/metrics", reason: "refused")]
        }
        #expect(broken.verdict == .wrong)
    }

    @Test func aJobWithoutTargetsIsSaid() {
        let found = line { facts in
            facts.targetCount = 0
            facts.leftOutCount = 3
            facts.firstLeftOut = "h:1: dropped"
        }
        #expect(found.verdict == .wrong)
        #expect(found.message == "none is found; 3 left out, for instance h:1: dropped")
        #expect(
            found.remedy
                == "narthex discover --config.file='a b.yml' --job=node --all shows what there is")
    }

    @Test func whatCannotBeAskedIsSaid() {
        let found = line { $0.failures = ["cluster shop: denied", "cluster b: denied"] }
        #expect(found.message == "discovery fails: cluster shop: denied (and 1 more)")
    }

    @Test(arguments: [
        (0, 5, []), (3, 5, [0, 1, 2]), (5, 5, [0, 1, 2, 3, 4]), (9, 5, [0, 2, 4, 6, 8]), (100, 1, [0]),
        (100, 2, [0, 99]), (100, 0, []),
    ])
    func aSampleGoesFromTheFirstToTheLast(count: Int, limit: Int, sample: [Int]) {
        #expect(TargetFacts.sample(of: count, limit: limit) == sample)
    }
}
