import Testing

@testable import Agent

struct ClockFactsTests {
    private let nowMs: Int64 = 1_700_000_000_000

    private func facts(
        behindMs: Int64, tripMs: Int64 = 40, isAWS: Bool = true, teller: String = "AWS' STS"
    ) -> ClockFacts {
        ClockFacts(
            teller: teller, isAWS: isAWS, serverMs: (nowMs + behindMs) / 1_000 * 1_000, askedMs: nowMs,
            answeredMs: nowMs + tripMs)
    }

    private func text(_ facts: [ClockFacts], _ isSynchronised: Bool? = nil) -> String {
        ClockFacts.line(facts, isSynchronised: isSynchronised).text
    }

    @Test func aClockThatAgreesIsWell() {
        #expect(text([facts(behindMs: 0)]) == "ok       clock: agrees with that of AWS' STS")
        #expect(
            text([facts(behindMs: 4_000)], true)
                == "ok       clock: agrees with that of AWS' STS; the kernel takes its clock for synchronised"
        )
    }

    @Test(arguments: [(600_000, "600.5 s behind that of"), (-600_000, "599.5 s ahead of that of")])
    func aDifferenceIsSaidWithItsSide(behindMs: Int64, words: String) {
        let line = ClockFacts.line([facts(behindMs: behindMs, tripMs: 0)], isSynchronised: false)
        #expect(line.verdict == .wrong && line.message.hasPrefix(words), "\(line.message)")
        #expect(line.remedy?.hasPrefix("set the clock (timedatectl set-ntp true, chrony)") == true)
    }

    /// Nobody knows when in the ten seconds the answer was written.
    @Test func aLongWayMakesTheAnswerVague() {
        #expect(
            ClockFacts.line([facts(behindMs: 10_000, tripMs: 10_000)], isSynchronised: nil).verdict == .ok)
    }

    @Test func awsIsBelievedBeforeOthersAndTheQuickestFirst() {
        let other = facts(behindMs: 90_000, tripMs: 1, isAWS: false, teller: "receiver")
        let slow = facts(behindMs: 90_000, tripMs: 2_000, teller: "slow")
        #expect(text([other, slow, facts(behindMs: 0)]).hasPrefix("ok"))
        #expect(text([other]).contains("behind that of receiver"))
        #expect(text([]) == "skipped  clock: nobody answered with the time of day")
    }

    @Test(arguments: [Int64.min, .max])
    func aDateFarAwayIsNoTrap(serverMs: Int64) {
        let facts = ClockFacts(teller: "t", serverMs: serverMs, askedMs: nowMs, answeredMs: nowMs)
        #expect(ClockFacts.line([facts], isSynchronised: nil).verdict == .wrong)
    }
}
