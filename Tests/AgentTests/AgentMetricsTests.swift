import Synchronization
import Telemetry
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

    /// The books move on at each look at them.
    @Test func thePageShowsTheLedgerOfOneMoment() throws {
        let registry = MetricRegistry()
        let looks = Mutex(UInt64(0))
        AgentMetrics.registerLedger(in: registry) {
            let look = looks.withLock { looks in
                looks += 1
                return looks
            }
            var ledger = BufferLedger()
            ledger.jobs = ["node": 100 * look]
            var books = DestinationLedger()
            books.outcome = JobOutcome(delivered: 60 * look, dropped: ["bad_request": 10 * look])
            books.buffered = 25 * look
            books.earlier = Int64(5 * look)
            ledger.destinations["main"] = ["node": books]
            return ledger
        }
        for page in 1...2 {
            let text = registry.render()
            #expect(
                text.contains(
                    "# HELP narthex_ledger_buffered_samples Samples on disk, or in memory while the disk "
                        + "takes none, that the destination has not answered for.\n"))
            let lines = text.split(separator: "\n").filter { !$0.hasPrefix("#") }
            let values = lines.compactMap { $0.split(separator: " ").last.flatMap { Double($0) } }
            #expect(values.count == 5 && values.reduce(0, +) == Double(200 * page), "\(lines)")
        }
    }
}
