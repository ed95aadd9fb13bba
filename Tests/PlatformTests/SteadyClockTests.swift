import Platform
import Synchronization
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1)))
struct SteadyClockTests {
    private final class Said: Sendable {
        let events = Mutex<[ClockJudge.Event]>([])
        var all: [ClockJudge.Event] { events.withLock { $0 } }
    }

    private let base = ManualClock(wallMs: 1_800_000_000_000)
    private let said = Said()

    private func clock(earliestMs: Int64 = 0) -> SteadyClock {
        SteadyClock(base, earliestMs: earliestMs) { [said] event in
            said.events.withLock { $0.append(event) }
        }
    }

    @Test func goesOnWhereItWasWhenTheMachinesClockJumps() {
        let clock = clock()
        base.advance(ms: 1_000)
        #expect(clock.wallMs == 1_800_000_001_000)
        base.setWall(ms: 1_900_000_000_000)
        base.advance(ms: 1_000)
        #expect(clock.wallMs == 1_800_000_002_000)
        #expect(clock.agingMs == 1_800_000_002_000)
        #expect(clock.doubtedMs == 99_999_999_000)
        #expect(
            said.all == [.jumped(byMs: 99_999_999_000, wallMs: 1_900_000_001_000, isCredible: true)])
        base.setSynchronised(true)
        base.advance(ms: 1_000)
        #expect(clock.wallMs == 1_900_000_002_000)
        #expect(clock.doubtedMs == 0)
        #expect(said.all.last == .followed(byMs: 99_999_999_000, .synchronised))
    }

    @Test func waitsForACredibleTime() async {
        let clock = clock(earliestMs: 1_850_000_000_000)
        clock.begin(newestMs: 0)
        #expect(said.all == [.beganTooEarly(wallMs: 1_800_000_000_000)])
        let waiting = Task { await clock.untilCredible() }
        while base.sleeperCount == 0 { await Task.yield() }
        base.setWall(ms: 1_850_000_000_000)
        base.advance(ms: 1_000)
        await waiting.value
        #expect(clock.wallMs == 1_850_000_001_000)
        #expect(said.all.last == .becameCredible(wallMs: 1_850_000_001_000))
        await clock.untilCredible()
        #expect(base.sleeperCount == 0)
    }

    @Test func aCancelledWaitEnds() async {
        let clock = clock(earliestMs: .max)
        let waiting = Task { await clock.untilCredible() }
        while base.sleeperCount == 0 { await Task.yield() }
        waiting.cancel()
        await waiting.value
        #expect(base.sleeperCount == 0)
    }

    @Test func theKernelsClocksAreSteady() {
        let said = Said()
        let clock = SteadyClock(SystemClock()) { event in said.events.withLock { $0.append(event) } }
        clock.begin(newestMs: 0)
        #expect(abs(clock.wallMs - SystemClock().wallMs) < 1_000)
        #expect(said.all == [])
    }
}
