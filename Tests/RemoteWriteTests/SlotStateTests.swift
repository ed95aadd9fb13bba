import Configuration
import Testing
import WriteAheadBuffer

@testable import RemoteWrite

struct SlotStateTests {
    private let now = SlotStateMachine.Moment(monotonicNs: 1_000_000_000, wallMs: 1_700_000_000_000)

    private func cut(_ lessons: DestinationLessons = DestinationLessons()) -> SlotStateMachine {
        var machine = SlotStateMachine(
            queue: QueueConfiguration(), age: SampleAge(configuredMs: 60_000, url: "http://receiver/"),
            seed: 1,
            lessons: lessons)
        _ = machine.collected(.init(sampleCount: 10, newestMs: now.wallMs, mayBeStored: false), now)
        return machine
    }

    private func answered(_ status: Int) -> SlotStateMachine {
        var machine = cut()
        _ = machine.answered(.status(.init(status: status)), succeededElsewhereNs: nil, now)
        return machine
    }

    private func name(_ state: SlotState) -> String {
        switch state {
        case .filling: "filling"
        case .ready: "ready"
        case .pausing: "pausing"
        case .held: "held"
        case .settling: "settling"
        case .stopped: "stopped"
        }
    }

    @Test(arguments: [
        (200, "settling"), (400, "settling"), (413, "settling"), (503, "pausing"), (429, "pausing"),
        (403, "held"),
        (404, "held"),
    ])
    func anAnswerSaysWhatIsNext(status: Int, next: String) {
        let machine = answered(status)
        #expect(name(machine.state) == next)
        #expect(machine.held?.sampleCount == 10)
    }

    @Test func aRequestGoesRoundUntilItIsSettled() {
        var machine = cut()
        #expect(name(machine.state) == "ready")
        _ = machine.answered(.unreachable, succeededElsewhereNs: nil, now)
        #expect(name(machine.state) == "pausing" && machine.held?.mayBeStored == true)
        _ = machine.woke(now)
        #expect(name(machine.state) == "ready" && machine.held?.mayBeStored == true)
        _ = machine.answered(.status(.init(status: 204)), succeededElsewhereNs: nil, now)
        #expect(name(machine.state) == "settling")
        _ = machine.settled(now)
        #expect(machine.state == .filling && machine.held == nil)
    }

    @Test func aDrainStopsItInWhateverState() {
        for status in [503, 404] {
            var machine = answered(status)
            machine.drain(untilNs: now.monotonicNs)
            _ = machine.woke(now)
            #expect(machine.state == .stopped && machine.held == nil)
        }
        var settling = answered(200)
        settling.drain(untilNs: now.monotonicNs)
        _ = settling.settled(now)
        #expect(settling.state == .stopped)
    }

    /// Tries that end so while others are stored; how the fifth one ends.
    private func fifth(_ answer: ReceiverAnswer, storedElsewhere: Bool = true) -> SlotStateMachine.Action {
        var machine = cut()
        var action = SlotStateMachine.Action.stop
        for _ in 0..<5 {
            action = machine.answered(
                answer, succeededElsewhereNs: storedElsewhere ? now.monotonicNs + 1 : nil, now)
        }
        return action
    }

    @Test(arguments: [500, 501, 502, 503, 504, 507, 520, 408])
    func aRequestThatFailsFiveTimesWhileOthersAreStoredIsHalved(status: Int) {
        #expect(fifth(.status(.init(status: status))) == .split)
        #expect(fifth(.status(.init(status: status)), storedElsewhere: false) != .split)
    }

    @Test func soIsOneThatBreaksItsConnectionOrTakesTooLong() {
        #expect(fifth(.unreachable) == .split)
        #expect(fifth(.unreachable, storedElsewhere: false) != .split)
    }

    @Test func aReceiverThatSaysWhenToComeBackIsNotBroken() {
        #expect(fifth(.status(.init(status: 503, retryAfterMs: 1_000))) != .split)
        #expect(fifth(.unconnected) != .split, "nothing was sent")
    }

    /// What the whole may have stored, its parts may have, too.
    @Test func thePartsOfARequestThatMayBeStoredMayBeStored() {
        func held(_ samples: Int, upTo offset: UInt64) -> SlotStateMachine.Held {
            .init(
                sampleCount: samples, newestMs: now.wallMs, mayBeStored: false,
                end: BufferPosition(segment: 1, offset: offset))
        }
        func refused(_ machine: inout SlotStateMachine) -> SlotStateMachine.Action {
            machine.answered(
                .status(.init(status: 400, reason: .outOfOrder)), succeededElsewhereNs: nil, now)
        }
        var machine = cut()
        _ = machine.collected(held(10, upTo: 100), now)
        for _ in 0..<5 {
            _ = machine.answered(.unreachable, succeededElsewhereNs: now.monotonicNs + 1, now)
        }
        for offset in [50, 100] as [UInt64] {
            _ = machine.settled(now)
            _ = machine.collected(held(5, upTo: offset), now)
            #expect(refused(&machine) == .settle(.delivered))
        }
        _ = machine.settled(now)
        machine.claimed()
        _ = machine.collected(held(5, upTo: 90), now)
        #expect(refused(&machine) == .settle(.refused(reason: "sample_out_of_order")), "another claim")
    }
}
