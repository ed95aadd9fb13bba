import Platform
import Synchronization
import TestSupport
import Testing

@testable import RemoteWrite

@Suite(.timeLimit(.minutes(1))) struct DestinationGateTests {
    private let clock = ManualClock()
    private let gate = DestinationGate(firstMs: 30, mostMs: 5_000, seed: 1)

    private func inMs(_ ms: UInt64) -> UInt64 { clock.monotonicNs + ms * 1_000_000 }

    private func fail(_ slot: Int, _ scope: AnswerScope, forMs ms: UInt64) {
        gate.failed(slot, scope, untilNs: inMs(ms), nowNs: clock.monotonicNs)
    }

    /// A task that waits at the gate until it may pass. Returns once it waits.
    private func waiting(
        _ slot: Int, untilNs: UInt64? = nil
    ) async -> Task<DestinationGate.Passage, Never> {
        let before = gate.waiterCount
        let task = Task { await gate.pass(slot, untilNs: untilNs, clock: clock) }
        while gate.waiterCount == before { await Task.yield() }
        return task
    }

    /// How many milliseconds go by until the task has ended.
    private func waitedMs(_ task: Task<DestinationGate.Passage, Never>, step: Int = 1_000) async -> Int {
        let isOver = Mutex(false)
        let watch = Task {
            _ = await task.value
            isOver.withLock { $0 = true }
        }
        var ms = 0
        while ms < 200_000 {
            // The clock stands still until the slot sleeps until its time, or is over.
            while clock.sleeperCount == 0, !isOver.withLock({ $0 }) { await Task.yield() }
            if isOver.withLock({ $0 }) { break }
            clock.advance(ms: Int64(step))
            ms += step
        }
        watch.cancel()
        return ms
    }

    @Test func theFirstToFindItClosedIsTheProbeAndTheOthersWaitForItsAnswer() async {
        #expect(await gate.pass(1, untilNs: nil, clock: clock) == .atOnce)
        fail(1, .destination, forMs: 30)
        fail(2, .destination, forMs: 30)
        #expect(gate.isClosed)
        let other = await waiting(2)
        clock.advance(ms: 1_000)
        #expect(await gate.pass(1, untilNs: nil, clock: clock) == .atOnce, "the probe")
        gate.answered(2)
        #expect(gate.isClosed, "an answer to a request that left before the gate was closed")
        gate.answered(1)
        #expect(await other.value == .afterWaiting)
        #expect(!gate.isClosed)
    }

    @Test func nobodyWaitsForADestinationThatADrainHasGivenUp() async {
        fail(1, .destination, forMs: 30)
        let other = await waiting(2)
        gate.giveUp()
        #expect(await other.value == .never)
        #expect(await gate.pass(3, untilNs: nil, clock: clock) == .never && gate.isGivenUp)
    }

    @Test func nobodyPassesBeforeTheTimeThatTheReceiverAskedFor() async {
        fail(1, .destination, forMs: 30)
        fail(2, .destination, forMs: 60_000)
        #expect(await waitedMs(await waiting(1)) == 60_000, "whoever was told")
        gate.answered(1)
        // Another may be tried next, and not before either.
        fail(1, .unclear, forMs: 60_000)
        #expect(await waitedMs(await waiting(2)) == 60_000)
    }

    @Test func aProbeWhoseFailureMayBeItsOwnIsFollowedByTheOneThatWaitsLongest() async {
        fail(1, .unclear, forMs: 0)
        let waiting = [await waiting(2), await waiting(3), await waiting(1)]
        var waits: [Int] = []
        for (slot, task) in zip([2, 3, 1], waiting) {
            waits.append(await waitedMs(task, step: 5))
            #expect(await task.value == .afterWaiting)
            fail(slot, .unclear, forMs: 0)
        }
        // The back-off is the destination's: it grows although each slot fails for the first time.
        #expect((15...40).contains(waits[0]) && (30...70).contains(waits[1]) && (60...130).contains(waits[2]))
    }

    /// What refuses one body for ever (a firewall, a proxy) need not refuse the next.
    @Test func aProbeThatTheDestinationRefusesIsFollowedByTheOneThatWaitsLongest() async {
        fail(1, .destination, forMs: 0)
        #expect(await gate.pass(1, untilNs: nil, clock: clock) == .atOnce, "the probe")
        let waiting = [await waiting(2), await waiting(3)]
        fail(1, .destination, forMs: 60_000)
        #expect(await waitedMs(waiting[0]) == 60_000, "at the time that it was told")
        fail(2, .destination, forMs: 10_000)
        #expect(await waitedMs(waiting[1]) == 10_000)
    }

    /// Others are stored: the probe's failure is its own, and no other waits for it.
    @Test func aProbeThatFailsByItselfIsFollowedAtOnce() async {
        fail(1, .request, forMs: 30)
        #expect(!gate.isClosed)
        fail(1, .destination, forMs: 0)
        #expect(await gate.pass(1, untilNs: nil, clock: clock) == .atOnce)
        let other = await waiting(2)
        fail(1, .request, forMs: 5_000)
        #expect(await other.value == .afterWaiting)
    }

    @Test func aSlotWithoutARequestIsNoProbe() async {
        fail(1, .destination, forMs: 0)
        let other = await waiting(2)
        gate.leave(3)
        gate.leave(1)
        #expect(await other.value == .afterWaiting)
        #expect(gate.isClosed)
        #expect(await gate.pass(2, untilNs: nil, clock: clock) == .atOnce, "it is the probe still")
        let first = await waiting(1)
        first.cancel()
        #expect(await first.value == .never)
        let third = await waiting(3)
        gate.leave(2)
        #expect(await third.value == .afterWaiting, "one that went away is not waited for")
    }

    @Test func aDrainTriesOnceWithoutWaiting() async {
        fail(1, .unclear, forMs: 60_000)
        let task = await waiting(2)
        gate.hurry()
        #expect(await task.value == .afterWaiting)
    }

    @Test func theDeadlineEndsTheWait() async {
        fail(1, .destination, forMs: 60_000)
        let untilNs = inMs(1_000)
        let task = await waiting(2, untilNs: untilNs)
        #expect(await waitedMs(task) == 1_000)
        #expect(await task.value == .never)
    }
}
