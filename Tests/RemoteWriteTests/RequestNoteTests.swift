import Configuration
import MetricModel
import Platform
import Synchronization
import TestSupport
import Testing
import WriteAheadBuffer

@testable import RemoteWrite

/// What a cursor knows of requests that were cut smaller after they had left.
struct RequestNoteTests {
    private let fixture = WriterFixture()
    private let queue = QueueConfiguration(maxShards: 1, maxSamplesPerSend: 25)

    /// Six frames of ten samples, of targets of their own.
    private func store() -> BufferedDestination {
        let store = BufferedDestination(clock: fixture.clock)
        store.append((0..<6).flatMap { fixture.frames(1, series: 10, job: "job\($0)") })
        return store
    }

    /// A request that is too large is cut into parts, and the agent is killed while one of them flies: that
    /// part is made again, and never the whole.
    @Test func afterAKillThePartsOfWhatWasTooLargeGoAgain() async {
        let (store, receiver) = (store(), FakeReceiver())
        let parts = Mutex(0)
        receiver.judge { samples in
            guard samples.count <= 7 else { return .status(413) }
            let part = parts.withLock { parts in
                parts += 1
                return parts
            }
            return part == 2 ? .hang : nil
        }
        await fixture.run(fixture.writer(store, receiver, queue: queue)) { parts.withLock { $0 } == 2 }
        let bodies = receiver.bodies
        let again = store.afterCrash()
        let next = FakeReceiver()
        await fixture.run(fixture.writer(again, next, queue: queue)) { again.isAnswered }
        #expect(next.bodies.first == bodies.last && !next.bodies.contains(bodies[0]))
        #expect(again.delivered == 60 && again.dropped.isEmpty && again.isBalanced)
    }

    /// Of a claim that is several requests, the first is refused for a sample, and half of it flies when the
    /// agent is killed. The receiver cannot have stored what has not left: the cursor does not name it.
    @Test func whatHasNotLeftIsNotNoted() async throws {
        let (store, receiver) = (store(), FakeReceiver())
        let state = Mutex((stored: 0, left: 0, isSearched: false))
        receiver.judge { samples in
            state.withLock { state in
                // The first claim teaches how large a request may be.
                guard state.stored >= 25 else {
                    guard samples.count <= 7 else { return .status(413) }
                    state.stored += samples.count
                    return nil
                }
                guard state.left == 0 else {
                    state.isSearched = true
                    return .hang
                }
                state.left = samples.count
                return .status(400, body: "out of bounds")
            }
        }
        await fixture.run(fixture.writer(store, receiver, queue: queue)) { state.withLock { $0.isSearched } }
        let left = state.withLock { $0.left }
        #expect((2...7).contains(left), "less than the claim")
        let again = store.afterCrash()
        var noted = 0
        while let stored = try again.reader.next() {
            for request in again.reader.sent.values {
                noted += again.reader.samples(of: request, in: stored).reduce(0) { $0 + $1.count }
            }
        }
        #expect(noted == left)
    }

    /// The disk takes neither frames nor notes, and the receiver is up: what is scraped arrives in order, and
    /// the disk is used again once it is well.
    @Test(arguments: [1, 4]) func aDiskThatRefusesEveryWriteHoldsNothingUp(shards: Int) async throws {
        let (clock, store) = (fixture.clock, BufferedDestination(clock: fixture.clock))
        let receiver = FakeReceiver()
        var queue = QueueConfiguration(maxSamplesPerSend: 30)
        queue.maxShards = shards
        let sent = (0..<8).map { round in
            (0..<5).map { target in
                TestFrames.frame(
                    TestFrames.target(job: "node", [Label("instance", "\(target)"), Label("job", "node")]),
                    count: 10, timestampMs: clock.wallMs - 60_000 + Int64(round) * 1_000,
                    firstValue: Double(round))
            }
        }
        var round = 0
        await fixture.run(fixture.writer(store, receiver, queue: queue)) {
            // One round on a good disk, six on one that refuses, and one once it is well.
            if round == 1 { store.files.fail { _, _ in true } }
            if round == 7 { store.files.fail(nil) }
            store.keep()
            if round < 8 {
                store.append(sent[round])
                round += 1
                return false
            }
            return store.isAnswered
        }
        let arrived = try TestFrames.byTarget(
            receiver.bodies.flatMap { try ReferenceCodec.samples(ofBody: $0) })
        #expect(arrived == TestFrames.byTarget(sent.flatMap { $0 }.flatMap(\.samples)))
        #expect(store.delivered == 400 && store.dropped.isEmpty && store.isBalanced)
        store.keep()
        #expect(store.reader.memory.usedBytes(of: .frames) == 0)
    }
}
