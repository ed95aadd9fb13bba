import Testing

@testable import RemoteWrite

@Suite struct GateTests {
    @Test func waitersGoOnOnceItOpensAndWhenCancelled() async {
        let gate = Gate()
        let cancelled = Task { await gate.wait() }
        cancelled.cancel()
        await cancelled.value
        let waiting = Task { await gate.wait() }
        await Task.yield()
        gate.open()
        await waiting.value
        await gate.wait()
        #expect(gate.isOpen)
    }

    @Test func aRaceEndsWithItsBodyOrTheGate() async {
        let gate = Gate()
        await gate.race {}
        let other = Gate()
        let racing = Task { await gate.race { await other.wait() } }
        await Task.yield()
        gate.open()
        await racing.value
        #expect(!other.isOpen)
    }
}
