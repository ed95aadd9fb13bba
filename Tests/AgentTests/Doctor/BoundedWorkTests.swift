import Platform
import TestSupport
import Testing

@testable import Agent

struct BoundedWorkTests {
    @Test func whatIsDoneInTimeIsHad() async {
        let clock = ManualClock()
        #expect(await BoundedWork.value(untilNs: clock.deadlineNs(inMs: 1), clock: clock) { 7 } == 7)
    }

    @Test func whatHangsIsCancelledAndNotWaitedFor() async {
        let clock = ManualClock()
        let cancelled = Event()
        let never = Event()
        let waiting = Task {
            await BoundedWork.value(untilNs: clock.deadlineNs(inMs: 1_000), clock: clock) {
                await withTaskCancellationHandler {
                    // As a write to a disk that does not answer: it does not heed the cancellation.
                    _ = await Task.detached { await never.wait() }.value
                } onCancel: {
                    cancelled.signal()
                }
                return 7
            }
        }
        while clock.sleeperCount == 0 { await Task.yield() }
        clock.advance(ms: 1_000)
        #expect(await waiting.value == nil)
        await cancelled.wait()
        never.signal()
    }
}
