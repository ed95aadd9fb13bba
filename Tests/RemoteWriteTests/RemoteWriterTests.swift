import AWS
import Configuration
import HTTPTransport
import Logging
import MetricModel
import Platform
import Synchronization
import Telemetry
import TestSupport
import Testing
import WriteAheadBuffer

@testable import RemoteWrite

@Suite(.serialized) struct RemoteWriterTests {
    private let fixture = WriterFixture()
    private var clock: ManualClock { fixture.clock }
    private var registry: MetricRegistry { fixture.registry }

    private func writer(
        _ store: BufferedDestination, _ receiver: FakeReceiver,
        queue: QueueConfiguration = QueueConfiguration(),
        sigv4: SigV4Configuration? = nil, credentials: (any CredentialsProvider)? = nil,
        region: String? = nil, shards: Int = 1
    ) -> RemoteWriter {
        var queue = queue
        queue.maxShards = shards
        return RemoteWriter(
            configuration: RemoteWriteConfiguration(
                url: "http://user:secret@receiver.example/api/v1/write", name: "main",
                headers: [.init(name: "X-Team", value: "a")], sigv4: sigv4, queue: queue),
            destination: store.destination, http: receiver,
            credentials: credentials, region: region, workers: fixture.workers, clock: clock,
            registry: registry, logger: fixture.said.logger)
    }

    /// Runs the writer until `condition`: the clock moves whenever somebody sleeps on it and nobody works.
    private func run(_ writer: RemoteWriter, until condition: () -> Bool) async {
        await fixture.run(writer, until: condition)
    }

    private func reach(_ condition: @Sendable () -> Bool) async {
        for _ in 0..<2_000_000 {
            if condition() { return }
            if clock.sleeperCount > 0 { clock.advance(ms: 5) }
            await Task.yield()
        }
        Issue.record("the condition is reached")
    }

    private func frames(_ count: Int, series: Int = 10, job: String = "node") -> [Frame] {
        (0..<count).map {
            // Targets of their own, so that they may stand in one request.
            TestFrames.frame(
                TestFrames.target(job: job, [Label("instance", "\($0)"), Label("job", job)]), count: series,
                timestampMs: clock.wallMs - 60_000 + Int64($0) * 1_000,
                firstValue: Double($0))
        }
    }

    private func samples(_ receiver: FakeReceiver) throws -> [SentSample] {
        try receiver.bodies.flatMap { try ReferenceCodec.samples(ofBody: $0) }
    }

    @Test func whatIsBufferedArrivesAsItIs() async throws {
        let store = BufferedDestination(clock: clock)
        let sent = frames(20)
        store.append(sent)
        let receiver = FakeReceiver()
        await run(writer(store, receiver, queue: QueueConfiguration(maxSamplesPerSend: 33))) {
            store.isAnswered
        }
        #expect(
            try TestFrames.byTarget(samples(receiver)) == TestFrames.byTarget(sent.flatMap(\.samples)))
        #expect(store.delivered == 200)
        #expect(store.isBalanced)
        let page = registry.render()
        #expect(
            page.contains(
                """
                prometheus_remote_storage_samples_total{remote_name="main",\
                url="http://receiver.example/api/v1/write"} 200
                """
            ))
        #expect(
            page.contains(
                """
                prometheus_remote_storage_samples_failed_total{remote_name="main",\
                url="http://receiver.example/api/v1/write"} 0
                """
            ))
        #expect(!page.contains("secret"))
    }

    @Test func requestsCarryTheHeadersOfRemoteWrite1() async throws {
        let store = BufferedDestination(clock: clock)
        store.append(frames(1))
        let receiver = FakeReceiver()
        await run(writer(store, receiver)) { store.delivered == 10 }
        let request = try #require(receiver.requests.first)
        #expect(request.method == .post)
        #expect(request.timeoutMs == 30_000)
        #expect(request.followRedirects, "a request that is not signed may be redirected")
        #expect(
            request.headers.map { "\($0.name): \($0.value)" } == [
                "Content-Encoding: snappy", "Content-Type: application/x-protobuf",
                "X-Prometheus-Remote-Write-Version: 0.1.0", "X-Team: a",
            ])
    }

    private final class RotatingCredentials: CredentialsProvider {
        let rejected = Mutex<[String]>([])

        func credentials() async throws(AWSError) -> Credentials {
            Credentials(accessKeyID: "KEY\(rejected.withLock { $0.count })", secretAccessKey: "secret")
        }

        func reject(_ refused: Credentials) async { rejected.withLock { $0.append(refused.accessKeyID) } }
    }

    @Test func refusedSignaturesAreMadeAnewWithFreshCredentialsAndTheServersClock() async throws {
        let store = BufferedDestination(clock: clock)
        store.append(frames(1))
        let credentials = RotatingCredentials()
        // 2023-11-14T22:13:20Z is what the clock shows; the server is ten minutes ahead.
        let date = HTTPHeader(name: "Date", value: "Tue, 14 Nov 2023 22:23:20 GMT")
        let receiver = FakeReceiver([.status(403, headers: [date])])
        await run(
            writer(
                store, receiver, sigv4: SigV4Configuration(), credentials: credentials,
                region: "eu-central-1")
        ) { store.delivered == 10 }
        #expect(credentials.rejected.withLock { $0 } == ["KEY0"])
        let signed = receiver.requests.map { request in
            request.headers.map { "\($0.name.lowercased()): \($0.value)" }.filter {
                $0.hasPrefix("authorization") || $0.hasPrefix("x-amz-date")
            }.joined(separator: " ")
        }
        #expect(signed.count == 2)
        #expect(signed[0].contains("20231114T221") && signed[0].contains("KEY0/20231114/eu-central-1/aps/"))
        #expect(signed[1].contains("20231114T222") && signed[1].contains("KEY1/20231114/eu-central-1/aps/"))
        #expect(receiver.bodies[0] == receiver.bodies[1])
    }

    @Test func failuresAreRetriedWithTheSameBytesAndInOrder() async throws {
        let store = BufferedDestination(clock: clock)
        let sent = frames(6)
        store.append(sent)
        let receiver = FakeReceiver([
            .error(.connect), .status(503),
            .status(500, headers: [HTTPHeader(name: "Retry-After", value: "2")]),
            .status(200), .error(.timeout), .status(429), .status(200),
        ])
        await run(writer(store, receiver, queue: QueueConfiguration(maxSamplesPerSend: 30))) {
            store.delivered == 60
        }
        #expect(receiver.bodies.count == 7)
        #expect(Set(receiver.bodies[0...3]).count == 1)
        #expect(Set(receiver.bodies[4...6]).count == 1)
        let stored =
            try ReferenceCodec.samples(ofBody: receiver.bodies[3])
            + ReferenceCodec.samples(ofBody: receiver.bodies[6])
        #expect(TestFrames.byTarget(stored) == TestFrames.byTarget(sent.flatMap(\.samples)))
        #expect(store.isBalanced)
        #expect(
            registry.render().contains(
                "samples_retried_total{remote_name=\"main\",url=\"http://receiver.example/api/v1/write\"} 150"
            ))
    }

    @Test func refusedRequestsAreBookedByReasonAndTheRestGoesOn() async {
        let store = BufferedDestination(clock: clock)
        store.append(frames(3) + frames(1, job: "other"))
        let receiver = FakeReceiver([
            .status(200), .status(400, body: "user=1: err: out of order sample. series={__name__=\"m0\"}"),
            .status(422, body: "per-user series limit of 10 exceeded"),
            .status(400, body: "label value too long"),
        ])
        await run(writer(store, receiver, queue: QueueConfiguration(maxSamplesPerSend: 10))) {
            store.isAnswered
        }
        #expect(store.delivered == 10)
        #expect(
            store.dropped == [
                "sample_out_of_order": 10, "per_user_series_limit": 10, "label_value_too_long": 10,
            ])
        #expect(store.isBalanced)
    }

    @Test func tooLargeRequestsAreHalvedInOrder() async throws {
        let store = BufferedDestination(clock: clock)
        let sent = frames(4)
        store.append(sent)
        let receiver = FakeReceiver()
        receiver.judge { $0.count > 7 ? .status(413) : nil }
        await run(writer(store, receiver)) { store.delivered == 40 }
        let stored = try receiver.bodies.map { try ReferenceCodec.samples(ofBody: $0) }.filter {
            $0.count <= 7
        }
        #expect(stored.flatMap { $0 } == sent.flatMap(\.samples))
        #expect(store.isBalanced)
    }

    @Test func aPoisonedRequestDoesNotHoldUpTheOthers() async {
        let store = BufferedDestination(clock: clock)
        let fixture = WriterFixture()
        let (poisoned, healthy) = ("bad", "good")
        let bad = fixture.frames(1, series: 4, job: poisoned)[0].target
        store.append(
            (0..<3).map {
                TestFrames.frame(bad, count: $0 < 2 ? 10 : 4, timestampMs: clock.wallMs - 1_000 + Int64($0))
            } + fixture.frames(40, series: 10, job: healthy))
        let receiver = FakeReceiver()
        receiver.judge { samples in
            samples.count == 4 && samples[0].labels.contains(Label("job", poisoned)) ? .status(500) : nil
        }
        await run(writer(store, receiver, queue: QueueConfiguration(maxSamplesPerSend: 10), shards: 2)) {
            if store.delivered(healthy) == 400 {
                store.append(fixture.frames(20, series: 10, job: healthy))
            }
            return store.delivered(healthy) > 400 && store.delivered(poisoned) >= 20
        }
        #expect(store.isBalanced)
    }

    @Test func afterACrashTheRequestInFlightIsSentAgainAndItsDuplicatesAreDelivered() async throws {
        let store = BufferedDestination(clock: clock)
        store.append(frames(6))
        let silent = FakeReceiver([.status(200)], otherwise: .hang)
        await run(writer(store, silent, queue: QueueConfiguration(maxSamplesPerSend: 25))) {
            silent.requests.count == 2
        }
        #expect(store.delivered == 25)
        let again = store.afterCrash()
        let receiver = FakeReceiver([.status(400, body: "out of order sample")])
        await run(writer(again, receiver, queue: QueueConfiguration(maxSamplesPerSend: 7))) {
            again.isAnswered
        }
        #expect(receiver.bodies[0] == silent.bodies[1])
        #expect(again.delivered == 60)
        #expect(again.dropped == [:])
        #expect(again.isBalanced)
    }

    @Test func samplesTooOldAreDroppedWithACountAndTheRestIsSent() async {
        let store = BufferedDestination(clock: clock)
        store.append([TestFrames.frame(count: 5, timestampMs: clock.wallMs - 10_000_000)] + frames(2))
        let receiver = FakeReceiver()
        await run(writer(store, receiver, queue: QueueConfiguration(sampleAgeLimitMs: 3_600_000))) {
            store.isAnswered
        }
        #expect(store.delivered == 20)
        #expect(store.dropped == ["too_old": 5])
        #expect(store.isBalanced)
        #expect(registry.render().contains("reason=\"too_old\"} 5"))
    }

    @Test func anOutageLongerThanTheAgeLimitIsBookedAndSendingGoesOn() async {
        let store = BufferedDestination(clock: clock)
        store.append(frames(2))
        let receiver = FakeReceiver(otherwise: .error(.connect))
        let writer = writer(store, receiver, queue: QueueConfiguration(sampleAgeLimitMs: 120_000))
        await run(writer) { [clock] in
            if store.dropped["too_old"] == 20, store.delivered == 0 {
                receiver.answer(.status(200))
                let young = TestFrames.frame(count: 5, timestampMs: clock.wallMs)
                if store.isAnswered { store.append([young]) }
            }
            return store.delivered >= 5
        }
        #expect(store.isBalanced)
    }

    /// Again and again, since the drain may begin between any two steps of a slot.
    @Test(arguments: 0..<100) func drainSendsShortBatchesAtOnceAndEndsRun(round: Int) async throws {
        let store = BufferedDestination(clock: clock)
        let fixture = WriterFixture()
        let jobs = ["a", "b"]
        let receiver = FakeReceiver()
        let writer = writer(store, receiver, queue: QueueConfiguration(batchSendDeadlineMs: 3_600_000))
        let running = Task { await writer.run() }
        store.append(fixture.frames(3, series: 10, job: jobs[0]))
        store.append(fixture.frames(2, series: 10, job: jobs[1]))
        for _ in 0..<round { await Task.yield() }
        await writer.drain(untilNs: clock.monotonicNs + 10_000_000_000)
        await running.value
        #expect(store.delivered(jobs[0]) == 30 && store.delivered(jobs[1]) == 20)
        #expect(writer.status().slots.allSatisfy { $0.state == .stopped })
    }

    @Test func drainGivesUpAtItsDeadlineAndKeepsTheRest() async {
        let store = BufferedDestination(clock: clock)
        store.append(frames(3))
        let receiver = FakeReceiver(otherwise: .hang)
        let writer = writer(store, receiver)
        let running = Task { await writer.run() }
        await reach { receiver.requests.count == 1 }
        let deadlineNs = clock.monotonicNs + 10_000_000_000
        let draining = Task { await writer.drain(untilNs: deadlineNs) }
        await reach { [clock] in clock.monotonicNs >= deadlineNs }
        await draining.value
        await running.value
        #expect(store.delivered == 0 && store.isBalanced)
        #expect(!store.reader.sent.isEmpty)
    }

    /// Retention removes segments while a request is in flight and others wait: what was read is sent and
    /// booked by its answer, the rest is booked as dropped.
    @Test func whatRetentionTookMeanwhileIsNeitherSentNorBookedTwice() async throws {
        let store = BufferedDestination(clock: clock, segmentBytes: 4_096, keptBytes: 16_384)
        let sent = frames(400)
        store.append(Array(sent[..<200]))
        let receiver = FakeReceiver(otherwise: .hang)
        let queue = QueueConfiguration(maxSamplesPerSend: 25)
        let writer = writer(store, receiver, queue: queue)
        let running = Task { await writer.run() }
        await reach { receiver.requests.count == 1 }
        store.append(Array(sent[200...]))
        store.buffer.enforceRetention()
        running.cancel()
        await running.value
        // The same cursor in another sender, as after a reload.
        store.destination.rewind()
        let other = FakeReceiver()
        await run(self.writer(store, other, queue: queue)) { store.isAnswered }
        let arrived = try samples(other)
        let lost = store.dropped["retention_size"] ?? 0
        #expect(lost > 0 && store.dropped.count == 1 && store.delivered + lost == 4_000)
        #expect(
            TestFrames.byTarget(arrived)
                == TestFrames.byTarget(Array(sent.flatMap(\.samples).suffix(arrived.count))))
        #expect(store.isBalanced)
    }

    @Test func aFailingCursorLosesNoBooking() async {
        let store = BufferedDestination(clock: clock)
        store.append(frames(5))
        store.failCursor(2, after: 1)
        let receiver = FakeReceiver([
            .status(200), .status(400, body: "user=1: err: too old sample. series={__name__=\"m0\"}"),
        ])
        await run(writer(store, receiver, queue: QueueConfiguration(maxSamplesPerSend: 10))) {
            store.isAnswered
        }
        #expect(store.delivered == 40)
        #expect(store.dropped == ["sample_too_old": 10])
        #expect(store.isBalanced)
    }

    @Test func aBufferThatCannotBeReadIsAskedLessAndLessOften() async {
        let store = BufferedDestination(clock: clock)
        store.append(frames(20))
        store.failReads(5)
        let beganNs = clock.monotonicNs
        await run(writer(store, FakeReceiver(), queue: QueueConfiguration(maxSamplesPerSend: 100))) {
            store.isAnswered
        }
        // Waits of 1, 2, 4, 8 and 16 seconds, or half of each.
        #expect(clock.monotonicNs - beganNs >= 15_500_000_000)
        #expect(store.delivered == 200)
    }

    @Test func whatTheLastAnswerCouldNotBookIsBookedWithoutAnother() async {
        let store = BufferedDestination(clock: clock)
        store.append(frames(1))
        store.failCursor(3, after: 1)
        let receiver = FakeReceiver([.status(200)])
        await run(writer(store, receiver)) { store.isAnswered }
        #expect(store.delivered == 10)
        #expect(receiver.requests.count == 1)
        #expect(store.isBalanced)
    }

    @Test func statusTellsWhyASlotIsHeldAndHowOldItsBacklogIs() async {
        let store = BufferedDestination(clock: clock)
        store.append(frames(1))
        let receiver = FakeReceiver(otherwise: .status(404, body: "no such\nworkspace"))
        let writer = writer(store, receiver)
        let running = Task { await writer.run() }
        await reach { writer.status().slots[0].state == .held }
        let status = writer.status()
        #expect(status.slots[0].lastError == "status 404: no such workspace")
        #expect(status.slots[0].pendingSamples == 10)
        #expect((status.backlogAgeMs ?? 0) >= 60_000)
        #expect(status.url == "http://receiver.example/api/v1/write")
        #expect(
            registry.render().contains(
                "samples_pending{remote_name=\"main\",url=\"http://receiver.example/api/v1/write\"} 10"))
        #expect(
            registry.render().contains(
                """
                queue_highest_timestamp_seconds{remote_name="main",\
                url="http://receiver.example/api/v1/write"} 1699999940
                """
            ))
        running.cancel()
        await running.value
        #expect(store.isBalanced)
    }
}
