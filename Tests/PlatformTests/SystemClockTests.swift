import Platform
import Testing

@Suite(.timeLimit(.minutes(1)))
struct SystemClockTests {
    let clock = SystemClock()

    @Test func showsTheTimeOfOurDays() {
        #expect(clock.wallMs > Timestamp.ms(year: 2025, month: 1, day: 1))
        let firstNs = clock.monotonicNs
        #expect(clock.monotonicNs >= firstNs)
    }

    @Test func sleepsNoShorterThanAsked() async throws {
        let deadlineNs = clock.monotonicNs + 5_000_000
        try await clock.sleep(untilNs: deadlineNs)
        #expect(clock.monotonicNs >= deadlineNs)
    }

    @Test func aPastDeadlineStillSeesTheCancellation() async throws {
        let clock = clock
        let task = Task {
            while !Task.isCancelled { await Task.yield() }
            try await clock.sleep(untilNs: 0)
        }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    @Test(arguments: [UInt64.max, UInt64(Int64.max), 1 << 62]) func theEndOfTimeDoesNotTrap(
        deadlineNs: UInt64
    ) async {
        let clock = clock
        let task = Task { try await clock.sleep(untilNs: deadlineNs) }
        for _ in 0..<100 { await Task.yield() }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    @Test func theLongestDurationDoesNotTrap() async {
        let clock = clock
        let task = Task { try await clock.sleep(forMs: .max) }
        for _ in 0..<100 { await Task.yield() }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }
}
