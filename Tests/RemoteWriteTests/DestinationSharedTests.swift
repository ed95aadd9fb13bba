import Configuration
import MetricModel
import Platform
import Synchronization
import Telemetry
import TestSupport
import Testing

@testable import RemoteWrite

/// A drain may begin between any two steps of a slot.
@Suite(.serialized) struct DestinationSharedTests {
    /// Calls something within one of the times that it is read, which it is between the steps of a slot.
    private final class CuedClock: AgentClock {
        private struct State {
            var readings = 0
            var cue: (reading: Int, call: @Sendable () -> Void)?
        }

        private let clock: ManualClock
        private let state = Mutex(State())

        init(_ clock: ManualClock) { self.clock = clock }

        /// Calls it in the reading with this number from now on; the first is 1.
        func call(atReading reading: Int, _ call: @escaping @Sendable () -> Void) {
            state.withLock { $0 = State(cue: (reading, call)) }
        }

        /// Calls it now if it was not called yet.
        func callNow() {
            let call = state.withLock { state in
                defer { state.cue = nil }
                return state.cue?.call
            }
            call?()
        }

        var wallMs: Int64 { clock.wallMs }

        var monotonicNs: UInt64 {
            let isDue = state.withLock { state in
                state.readings += 1
                return state.cue?.reading == state.readings
            }
            if isDue { callNow() }
            return clock.monotonicNs
        }

        func sleep(untilNs deadlineNs: UInt64) async throws { try await clock.sleep(untilNs: deadlineNs) }
    }

    /// Less than a batch waits, and would for an hour.
    @Test(arguments: 1...8) func aDrainEndsAWaitForABatchWheneverItBegins(reading: Int) async {
        let still = ManualClock(wallMs: 1_700_000_000_000)
        let clock = CuedClock(still)
        let store = BufferedDestination(clock: still)
        store.append([
            TestFrames.frame(TestFrames.target(job: "a"), count: 10, timestampMs: still.wallMs - 1_000)
        ])
        let configuration = RemoteWriteConfiguration(
            url: "http://receiver.example/api/v1/write", name: "main",
            queue: QueueConfiguration(
                maxShards: 1, minShards: 1, maxSamplesPerSend: 30, batchSendDeadlineMs: 3_600_000))
        let shared = DestinationShared(
            configuration: configuration, reader: store.reader,
            sender: RequestSender(
                configuration, http: FakeReceiver(), credentials: nil, region: nil, clock: clock),
            workers: WorkerPool(name: "test", threads: 1), clock: clock,
            metrics: RemoteWriteMetrics(configuration, registry: MetricRegistry()),
            logger: SaidLines().logger)
        clock.call(atReading: reading) { [still] in
            shared.beginDrain(untilNs: still.monotonicNs + 60_000_000_000)
        }
        let slot = SlotRunner(number: 0, shared: shared, seed: 1, spawn: {})
        let running = Task { await slot.run() }
        // The clock stands still: a wait that the drain does not end lasts for ever.
        for _ in 0..<1_000_000 {
            if slot.status.state == .stopped { break }
            // It waits after fewer readings.
            if shared.window.changed.waiterCount > 0 { clock.callNow() }
            await Task.yield()
        }
        #expect(slot.status.state == .stopped && store.delivered == 10 && store.isBalanced)
        running.cancel()
        await running.value
    }
}
