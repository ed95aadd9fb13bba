import Platform
import Synchronization
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct SharedFlightTests {
    /// Work that counts its runs and ends when it is let. Cancelled, it ends when it is let do that.
    private final class Work: Sendable {
        let go = Event()
        let mayEndCancelled = Event()
        private let counts = Mutex((begun: 0, cancelled: 0))

        var begun: Int { counts.withLock { $0.begun } }
        var cancelled: Int { counts.withLock { $0.cancelled } }

        /// The number of the run.
        func run() async -> Int {
            let number = counts.withLock { counts in
                counts.begun += 1
                return counts.begun
            }
            if await go.wait() == .cancelled {
                while !mayEndCancelled.isSignalled { await Task.yield() }
                counts.withLock { $0.cancelled += 1 }
            }
            return number
        }
    }

    private let clock = ManualClock()

    private func ask(_ flight: SharedFlight<Int>, _ work: Work, untilNs: UInt64 = .max) -> Task<Int?, Never> {
        Task {
            guard case .value(let value) = await flight.value(untilNs: untilNs, clock: clock, of: work.run)
            else { return nil }
            return value
        }
    }

    private func callers(_ flight: SharedFlight<Int>, _ count: Int) async {
        while flight.callerCount != count { await Task.yield() }
    }

    @Test func allWhoComeWhileItRunsShareOneRun() async {
        let (flight, work) = (SharedFlight<Int>(), Work())
        let askers = (0..<50).map { _ in ask(flight, work) }
        await callers(flight, 50)
        #expect(flight.isRunning)
        work.go.signal()
        for asker in askers { #expect(await asker.value == 1) }
        #expect(!flight.isRunning && flight.callerCount == 0)
        #expect(await ask(flight, work).value == 2, "what has ended is not joined")
    }

    @Test func theFirstCallersCancellationLeavesTheRunToTheOthers() async {
        let (flight, work) = (SharedFlight<Int>(), Work())
        let first = ask(flight, work)
        await callers(flight, 1)
        let second = ask(flight, work)
        await callers(flight, 2)
        first.cancel()
        #expect(await first.value == nil)
        #expect(flight.callerCount == 1 && flight.isRunning)
        work.go.signal()
        #expect(await second.value == 1)
        #expect(work.begun == 1 && work.cancelled == 0)
    }

    @Test func whatNobodyWaitsForIsCancelledAndNotJoined() async {
        let (flight, work) = (SharedFlight<Int>(), Work())
        let only = ask(flight, work)
        while work.begun == 0 { await Task.yield() }
        only.cancel()
        #expect(await only.value == nil)
        #expect(!flight.isRunning && flight.callerCount == 0)
        let next = ask(flight, work)
        while work.begun == 1 { await Task.yield() }
        #expect(work.cancelled == 0, "the next run does not wait for the end of the one before")
        work.mayEndCancelled.signal()
        while work.cancelled == 0 { await Task.yield() }
        #expect(flight.isRunning, "the end of the run that nobody waits for is not the next one's")
        work.go.signal()
        #expect(await next.value == 2)
    }

    @Test func aDeadlineIsItsCallersAlone() async {
        let (flight, work) = (SharedFlight<Int>(), Work())
        let short = ask(flight, work, untilNs: clock.deadlineNs(inMs: 5))
        let long = ask(flight, work)
        await callers(flight, 2)
        while clock.sleeperCount < 2 { await Task.yield() }
        clock.advance(ms: 5)
        #expect(await short.value == nil)
        work.go.signal()
        #expect(await long.value == 1)
        #expect(clock.sleeperCount == 0)
    }

    /// Callers come, are cancelled and end in every order; whoever stays gets a value.
    @Test func callersThatComeAndGoEndOnceEach() async {
        let pool = WorkerPool(name: "race", threads: 2)
        let flight = SharedFlight<Int>()
        for round in 0..<800 {
            let work = Work()
            work.mayEndCancelled.signal()
            let stays = ask(flight, work)
            let goes = [ask(flight, work), ask(flight, work)]
            if round % 3 == 0 { await Task.yield() }
            pool.post { for asker in goes { asker.cancel() } }
            pool.post { work.go.signal() }
            #expect(await stays.value != nil)
            for asker in goes { _ = await asker.value }
            #expect(flight.callerCount == 0 && !flight.isRunning)
        }
    }
}
