import AWS
import Configuration
import HTTPTransport
import MetricModel
import Platform
import Synchronization
import Telemetry
import TestSupport
import Testing
import WriteAheadBuffer

@testable import RemoteWrite

/// What slots do together that none of them does alone: nothing stands still for ever.
@Suite(.serialized) struct SlotRunnerTests {
    /// Answers each request when the test says so.
    private final class CuedReceiver: HTTPPerforming {
        private struct Asked: Sendable {
            let samples: [SentSample]
            let event: Event
            var answer: FakeReceiver.Answer?
        }

        private let asked = Mutex<[Asked]>([])

        var count: Int { asked.withLock { $0.count } }

        /// The request whose first sample has this job; nil when none waits.
        func waiting(ofJob job: String) -> Int? {
            asked.withLock { asked in
                asked.firstIndex {
                    $0.answer == nil && $0.samples.first?.labels.contains(Label("job", job)) == true
                }
            }
        }

        func answer(_ index: Int, _ answer: FakeReceiver.Answer) {
            let event = asked.withLock { asked in
                asked[index].answer = answer
                return asked[index].event
            }
            event.signal()
        }

        func perform(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse {
            let samples = (try? ReferenceCodec.samples(ofBody: request.body)) ?? []
            let event = Event()
            let index = asked.withLock { asked in
                asked.append(Asked(samples: samples, event: event))
                return asked.count - 1
            }
            guard await event.wait() == .signalled else { throw HTTPError(.cancelled, "cancelled") }
            switch asked.withLock({ $0[index].answer }) {
            case .status(let status, let headers, let body):
                return HTTPResponse(
                    status: status, headers: HTTPHeaders(headers), body: HTTPBody(Array(body.utf8)))
            case .error(let code): throw HTTPError(code, "on cue")
            case .hang, nil: throw HTTPError(.cancelled, "cancelled")
            }
        }
    }

    private let clock = ManualClock(wallMs: 1_700_000_000_000)

    private func writer(
        _ store: BufferedDestination, _ receiver: any HTTPPerforming, samples: Int = 10, shards: Int,
        ageMs: Int64 = 0, deadlineMs: Int64 = 50, retries429: Bool = true
    ) -> RemoteWriter {
        RemoteWriter(
            configuration: RemoteWriteConfiguration(
                url: "http://receiver.example/api/v1/write", name: "main",
                queue: QueueConfiguration(
                    maxShards: shards, minShards: shards, maxSamplesPerSend: samples,
                    batchSendDeadlineMs: deadlineMs, retryOnHTTP429: retries429, sampleAgeLimitMs: ageMs)),
            destination: store.destination, http: receiver, credentials: nil, region: nil,
            workers: WorkerPool(name: "test", threads: 2), clock: clock, registry: MetricRegistry(),
            logger: SaidLines().logger)
    }

    private func frame(_ name: String, ageMs: Int64, series: Int = 10) -> Frame {
        TestFrames.frame(
            TestFrames.target(job: name, [Label("instance", name), Label("job", name)]), count: series,
            timestampMs: clock.wallMs - ageMs)
    }

    /// Moves the clock whenever somebody sleeps on it, until `condition` holds.
    @discardableResult
    private func reach(_ condition: () -> Bool) async -> Bool {
        for _ in 0..<4_000_000 {
            if condition() { return true }
            if clock.sleeperCount > 0 { clock.advance(ms: 5) }
            await Task.yield()
        }
        return condition()
    }

    /// The append that fills a batch sends it: no time passes until then.
    @Test func aBatchThatFillsLeavesAtOnce() async {
        let store = BufferedDestination(clock: clock)
        let receiver = FakeReceiver()
        let writer = writer(store, receiver, samples: 30, shards: 1, deadlineMs: 3_600_000)
        store.append([frame("a", ageMs: 3_000), frame("b", ageMs: 2_000)])
        let running = Task { await writer.run() }
        // The slot has read both, and waits for the rest of a batch, or for the deadline.
        let window = writer.shared.window
        while window.waiting.samples < 20 || window.changed.waiterCount == 0 { await Task.yield() }
        let waitsNs = clock.monotonicNs
        store.append([frame("c", ageMs: 1_000)])
        for _ in 0..<4_000_000 where receiver.requests.isEmpty { await Task.yield() }
        #expect(receiver.sizes == [30])
        #expect(clock.monotonicNs == waitsNs)
        running.cancel()
        await running.value
    }

    /// A drain tries once what is held, and does not wait for what has to follow it.
    @Test func aDrainEndsBeforeItsDeadlineWhenTheDestinationIsNotThere() async {
        let store = BufferedDestination(clock: clock)
        for ageMs in [3_000, 2_000, 1_000] as [Int64] {
            for name in ["a", "b", "c"] { store.append([frame(name, ageMs: ageMs)]) }
        }
        let receiver = FakeReceiver(otherwise: .status(404))
        let writer = writer(store, receiver, shards: 2)
        let running = Task { await writer.run() }
        // Tried more than once, one after the other: the first try of a drain is the last.
        #expect(await reach { receiver.requests.count >= 6 })
        #expect(await reach { writer.status().slots.contains { $0.state == .held } })
        let tried = receiver.requests.count
        let deadlineNs = clock.monotonicNs + 3_600_000_000_000
        let draining = Task { await writer.drain(untilNs: deadlineNs) }
        // The clock stands still, so the deadline never comes.
        await running.value
        await draining.value
        #expect(receiver.requests.count <= tried + 2)
        #expect(store.delivered == 0 && store.isBalanced)
    }

    /// The drain begins while the answer is logged. By then it is decided that the request waits, and the
    /// slot does not wait yet.
    @Test func aDrainThatBeginsRightAfterTheDecisionToWaitEndsTheWait() async {
        let store = BufferedDestination(clock: clock)
        store.append([frame("a", ageMs: 0)])
        let receiver = FakeReceiver(otherwise: .status(404))
        let configuration = RemoteWriteConfiguration(
            url: "http://receiver.example/api/v1/write", name: "main",
            queue: QueueConfiguration(maxShards: 1, minShards: 1, maxSamplesPerSend: 10))
        let drained = Mutex<DestinationShared?>(nil)
        let deadlineNs = clock.monotonicNs + 3_600_000_000_000
        let said = SaidLines { line in
            guard line.contains("leads nowhere") else { return }
            drained.withLock { $0 }?.beginDrain(untilNs: deadlineNs)
        }
        let shared = DestinationShared(
            configuration: configuration, reader: store.reader,
            sender: RequestSender(
                configuration, http: receiver, credentials: nil, region: nil, clock: clock),
            workers: WorkerPool(name: "test", threads: 1), clock: clock,
            metrics: RemoteWriteMetrics(configuration, registry: MetricRegistry()), logger: said.logger)
        drained.withLock { $0 = shared }
        let slot = SlotRunner(number: 0, shared: shared, seed: 1, spawn: {})
        let running = Task { await slot.run() }
        // The clock stands still: a wait that the drain does not end lasts for ever.
        for _ in 0..<4_000_000 {
            if slot.status.state == .stopped { break }
            await Task.yield()
        }
        #expect(slot.status.state == .stopped && receiver.requests.count == 2, "a drain tries once more")
        #expect(store.delivered == 0 && store.isBalanced)
        running.cancel()
        await running.value
    }

    /// A request that was in flight waits for credentials: what is cut anew does not overtake it.
    @Test func whatWasInFlightIsSignedBeforeAnyOtherLeaves() async throws {
        final class Keys: CredentialsProvider {
            private let count = Mutex(0)
            let mayGoOn = Event()

            func credentials() async throws(AWSError) -> Credentials {
                let number = count.withLock { count in
                    count += 1
                    return count
                }
                if number == 1 { await mayGoOn.wait() }
                return Credentials(accessKeyID: "AKID", secretAccessKey: "secret")
            }

            func reject(_ refused: Credentials) async {}
        }
        var store = BufferedDestination(clock: clock)
        store.append((0..<9).map { frame("\($0)", ageMs: 60_000) })
        var covers: [Range<BufferPosition>] = []
        while let stored = try store.reader.next() { covers.append(stored.cover(0..<10)) }
        try store.reader.willSend([
            7: SentRequest(spans: [covers[7]]), 8: SentRequest(spans: [covers[8]]),
        ])
        store = store.afterCrash()
        let (fixture, receiver, keys) = (WriterFixture(clock: clock), FakeReceiver(), Keys())
        let writer = RemoteWriter(
            configuration: RemoteWriteConfiguration(
                url: "http://receiver.example/api/v1/write", name: "main", sigv4: SigV4Configuration(),
                queue: QueueConfiguration(
                    maxShards: 8, minShards: 8, maxSamplesPerSend: 25, batchSendDeadlineMs: 50)),
            destination: store.destination, http: receiver, credentials: keys, region: "eu-west-1",
            workers: fixture.workers, clock: clock, registry: fixture.registry, logger: fixture.said.logger)
        let beganNs = clock.monotonicNs
        var leftBefore: Int?
        await fixture.run(
            writer,
            between: {
                guard leftBefore == nil, clock.monotonicNs > beganNs + 5_000_000_000 else { return }
                leftBefore = receiver.requests.count
                keys.mayGoOn.signal()
            }, until: { store.isAnswered })
        #expect(leftBefore == 1, "the other one that was in flight")
        #expect(receiver.sizes.prefix(2) == [10, 10] && store.isBalanced)
        #expect(receiver.sizes.dropFirst(2).sorted() == [20, 25, 25])
    }

    /// As many ranges as may be, each with a gap before it: the gaps are read, as nothing else closes them.
    @Test func aFullListOfAnsweredRangesIsReadUpToItsEnd() async throws {
        var store = BufferedDestination(clock: clock)
        let count = 2 * DestinationReader.mostRanges
        store.append([frame("node", ageMs: 0, series: count)])
        let stored = try #require(try store.reader.next())
        try store.reader.answered(
            [], ranges: (0..<count / 2).map { stored.cover(2 * $0 + 1..<2 * $0 + 2) },
            outcome: ["node": JobOutcome(delivered: UInt64(count / 2))])
        store = store.afterCrash()
        #expect(store.reader.rangeCount == DestinationReader.mostRanges)
        let running = Task { [store] in
            await writer(store, FakeReceiver(), samples: 100, shards: 4).run()
        }
        await reach { store.isAnswered }
        #expect(store.delivered == UInt64(count) && store.isBalanced)
        running.cancel()
        await running.value
    }

    /// The request of target 0 breaks its connection at each try, all others are stored.
    @Test func aRequestThatAlwaysBreaksItsConnectionHoldsUpItsOwnKeysOnly() async {
        let store = BufferedDestination(clock: clock)
        store.append(
            (0..<4).flatMap { interval in
                (0..<40).map { frame("\($0)", ageMs: 60_000 - Int64(interval) * 15_000) }
            })
        let receiver = FakeReceiver()
        receiver.judge { samples in
            samples.contains { $0.labels.contains(Label("instance", "0")) } ? .error(.connectionReset) : nil
        }
        let running = Task { await writer(store, receiver, samples: 20, shards: 4).run() }
        await reach { store.delivered >= 1_600 - 80 }
        #expect(store.delivered >= 1_600 - 80 && store.isBalanced)
        running.cancel()
        await running.value
    }

    /// A firewall refuses the bodies of one target, and nothing is ever too old.
    @Test(arguments: [403, 404, 407]) func aBodyThatIsAlwaysRefusedHoldsUpNoOther(status: Int) async {
        let store = BufferedDestination(clock: clock)
        store.append((0..<8).map { frame("\($0)", ageMs: 0) })
        let receiver = FakeReceiver()
        receiver.judge { samples in
            samples.contains { $0.labels.contains(Label("instance", "0")) } ? .status(status) : nil
        }
        let running = Task { await writer(store, receiver, shards: 2).run() }
        let startMs = clock.wallMs
        await reach { store.delivered == 70 || clock.wallMs > startMs + 600_000 }
        #expect(store.delivered == 70 && store.isBalanced)
        running.cancel()
        await running.value
    }

    /// 429 is final where the configuration says so. The receiver is left alone as it asks all the same.
    @Test func aRefusalForNowDoesNotOpenTheGate() async {
        let store = BufferedDestination(clock: clock)
        store.append([frame("a", ageMs: 0), frame("b", ageMs: 0)])
        let receiver = FakeReceiver([.status(429, headers: [HTTPHeader(name: "Retry-After", value: "60")])])
        let running = Task { await writer(store, receiver, shards: 1, retries429: false).run() }
        await reach { !store.dropped.isEmpty }
        let refusedMs = clock.wallMs
        await reach { receiver.requests.count == 2 }
        #expect(clock.wallMs - refusedMs >= 59_000)
        running.cancel()
        await running.value
    }

    /// The probe's samples become too old, so it is settled without an answer; the next one goes.
    @Test(arguments: [404, 429]) func aProbeThatIsGivenUpLetsAnotherGo(status: Int) async {
        let store = BufferedDestination(clock: clock)
        store.append([frame("old", ageMs: 3_590_000), frame("young", ageMs: 0)])
        let receiver = FakeReceiver(otherwise: .status(status))
        let running = Task { await writer(store, receiver, shards: 2, ageMs: 3_600_000).run() }
        await reach { store.dropped["too_old"] == 10 }
        receiver.answer(.status(200))
        await reach { store.delivered == 10 || store.dropped["too_old"] == 20 }
        #expect(store.delivered == 10 && store.dropped["too_old"] == 10)
        running.cancel()
        await running.value
    }

    /// One is told to wait for a minute, and one that left before is stored: nothing leaves earlier.
    @Test func anAnswerToARequestSentBeforeDoesNotShortenRetryAfter() async throws {
        let store = BufferedDestination(clock: clock)
        store.append([frame("a", ageMs: 0), frame("b", ageMs: 0)])
        let receiver = CuedReceiver()
        let writer = writer(store, receiver, shards: 2)
        let running = Task { await writer.run() }
        await reach { receiver.count == 2 }
        receiver.answer(
            try #require(receiver.waiting(ofJob: "a")),
            .status(429, headers: [HTTPHeader(name: "Retry-After", value: "60")]))
        let askedMs = clock.wallMs
        // The gate is told before this is shown; the clock stands still meanwhile.
        while !writer.status().slots.contains(where: { $0.lastError?.hasPrefix("status 429") == true }) {
            await Task.yield()
        }
        store.append([frame("c", ageMs: 0)])
        receiver.answer(try #require(receiver.waiting(ofJob: "b")), .status(200))
        await reach { receiver.count == 3 }
        #expect(clock.wallMs - askedMs >= 60_000)
        running.cancel()
        await running.value
    }

    /// One key's frames are each a whole request, and beside them there is always less than a batch.
    @Test func framesOfOneKeyFollowEachOtherAtOnceBesideLightTraffic() async {
        let store = BufferedDestination(clock: clock)
        store.append((0..<10).map { frame("a", ageMs: 60_000 - Int64($0) * 1_000) })
        store.append([frame("b", ageMs: 0, series: 1)])
        let running = Task { await writer(store, FakeReceiver(), shards: 4, deadlineMs: 60_000).run() }
        // The clock stands still.
        for _ in 0..<4_000_000 {
            if store.delivered >= 100 { break }
            await Task.yield()
        }
        #expect(store.delivered >= 100)
        running.cancel()
        await running.value
    }
}

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
