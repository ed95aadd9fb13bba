import Platform
import Synchronization
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct EventTests {
    /// Returns once so many tasks wait.
    private func waiters(_ event: Event, _ count: Int) async {
        while event.waiterCount != count { await Task.yield() }
    }

    // MARK: Signals

    @Test func aSignalBeforeTheWaitEndsItAtOnce() async {
        let event = Event()
        #expect(!event.isSignalled && event.count == 0)
        event.signal()
        #expect(event.isSignalled && event.count == 1)
        #expect(await event.wait() == .signalled)
        #expect(await event.wait() == .signalled, "a latch stays open")
        #expect(event.waiterCount == 0)
    }

    @Test func oneSignalFromAThreadEndsEveryWait() async {
        let event = Event()
        let pool = WorkerPool(name: "signaller", threads: 1)
        await withTaskGroup(of: Event.Outcome.self) { group in
            for _ in 0..<200 { group.addTask { await event.wait() } }
            await waiters(event, 200)
            pool.post { event.signal() }
            for await outcome in group { #expect(outcome == .signalled) }
        }
        #expect(event.waiterCount == 0)
    }

    @Test func aChangeSinceTheCountWasReadIsNotLost() async {
        let event = Event()
        event.signal()
        let seen = event.count
        event.signal()
        #expect(await event.wait(after: seen) == .signalled)
        let now = event.count
        let waiting = Task { await event.wait(after: now) }
        await waiters(event, 1)
        event.signal()
        #expect(await waiting.value == .signalled)
        #expect(event.count == 3)
    }

    /// Four threads signal 20,000 times in all; one task counts, looking anew after each wait. A signal that
    /// gets lost between its look and its wait leaves it waiting for ever.
    @Test func aStormOfSignalsLosesNone() async {
        let event = Event()
        let done = Mutex(0)
        let pool = WorkerPool(name: "storm", threads: 4)
        for _ in 0..<4 {
            pool.post {
                for _ in 0..<5_000 {
                    done.withLock { $0 += 1 }
                    event.signal()
                }
            }
        }
        while true {
            let seen = event.count
            if done.withLock({ $0 }) == 20_000 { break }
            #expect(await event.wait(after: seen) == .signalled)
        }
        await pool.run {}
        #expect(event.waiterCount == 0)
    }

    /// A clock that does something when it is read: a wait with a deadline reads it between its first look at
    /// the count and its registration.
    private struct HookedClock: AgentClock {
        let read: @Sendable () -> Void
        let wallMs: Int64 = 0

        var monotonicNs: UInt64 {
            read()
            return 0
        }

        func sleep(untilNs deadlineNs: UInt64) async throws {
            try await ManualClock().sleep(untilNs: deadlineNs)
        }
    }

    @Test func aSignalBeforeTheRegistrationIsNotLost() async {
        let event = Event()
        let clock = HookedClock { event.signal() }
        #expect(await event.wait(untilNs: .max, clock: clock) == .signalled)
        #expect(event.waiterCount == 0)
    }

    // MARK: Cancellation

    @Test func aCancelledTaskDoesNotBeginToWait() async {
        let event = Event()
        let clock = ManualClock()
        await withTaskGroup(of: Event.Outcome.self) { group in
            group.cancelAll()
            group.addTask { await event.wait() }
            group.addTask { await event.wait(untilNs: .max, clock: clock) }
            for await outcome in group { #expect(outcome == .cancelled) }
        }
        #expect(event.waiterCount == 0 && clock.sleeperCount == 0)
    }

    @Test func aCancellationBeforeTheRegistrationIsSeen() async {
        let (event, reached) = (Event(), Event())
        let clock = HookedClock {
            reached.signal()
            while !Task.isCancelled {}
        }
        let waiting = Task { await event.wait(untilNs: .max, clock: clock) }
        let pool = WorkerPool(name: "canceller", threads: 1)
        pool.post {
            while !reached.isSignalled {}
            waiting.cancel()
        }
        #expect(await waiting.value == .cancelled)
        #expect(event.waiterCount == 0)
    }

    @Test func aCancellationEndsItsOwnWaitAlone() async {
        let event = Event()
        let first = Task { await event.wait() }
        let second = Task { await event.wait() }
        await waiters(event, 2)
        first.cancel()
        #expect(await first.value == .cancelled)
        #expect(event.waiterCount == 1, "nothing is left of the wait that was cancelled")
        event.signal()
        #expect(await second.value == .signalled)
    }

    @Test func aSignalThatCameFirstWinsOverACancellation() async {
        let event = Event()
        let waiting = Task { await event.wait() }
        await waiters(event, 1)
        event.signal()
        waiting.cancel()
        #expect(await waiting.value == .signalled)
        await withTaskGroup(of: Event.Outcome.self) { group in
            group.cancelAll()
            group.addTask { await event.wait() }
            for await late in group { #expect(late == .signalled) }
        }
        #expect(event.waiterCount == 0)
    }

    /// A signal from a thread, a cancellation and the registration of the wait meet in every order.
    @Test func cancellationsAgainstSignalsEndEveryWaitOnce() async {
        let pool = WorkerPool(name: "race", threads: 2)
        var cancelled = 0
        for round in 0..<3_000 {
            let event = Event()
            let waiting = Task { await event.wait() }
            if round % 3 == 0 { await Task.yield() }
            if round % 2 == 0 { pool.post { event.signal() } }
            pool.post { waiting.cancel() }
            let outcome = await waiting.value
            #expect(outcome == .cancelled || round % 2 == 0)
            if outcome == .cancelled { cancelled += 1 }
            #expect(event.waiterCount == 0)
        }
        #expect(cancelled >= 1_500, "the rounds without a signal end by their cancellation")
    }

    // MARK: Deadlines

    @Test func aDeadlineEndsTheWaitWhenTheClockReachesIt() async {
        let event = Event()
        let clock = ManualClock()
        let deadlineNs = clock.deadlineNs(inMs: 10)
        let waiting = Task { await event.wait(untilNs: deadlineNs, clock: clock) }
        while clock.sleeperCount == 0 { await Task.yield() }
        clock.advance(ms: 9)
        #expect(event.waiterCount == 1)
        clock.advance(ms: 1)
        #expect(await waiting.value == .deadline)
        #expect(await event.wait(untilNs: deadlineNs, clock: clock) == .deadline, "it is over already")
        #expect(event.waiterCount == 0 && clock.sleeperCount == 0)
    }

    @Test func aSignalOrACancellationEndsAWaitWithADeadlineAndItsSleep() async {
        let event = Event()
        let clock = ManualClock()
        let first = Task { await event.wait(untilNs: .max, clock: clock) }
        while clock.sleeperCount == 0 { await Task.yield() }
        first.cancel()
        #expect(await first.value == .cancelled)
        #expect(event.waiterCount == 0 && clock.sleeperCount == 0)
        let second = Task { await event.wait(untilNs: .max, clock: clock) }
        while clock.sleeperCount == 0 { await Task.yield() }
        event.signal()
        #expect(await second.value == .signalled)
        #expect(event.waiterCount == 0 && clock.sleeperCount == 0)
        #expect(await event.wait(untilNs: 0, clock: clock) == .signalled, "a signal wins over a deadline")
    }

    @Test func deadlinesAgainstSignalsEndEveryWaitOnce() async {
        let pool = WorkerPool(name: "race", threads: 2)
        for round in 0..<1_000 {
            let event = Event()
            let clock = ManualClock()
            let deadlineNs = clock.deadlineNs(inMs: 1)
            let waiting = Task { await event.wait(untilNs: deadlineNs, clock: clock) }
            if round % 3 == 0 { await Task.yield() }
            if round % 2 == 0 { pool.post { event.signal() } }
            pool.post { clock.advance(ms: 1) }
            let outcome = await waiting.value
            #expect(outcome == .deadline || (outcome == .signalled && round % 2 == 0))
            #expect(event.waiterCount == 0 && clock.sleeperCount == 0)
        }
    }

    // MARK: Life

    @Test func aWaitKeepsItsEventAliveAndTheEndOfItLetsGo() async {
        var event: Event? = Event()
        weak let kept = event
        let waiting = Task { [event] in await event?.wait() }
        while event?.waiterCount == 0 { await Task.yield() }
        event = nil
        #expect(kept != nil)
        waiting.cancel()
        #expect(await waiting.value == .cancelled)
        // The closure of a finished task is let go a moment later.
        while kept != nil { await Task.yield() }
    }

    // MARK: Work under an event

    private struct Refusal: Error {}

    @Test func workThatEndsIsNotDisturbed() async throws {
        let event = Event()
        #expect(await event.cancelling { 7 } == 7)
        await #expect(throws: Refusal.self) {
            try await event.cancelling { () throws(Refusal) -> Int in throw Refusal() }
        }
        #expect(event.waiterCount == 0 && !event.isSignalled)
    }

    @Test func aSignalCancelsTheWorkAndWaitsForIt() async {
        let event = Event()
        let never = Event()
        let work = Task { await event.cancelling { (await never.wait(), Task.isCancelled) } }
        while never.waiterCount == 0 { await Task.yield() }
        event.signal()
        #expect(await work.value == (.cancelled, true))
        #expect(await event.cancelling { await never.wait() } == .cancelled, "signalled before it began")
        #expect(never.waiterCount == 0)
    }

    @Test func theCallersCancellationCancelsTheWork() async {
        let event = Event()
        let never = Event()
        let work = Task { await event.cancelling { await never.wait() } }
        while never.waiterCount == 0 { await Task.yield() }
        work.cancel()
        #expect(await work.value == .cancelled)
        #expect(event.waiterCount == 0 && never.waiterCount == 0)
    }
}
