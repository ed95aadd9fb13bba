import Agent
import Testing

@Suite(.timeLimit(.minutes(1))) struct StopSignalTests {
    @Test func workThatEndsIsNotDisturbed() async throws {
        let stop = StopSignal()
        #expect(try await stop.cancelling { () throws(AgentError) in 7 } == 7)
        await #expect(throws: AgentError.self) {
            try await stop.cancelling { () throws(AgentError) -> Int in throw AgentError(.refused, "no") }
        }
    }

    @Test func theSignalCancelsWhatIsUnderWay() async throws {
        let stop = StopSignal()
        let (began, begin) = AsyncStream.makeStream(of: Void.self)
        let (silence, nobody) = AsyncStream.makeStream(of: Void.self)
        defer { nobody.finish() }
        let work = Task {
            try await stop.cancelling { () throws(AgentError) -> Bool in
                begin.yield()
                // Nothing is ever said here: only the cancellation ends the wait.
                for await _ in silence {}
                return Task.isCancelled
            }
        }
        for await _ in began { break }
        stop.raise()
        #expect(try await work.value)
        #expect(stop.isRaised)
    }
}
