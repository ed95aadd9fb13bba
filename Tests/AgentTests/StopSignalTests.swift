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
        let work = Task {
            try await stop.cancelling { () throws(AgentError) -> Bool in
                begin.yield()
                // An hour, or the cancellation.
                return (try? await Task.sleep(for: .seconds(3_600))) == nil
            }
        }
        for await _ in began { break }
        stop.raise()
        #expect(try await work.value)
        #expect(stop.isRaised)
    }
}
