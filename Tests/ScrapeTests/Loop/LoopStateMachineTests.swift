import Testing

@testable import Scrape

/// What a loop does when, without clock and network.
struct LoopStateMachineTests {
    private static let startMs: Int64 = 1_700_000_000_000

    /// At a moment `ms` after the start; the monotonic clock shows as much.
    private func at(_ ms: Int64) -> LoopStateMachine.Moment {
        .init(wallMs: Self.startMs + ms, monotonicNs: UInt64(ms) * 1_000_000)
    }

    /// A loop of 10 s whose ticks lie on full tens of seconds.
    private func machine() -> LoopStateMachine {
        LoopStateMachine(
            ScrapeSchedule(intervalMs: 10_000, targetHash: 0, seed: 0, wallMs: Self.startMs))
    }

    @Test func scrapesAtEachTick() {
        var machine = machine()
        #expect(machine.begin(at(0)) == .wait(untilNs: 10_000 * 1_000_000))
        #expect(machine.due(at(10_001)) == .scrape(timestampMs: Self.startMs + 10_000, sinceLastNs: nil))
        #expect(machine.scraped(at(10_100)) == .wait(untilNs: 20_000 * 1_000_000))
        #expect(
            machine.due(at(19_999))
                == .scrape(timestampMs: Self.startMs + 20_000, sinceLastNs: 9_998 * 1_000_000))
    }

    @Test func aLoopThatBeginsLateTakesTheNextTick() {
        var machine = machine()
        #expect(machine.begin(at(34_000)) == .wait(untilNs: 40_000 * 1_000_000))
    }

    @Test func ticksMissedByALongScrapeAreLeftOut() {
        var machine = machine()
        _ = machine.begin(at(0))
        _ = machine.due(at(10_000))
        #expect(machine.scraped(at(31_000)) == .wait(untilNs: 40_000 * 1_000_000))
    }

    @Test func aTargetThatIsGoneEndsAtItsTickAfterATimeOfGrace() {
        var machine = machine()
        _ = machine.begin(at(0))
        machine.isWanted = false
        #expect(machine.due(at(10_000)) == .wait(untilNs: 11_000 * 1_000_000))
        #expect(machine.due(at(11_000)) == .end(timestampMs: Self.startMs + 10_000))
        // Back after its series have ended: a new beginning, without a length of interval.
        machine.isWanted = true
        #expect(machine.cameBack(at(11_010)) == .wait(untilNs: 20_000 * 1_000_000))
        #expect(machine.due(at(20_000)) == .scrape(timestampMs: Self.startMs + 20_000, sinceLastNs: nil))
    }

    @Test func aTargetThatComesBackWithinTheTimeOfGraceGoesOn() {
        var machine = machine()
        _ = machine.begin(at(0))
        _ = machine.due(at(10_000))
        _ = machine.scraped(at(10_100))
        machine.isWanted = false
        #expect(machine.due(at(20_000)) == .wait(untilNs: 21_000 * 1_000_000))
        machine.isWanted = true
        #expect(machine.due(at(21_000)) == .wait(untilNs: 30_000 * 1_000_000))
        #expect(machine.due(at(30_000)) == .scrape(timestampMs: Self.startMs + 30_000, sinceLastNs: nil))
    }

    @Test func aStoppedLoopDoesNothingMore() {
        let steps: [(inout LoopStateMachine) -> LoopStateMachine.Action] = [
            { $0.begin(LoopStateMachine.Moment(wallMs: Self.startMs, monotonicNs: 0)) },
            { $0.due(LoopStateMachine.Moment(wallMs: Self.startMs, monotonicNs: 0)) },
            { $0.scraped(LoopStateMachine.Moment(wallMs: Self.startMs, monotonicNs: 0)) },
            { $0.cameBack(LoopStateMachine.Moment(wallMs: Self.startMs, monotonicNs: 0)) },
        ]
        for step in steps {
            var machine = machine()
            machine.stop()
            #expect(machine.isStopped)
            #expect(step(&machine) == .finish)
        }
    }

    @Test func aTargetThatHasEndedForGoodEndsAtOnce() {
        var waiting = machine()
        _ = waiting.begin(at(0))
        waiting.targetEnded()
        #expect(!waiting.isWanted)
        #expect(waiting.calledOff(at(2_500)) == .end(timestampMs: Self.startMs + 2_500))

        var scraping = machine()
        _ = scraping.begin(at(0))
        _ = scraping.due(at(10_000))
        scraping.targetEnded()
        #expect(scraping.scraped(at(10_100)) == .end(timestampMs: Self.startMs + 10_100))

        var fresh = machine()
        fresh.targetEnded()
        #expect(fresh.begin(at(0)) == .end(timestampMs: Self.startMs))
        // It is back before its series were ended.
        fresh.isWanted = true
        #expect(fresh.cameBack(at(10)) == .wait(untilNs: 10_000 * 1_000_000))
        fresh.stop()
        #expect(fresh.calledOff(at(20)) == .finish)
    }

    @Test func aTargetThatIsReplacedWaitsForItsSuccessor() {
        var machine = machine()
        _ = machine.begin(at(0))
        machine.replaced(waitMs: 15_000)
        // Only a target that is gone is replaced.
        #expect(!machine.isCalledOff)
        machine.isWanted = false
        machine.replaced(waitMs: 15_000)
        #expect(machine.isCalledOff)
        #expect(machine.calledOff(at(2_000)) == .wait(untilNs: 17_000 * 1_000_000))
        // What discovery says of it later changes nothing.
        machine.replaced(waitMs: 99_000)
        machine.targetEnded()
        #expect(!machine.isCalledOff)
        #expect(machine.due(at(17_000)) == .end(timestampMs: Self.startMs + 2_000))
    }

    @Test func aNewSuccessorBeforeTheFirstWasScrapedIsWaitedFor() {
        var machine = machine()
        _ = machine.begin(at(0))
        machine.isWanted = false
        machine.replaced(waitMs: 15_000)
        _ = machine.calledOff(at(2_000))
        machine.replaced(waitMs: 15_000, startsAnew: true)
        #expect(machine.isCalledOff)
        #expect(machine.calledOff(at(9_000)) == .wait(untilNs: 24_000 * 1_000_000))
        #expect(machine.due(at(24_000)) == .end(timestampMs: Self.startMs + 2_000))
    }

    @Test func whatWasNeverScrapedWaitsForNoSuccessor() {
        var machine = machine()
        machine.hasGiven = false
        _ = machine.begin(at(0))
        machine.isWanted = false
        machine.replaced(waitMs: 15_000)
        #expect(machine.calledOff(at(2_000)) == .end(timestampMs: Self.startMs + 2_000))
    }

    @Test func theEndOfTheJobIsTheEndOfEveryWait() {
        var sharing = machine()
        _ = sharing.begin(at(0))
        sharing.sharesSeries = true
        sharing.jobEnded()
        #expect(sharing.calledOff(at(1_000)) == .end(timestampMs: Self.startMs + 1_000))

        var replaced = machine()
        _ = replaced.begin(at(0))
        replaced.isWanted = false
        replaced.replaced(waitMs: 15_000)
        _ = replaced.calledOff(at(2_000))
        replaced.jobEnded()
        #expect(replaced.isCalledOff)
        // The successor's samples may lie behind the moment at which it took over.
        #expect(replaced.calledOff(at(4_000)) == .end(timestampMs: Self.startMs + 2_000))
    }

    @Test func aTargetThatIsReplacedDuringItsScrapeOrItsGraceWaits() {
        var scraping = machine()
        _ = scraping.begin(at(0))
        _ = scraping.due(at(10_000))
        scraping.isWanted = false
        scraping.replaced(waitMs: 15_000)
        #expect(scraping.scraped(at(10_100)) == .wait(untilNs: 25_100 * 1_000_000))

        var gone = machine()
        _ = gone.begin(at(0))
        gone.isWanted = false
        _ = gone.due(at(10_000))
        gone.replaced(waitMs: 15_000)
        #expect(gone.calledOff(at(10_500)) == .wait(untilNs: 25_500 * 1_000_000))
        #expect(gone.due(at(25_500)) == .end(timestampMs: Self.startMs + 10_000))
    }

    @Test func aReplacedTargetThatComesBackTakesItsNextTick() {
        var machine = machine()
        _ = machine.begin(at(0))
        machine.isWanted = false
        machine.replaced(waitMs: 15_000)
        _ = machine.calledOff(at(2_000))
        machine.isWanted = true
        #expect(machine.isCalledOff)
        #expect(machine.calledOff(at(3_000)) == .wait(untilNs: 10_000 * 1_000_000))
        #expect(!machine.isCalledOff)
        // Gone again before the call is heard: it ends as any other.
        machine.isWanted = false
        machine.replaced(waitMs: 15_000)
        machine.isWanted = true
        machine.isWanted = false
        #expect(machine.calledOff(at(4_000)) == .wait(untilNs: 10_000 * 1_000_000))
        #expect(machine.due(at(10_000)) == .wait(untilNs: 11_000 * 1_000_000))
    }

    @Test func aTargetThatSharesSeriesWaitsForOneMoreTick() {
        var machine = machine()
        _ = machine.begin(at(0))
        machine.sharesSeries = true
        machine.targetEnded()
        #expect(!machine.isCalledOff)
        #expect(machine.due(at(10_000)) == .wait(untilNs: 21_000 * 1_000_000))
        #expect(machine.due(at(21_000)) == .end(timestampMs: Self.startMs + 10_000))
    }
}
