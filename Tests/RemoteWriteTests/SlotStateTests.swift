import Configuration
import Testing
import WriteAheadBuffer

@testable import RemoteWrite

struct SlotStateTests {
    private let now = SlotStateMachine.Moment(monotonicNs: 1_000_000_000, wallMs: 1_700_000_000_000)

    private func filling() -> SlotWalk {
        SlotWalk(
            SlotStateMachine(
                queue: QueueConfiguration(), age: SampleAge(configuredMs: 60_000, url: "http://receiver/"),
                seed: 1))
    }

    private func flying() -> SlotWalk {
        var slot = filling()
        let held = SlotStateMachine.Held(sampleCount: 10, newestMs: now.wallMs, mayBeStored: false)
        #expect(slot.collected(held, now) == .leave)
        #expect(slot.leaves(now) == .awaitAnswer)
        return slot
    }

    private func answered(_ status: Int) -> SlotWalk {
        var slot = flying()
        _ = slot.answered(.status(.init(status: status)), now)
        return slot
    }

    @Test(arguments: [
        (200, "settling"), (400, "settling"), (413, "settling"), (503, "pausing"), (429, "pausing"),
        (403, "held"), (404, "held"),
    ])
    func anAnswerSaysWhatIsNext(status: Int, next: String) {
        let slot = answered(status)
        #expect(slot.name == next)
        #expect(slot.request?.sampleCount == 10)
    }

    @Test func aRequestGoesRoundUntilItIsSettled() {
        var slot = filling()
        let held = SlotStateMachine.Held(sampleCount: 10, newestMs: now.wallMs, mayBeStored: false)
        _ = slot.collected(held, now)
        #expect(slot.name == "ready" && slot.request?.mayBeStored == false)
        _ = slot.leaves(now)
        #expect(slot.name == "in flight" && slot.request?.mayBeStored == false)
        _ = slot.answered(.unreachable, now)
        #expect(slot.name == "pausing" && slot.request?.mayBeStored == true)
        _ = slot.woke(now)
        #expect(slot.name == "ready" && slot.request?.mayBeStored == true)
        _ = slot.leaves(now)
        _ = slot.answered(.status(.init(status: 204)), now)
        #expect(slot.name == "settling")
        _ = slot.settled(now)
        #expect(slot.name == "filling" && slot.request == nil)
    }

    @Test func whatWaitedAtTheGateIsDecidedAnew() {
        var slot = filling()
        let held = SlotStateMachine.Held(sampleCount: 10, newestMs: now.wallMs, mayBeStored: false)
        #expect(slot.collected(held, now) == .leave && slot.waited(now) == .leave)
        var later = now
        later.agingMs += 60_001
        #expect(slot.waited(later) == .settle(.givenUp(reason: "too_old")))
    }

    /// The parts of what the receiver did not understand go again, and it has stored none of them.
    @Test func aRequestOfAMessageThatIsNotKnownIsPutBack() {
        var slot = flying()
        #expect(slot.messageChanged() == .putBack)
        #expect(slot.request?.mayBeStored == false && slot.machine.obstacle == nil)
        #expect(slot.settled(now) == .fill(samples: 5_000))
    }

    @Test func aDrainStopsItInWhateverState() {
        for status in [503, 404] {
            var slot = answered(status)
            slot.machine.drain(untilNs: now.monotonicNs)
            #expect(slot.woke(now) == .stop && slot.request == nil)
        }
        var settling = answered(200)
        settling.machine.drain(untilNs: now.monotonicNs)
        #expect(settling.settled(now) == .stop)
        for isCut in [false, true] {
            var slot = filling()
            let held = SlotStateMachine.Held(sampleCount: 10, newestMs: now.wallMs, mayBeStored: false)
            if isCut { #expect(slot.collected(held, now) == .leave) }
            slot.machine.drain(untilNs: now.monotonicNs)
            #expect((isCut ? slot.waited(now) : slot.collected(held, now)) == .stop)
        }
        var flies = flying()
        flies.machine.drain(untilNs: now.monotonicNs)
        #expect(flies.answered(.unreachable, now) == .stop)
    }

    /// A drain that begins after a wait was decided has to end the wait.
    @Test(arguments: [503, 404]) func aWaitTellsWhetherItWasDecidedUnderADrain(status: Int) {
        var slot = answered(status)
        slot.machine.drain(untilNs: now.monotonicNs + 1_000_000_000)
        #expect(slot.wait?.isUnderDrain == false)
        var drained = flying()
        drained.machine.drain(untilNs: now.monotonicNs + 1_000_000)
        #expect(
            drained.answered(.status(.init(status: status)), now)
                == .wait(untilNs: now.monotonicNs + 1_000_000))
        #expect(drained.wait?.isUnderDrain == true)
    }

    /// A receiver that fails is left its back-off by a drain that lasts longer. What people have to mend is
    /// tried at once, and so is a request whose back-off is longer than the drain.
    @Test func aDrainLeavesAReceiverThatFailsItsBackOff() {
        var failing = answered(503)
        let untilNs = failing.wait?.untilNs ?? 0
        failing.machine.drain(untilNs: untilNs + 1)
        #expect(failing.woke(now) == .wait(untilNs: untilNs))
        #expect(failing.wait?.isUnderDrain == true)
        var later = now
        later.monotonicNs = untilNs
        #expect(failing.woke(later) == .leave)
        for (status, deadlineNs) in [(503, untilNs), (404, now.monotonicNs + 3_600_000_000_000)] {
            var hurried = answered(status)
            hurried.machine.drain(untilNs: deadlineNs)
            #expect(hurried.woke(now) == .leave)
        }
    }

    /// Tries that end so while others are stored; how the fifth one ends.
    private func fifth(_ answer: ReceiverAnswer, storedElsewhere: Bool = true) -> SlotWalk.Step {
        var slot = flying()
        let storedNs = storedElsewhere ? now.monotonicNs + 1 : nil
        for _ in 0..<4 {
            _ = slot.answered(answer, succeededElsewhereNs: storedNs, now)
            slot.tryAgain(now)
        }
        return slot.answered(answer, succeededElsewhereNs: storedNs, now)
    }

    @Test(arguments: [500, 501, 502, 503, 504, 507, 520, 408])
    func aRequestThatFailsFiveTimesWhileOthersAreStoredIsHalved(status: Int) {
        #expect(fifth(.status(.init(status: status))) == .putBack)
        #expect(fifth(.status(.init(status: status)), storedElsewhere: false) != .putBack)
    }

    @Test func soIsOneThatBreaksItsConnectionOrTakesTooLong() {
        #expect(fifth(.unreachable) == .putBack)
        #expect(fifth(.unreachable, storedElsewhere: false) != .putBack)
    }

    @Test func aReceiverThatSaysWhenToComeBackIsNotBroken() {
        #expect(fifth(.status(.init(status: 503, retryAfterMs: 1_000))) != .putBack)
        #expect(fifth(.unconnected) != .putBack, "nothing was sent")
    }

    /// What the whole may have stored, its parts may have, too.
    @Test func thePartsOfARequestThatMayBeStoredMayBeStored() {
        func held(_ samples: Int, upTo offset: UInt64) -> SlotStateMachine.Held {
            .init(
                sampleCount: samples, newestMs: now.wallMs, mayBeStored: false,
                end: BufferPosition(segment: 1, offset: offset))
        }
        func refused(_ slot: inout SlotWalk, _ request: SlotStateMachine.Held) -> SlotWalk.Step {
            #expect(slot.collected(request, now) == .leave && slot.leaves(now) == .awaitAnswer)
            return slot.answered(.status(.init(status: 400, reason: .outOfOrder)), now)
        }
        var slot = filling()
        #expect(slot.collected(held(10, upTo: 100), now) == .leave && slot.leaves(now) == .awaitAnswer)
        for number in 0..<5 {
            if number > 0 { slot.tryAgain(now) }
            _ = slot.answered(.unreachable, succeededElsewhereNs: now.monotonicNs + 1, now)
        }
        for offset in [50, 100] as [UInt64] {
            #expect(slot.settled(now) == .fill(samples: 5))
            #expect(refused(&slot, held(5, upTo: offset)) == .settle(.delivered))
        }
        _ = slot.settled(now)
        slot.claimed()
        let other = refused(&slot, held(5, upTo: 90))
        #expect(other == .settle(.refused(reason: "sample_out_of_order")), "another claim")
    }
}
