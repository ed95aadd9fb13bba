import Synchronization
import TestSupport
import Testing

@testable import RemoteWrite

struct DestinationGateTests {
    private let clock = ManualClock()

    @Test func theFirstToFindItClosedIsTheProbeAndTheOthersWaitForItsAnswer() async {
        let gate = DestinationGate()
        #expect(await gate.pass(1, untilNs: nil, clock: clock) == .atOnce)
        gate.close(by: 1)
        gate.close(by: 2)
        #expect(gate.isClosed)
        #expect(await gate.pass(1, untilNs: nil, clock: clock) == .atOnce, "the probe")
        let passed = Mutex<[DestinationGate.Passage]>([])
        let waiting = Task {
            let passage = await gate.pass(2, untilNs: nil, clock: clock)
            passed.withLock { $0.append(passage) }
        }
        for _ in 0..<100 { await Task.yield() }
        #expect(passed.withLock { $0 } == [])
        gate.open()
        await waiting.value
        #expect(passed.withLock { $0 } == [.afterWaiting])
        #expect(!gate.isClosed)
    }

    @Test func whereTheProbeEndsOrHandsOnAnotherIsTheProbe() async {
        for handsOn in [false, true] {
            let gate = DestinationGate()
            gate.close(by: 1)
            let waiting = Task { await gate.pass(2, untilNs: nil, clock: clock) }
            for _ in 0..<100 { await Task.yield() }
            if handsOn { gate.handOn(1) } else { gate.leave(1) }
            #expect(await waiting.value == .afterWaiting)
            #expect(gate.isClosed)
            gate.leave(3)
            #expect(await gate.pass(2, untilNs: nil, clock: clock) == .atOnce, "it is the probe still")
            let first = Task { await gate.pass(1, untilNs: nil, clock: clock) }
            for _ in 0..<100 { await Task.yield() }
            first.cancel()
            #expect(await first.value == .never)
        }
    }
}
