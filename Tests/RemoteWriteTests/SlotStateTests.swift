import Configuration
import Testing

@testable import RemoteWrite

struct SlotStateTests {
    private let now = LaneStateMachine.Moment(monotonicNs: 1_000_000_000, wallMs: 1_700_000_000_000)

    private func cut(_ lessons: DestinationLessons = DestinationLessons()) -> LaneStateMachine {
        var machine = LaneStateMachine(
            queue: QueueConfiguration(), age: SampleAge(configuredMs: 60_000, url: "http://receiver/"),
            seed: 1,
            lessons: lessons)
        _ = machine.collected(.init(sampleCount: 10, newestMs: now.wallMs, mayBeStored: false), now)
        return machine
    }

    private func answered(_ status: Int) -> LaneStateMachine {
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
}
