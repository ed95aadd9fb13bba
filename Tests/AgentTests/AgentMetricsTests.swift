import Testing
import WriteAheadBuffer

@testable import Agent

struct AgentMetricsTests {
    @Test func aJobThatIsGoneHasNoRowOnceNothingOfItWaits() {
        var ledger = BufferLedger()
        ledger.jobs = ["runs": 3, "waits": 2, "gone": 1]
        for (destination, waiting) in [("a", UInt64(0)), ("b", 2)] {
            var books: [String: DestinationLedger] = [:]
            for job in ledger.jobs.keys { books[job] = DestinationLedger() }
            books["waits"]?.buffered = waiting
            ledger.destinations[destination] = books
        }
        let shown = AgentMetrics.shown(ledger, jobs: ["runs"])
        #expect(shown.jobs == ["runs": 3, "waits": 2])
        #expect(
            shown.destinations.mapValues { $0.keys.sorted() } == [
                "a": ["runs", "waits"], "b": ["runs", "waits"],
            ])
        #expect(AgentMetrics.shown(ledger, jobs: ["runs", "gone"]).jobs == ledger.jobs)
    }
}
