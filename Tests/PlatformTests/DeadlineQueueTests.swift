import Synchronization
import Testing

@testable import Platform

@Suite(.timeLimit(.minutes(1)))
struct DeadlineQueueTests {
    private let clock = SystemClock()

    private func queue() throws -> DeadlineQueue {
        let queue = DeadlineQueue()
        try #require(queue.begin())
        return queue
    }

    @Test func deadlinesPassInTheirOrderAndNotBefore() async throws {
        let queue = try queue()
        let passed = Mutex<[Int]>([])
        let done = Event()
        let startNs = clock.monotonicNs
        // The later ones are added first, so that each of them wakes the thread.
        for number in (1...5).reversed() {
            let deadlineNs = startNs + UInt64(number) * 5_000_000
            _ = queue.add(deadlineNs) { [clock] in
                #expect(clock.monotonicNs >= deadlineNs)
                passed.withLock { $0.append(number) }
                done.signal()
            }
        }
        while done.count < 5 { await done.wait(after: done.count) }
        #expect(passed.withLock { $0 } == [1, 2, 3, 4, 5])
        #expect(queue.count == 0)
    }

    @Test func whatIsTakenOutDoesNotPass() async throws {
        let queue = try queue()
        let (kept, done) = (Event(), Event())
        let soonNs = clock.monotonicNs + 20_000_000
        let early = queue.add(soonNs) { kept.signal() }
        let twin = queue.add(soonNs) { done.signal() }
        queue.remove(early)
        // Taken out already: nothing happens.
        queue.remove(early)
        await done.wait()
        queue.remove(twin)
        #expect(!kept.isSignalled && queue.count == 0)
    }

    @Test func aDeadlineThatHasPassedIsCalledAtOnce() async throws {
        let queue = try queue()
        let done = Event()
        _ = queue.add(0) { done.signal() }
        // One that nobody lives to see stays.
        let never = queue.add(.max) {}
        await done.wait()
        #expect(queue.count == 1)
        queue.remove(never)
    }

    /// The way that waits on events take with the kernel's clock.
    @Test func aWaitEndsBySignalDeadlineOrCancellation() async {
        let event = Event()
        #expect(await event.wait(untilNs: clock.monotonicNs + 5_000_000, clock: clock) == .deadline)
        let waiting = Task { await event.wait(untilNs: .max, clock: clock) }
        while event.waiterCount == 0 { await Task.yield() }
        waiting.cancel()
        #expect(await waiting.value == .cancelled)
        async let signalled = event.wait(untilNs: .max, clock: clock)
        while event.waiterCount == 0 { await Task.yield() }
        event.signal()
        #expect(await signalled == .signalled)
        #expect(event.waiterCount == 0)
    }

    /// Signals and deadlines that come at the same time: each wait ends once, and nothing is left behind.
    @Test func signalsRaceWithDeadlines() async {
        let event = Event()
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<2_000 {
                group.addTask {
                    let untilNs = clock.monotonicNs + UInt64(number % 20) * 50_000
                    await event.wait(after: event.count, untilNs: untilNs, clock: clock)
                }
                if number % 10 == 0 { group.addTask { event.signal() } }
            }
        }
        #expect(event.waiterCount == 0)
    }
}
