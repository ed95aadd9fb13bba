import Platform
import Synchronization
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1)))
struct ManualClockTests {
    private final class Woken: Sendable {
        let times = Mutex<[Int]>([])
    }

    @Test func standsStillUntilItIsMoved() {
        let clock = ManualClock(wallMs: 5_000)
        let beforeNs = clock.monotonicNs
        #expect(clock.wallMs == 5_000)
        clock.advance(ms: 250)
        #expect(clock.wallMs == 5_250)
        #expect(clock.monotonicNs - beforeNs == 250_000_000)
        clock.setWall(ms: 1)
        #expect(clock.wallMs == 1)
        #expect(clock.monotonicNs - beforeNs == 250_000_000)
    }

    @Test func sleepsAsAMachineDoes() {
        let clock = ManualClock(wallMs: 5_000)
        let (monotonicNs, elapsedNs) = (clock.monotonicNs, clock.elapsedNs)
        clock.suspend(ms: 250)
        #expect(clock.wallMs == 5_250)
        #expect(clock.elapsedNs - elapsedNs == 250_000_000)
        #expect(clock.monotonicNs == monotonicNs)
        clock.advance(ms: 1)
        #expect(clock.elapsedNs - elapsedNs == 251_000_000)
    }

    @Test func aDeadlineIsBoundedByWhatTheClockCounts() {
        let clock = ManualClock()
        #expect(clock.deadlineNs(inMs: 2) == clock.monotonicNs + 2_000_000)
        for passed in [0, -1, Int64.min] { #expect(clock.deadlineNs(inMs: passed) == clock.monotonicNs) }
        #expect(clock.deadlineNs(inMs: .max) == .max)
    }

    @Test func aPastDeadlineReturnsAtOnce() async throws {
        let clock = ManualClock()
        try await clock.sleep(untilNs: clock.monotonicNs)
        try await clock.sleep(untilNs: 0)
        try await clock.sleep(forMs: 0)
        try await clock.sleep(forMs: -5)
    }

    @Test func wakesInOrderAndOnlyWhoIsDue() async throws {
        let clock = ManualClock()
        let woken = Woken()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for ms in [30, 10, 20] {
                group.addTask {
                    try await clock.sleep(forMs: Int64(ms))
                    woken.times.withLock { $0.append(ms) }
                }
            }
            while clock.sleeperCount < 3 { await Task.yield() }
            clock.advance(ms: 9)
            #expect(clock.sleeperCount == 3)
            clock.advance(ms: 1)
            #expect(clock.sleeperCount == 2)
            while woken.times.withLock({ $0.count }) < 1 { await Task.yield() }
            #expect(woken.times.withLock { $0 } == [10])
            clock.advance(ms: 100)
            try await group.waitForAll()
        }
        #expect(woken.times.withLock { $0.sorted() } == [10, 20, 30])
        #expect(clock.sleeperCount == 0)
    }

    @Test func aCancelledSleepThrowsAndLeavesNobodyBehind() async throws {
        let clock = ManualClock()
        let task = Task { try await clock.sleep(forMs: 1_000) }
        while clock.sleeperCount < 1 { await Task.yield() }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(clock.sleeperCount == 0)
    }

    @Test func cancellationAndTimeMayMeet() async throws {
        // Whoever is first decides; each sleeper is resumed exactly once or the continuation traps.
        for _ in 0..<2_000 {
            let clock = ManualClock()
            let task = Task { try await clock.sleep(forMs: 1) }
            async let cancelled: Void = task.cancel()
            async let advanced: Void = clock.advance(ms: 1)
            _ = await (cancelled, advanced)
            // The task may have begun to sleep only after the clock moved.
            clock.advance(ms: 1)
            switch await task.result {
            case .success: break
            case .failure(let error): #expect(error is CancellationError)
            }
            #expect(clock.sleeperCount == 0)
        }
    }

    @Test func aTaskCancelledBeforehandDoesNotSleep() async throws {
        let clock = ManualClock()
        let (gate, open) = AsyncStream<Void>.makeStream()
        let task = Task {
            for await _ in gate { break }
            try await clock.sleep(forMs: 1_000)
        }
        task.cancel()
        open.yield()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(clock.sleeperCount == 0)
    }
}
