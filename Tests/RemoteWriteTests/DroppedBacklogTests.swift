import Configuration
import Platform
import Synchronization
import TestSupport
import Testing

@testable import RemoteWrite

/// What else is to be done on a worker while a slot drops a backlog.
@Suite(.timeLimit(.minutes(1)))
struct DroppedBacklogTests {
    /// Looks again and again, as work of the pool, how much is dropped.
    private final class Looker: Sendable {
        private let store: BufferedDestination
        private let workers: WorkerPool
        private let isOver = Mutex(false)
        /// What the first look has found that has found anything.
        let first = Mutex<UInt64?>(nil)

        init(_ store: BufferedDestination, _ workers: WorkerPool) {
            self.store = store
            self.workers = workers
        }

        func look() {
            workers.post { [self] in
                let dropped = store.dropped[DropReason.tooOld] ?? 0
                guard dropped == 0, !isOver.withLock({ $0 }) else { return first.withLock { $0 = dropped } }
                look()
            }
        }

        func end() { isOver.withLock { $0 = true } }
    }

    /// A slot that drops one batch after the other waits for nothing, and is on a worker all the time.
    @Test func otherWorkOfTheWorkerIsDoneWhileABacklogIsDropped() async {
        let fixture = WriterFixture()
        let store = BufferedDestination(clock: fixture.clock)
        let target = TestFrames.target()
        store.append(
            (0..<50).map {
                TestFrames.frame(
                    target, count: 10, timestampMs: fixture.clock.wallMs - 10_000_000 + Int64($0))
            })
        let looker = Looker(store, fixture.workers)
        looker.look()
        let queue = QueueConfiguration(
            maxShards: 1, minShards: 1, maxSamplesPerSend: 10, sampleAgeLimitMs: 3_600_000)
        await fixture.run(fixture.writer(store, FakeReceiver(), queue: queue)) { store.isAnswered }
        looker.end()
        await fixture.workers.run {}
        #expect(store.dropped == [DropReason.tooOld: 500] && store.isBalanced)
        #expect(looker.first.withLock { $0 } == 10, "looked after the first batch")
    }
}
