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

@testable import RemoteWrite

@Suite(.serialized) struct RemoteWriterTests {
    private let clock = ManualClock(wallMs: 1_700_000_000_000)
    private let registry = MetricRegistry()

    private func writer(
        _ lanes: [MemoryLane], _ receiver: FakeReceiver, queue: QueueConfiguration = QueueConfiguration(),
        sigv4: SigV4Configuration? = nil, credentials: (any CredentialsProvider)? = nil,
        region: String? = nil,
        highestTimestampMs: Int64 = 0
    ) -> RemoteWriter {
        RemoteWriter(
            configuration: RemoteWriteConfiguration(
                url: "http://user:secret@receiver.example/api/v1/write", name: "main",
                headers: [.init(name: "X-Team", value: "a")], sigv4: sigv4, queue: queue),
            destination: MemorySource(lanes: lanes, highestTimestampMs: highestTimestampMs), http: receiver,
            credentials: credentials, region: region, workers: WorkerPool(name: "test", threads: 2),
            clock: clock,
            registry: registry, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    /// Runs the writer until `condition`, moving the clock whenever somebody sleeps on it.
    private func run(_ writer: RemoteWriter, until condition: @escaping @Sendable () -> Bool) async {
        let running = Task { await writer.run() }
        await reach(condition)
        running.cancel()
        await running.value
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
        let target = TestFrames.target(job: job)
        return (0..<count).map {
            TestFrames.frame(
                target, count: series, timestampMs: clock.wallMs - 60_000 + Int64($0) * 1_000,
                firstValue: Double($0))
        }
    }

    private func samples(_ receiver: FakeReceiver) throws -> [SentSample] {
        try receiver.bodies.flatMap { try ReferenceCodec.samples(ofBody: $0) }
    }

    @Test func whatIsBufferedArrivesAsItIs() async throws {
        let lane = MemoryLane(clock: clock)
        let sent = frames(20)
        lane.append(sent)
        let receiver = FakeReceiver()
        await run(writer([lane], receiver, queue: QueueConfiguration(maxSamplesPerSend: 33))) {
            lane.cursor == LanePosition(segment: 1, offset: 2_000)
        }
        #expect(try samples(receiver) == sent.flatMap(\.samples))
        #expect(lane.delivered == 200)
        #expect(lane.sentEnds.count == receiver.requests.count)
        #expect(lane.isBalanced)
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
        let lane = MemoryLane(clock: clock)
        lane.append(frames(1))
        let receiver = FakeReceiver()
        await run(writer([lane], receiver)) { lane.delivered == 10 }
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
        let lane = MemoryLane(clock: clock)
        lane.append(frames(1))
        let credentials = RotatingCredentials()
        // 2023-11-14T22:13:20Z is what the clock shows; the server is ten minutes ahead.
        let date = HTTPHeader(name: "Date", value: "Tue, 14 Nov 2023 22:23:20 GMT")
        let receiver = FakeReceiver([.status(403, headers: [date])])
        await run(
            writer(
                [lane], receiver, sigv4: SigV4Configuration(), credentials: credentials,
                region: "eu-central-1")
        ) { lane.delivered == 10 }
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
        let lane = MemoryLane(clock: clock)
        let sent = frames(6)
        lane.append(sent)
        let receiver = FakeReceiver([
            .error(.connect), .status(503),
            .status(500, headers: [HTTPHeader(name: "Retry-After", value: "2")]),
            .status(200), .error(.timeout), .status(429), .status(200),
        ])
        await run(writer([lane], receiver, queue: QueueConfiguration(maxSamplesPerSend: 30))) {
            lane.delivered == 60
        }
        #expect(receiver.bodies.count == 7)
        #expect(Set(receiver.bodies[0...3]).count == 1)
        #expect(Set(receiver.bodies[4...6]).count == 1)
        let stored =
            try ReferenceCodec.samples(ofBody: receiver.bodies[3])
            + ReferenceCodec.samples(ofBody: receiver.bodies[6])
        #expect(stored == sent.flatMap(\.samples))
        #expect(lane.sentEnds.count == 2)
        #expect(lane.isBalanced)
        #expect(
            registry.render().contains(
                "samples_retried_total{remote_name=\"main\",url=\"http://receiver.example/api/v1/write\"} 150"
            ))
    }

    @Test func refusedRequestsAreBookedByReasonAndTheRestGoesOn() async {
        let lane = MemoryLane(clock: clock)
        lane.append(frames(3) + frames(1, job: "other"))
        let receiver = FakeReceiver([
            .status(200), .status(400, body: "user=1: err: out of order sample. series={__name__=\"m0\"}"),
            .status(422, body: "per-user series limit of 10 exceeded"),
            .status(400, body: "label value too long"),
        ])
        await run(writer([lane], receiver, queue: QueueConfiguration(maxSamplesPerSend: 10))) {
            lane.cursor == LanePosition(segment: 1, offset: 400)
        }
        #expect(lane.delivered == 10)
        #expect(
            lane.dropped == [
                "sample_out_of_order": 10, "per_user_series_limit": 10, "label_value_too_long": 10,
            ])
        #expect(lane.isBalanced)
    }

    @Test func tooLargeRequestsAreHalvedInOrder() async throws {
        let lane = MemoryLane(clock: clock)
        let sent = frames(4)
        lane.append(sent)
        let receiver = FakeReceiver()
        receiver.judge { $0.count > 7 ? .status(413) : nil }
        await run(writer([lane], receiver)) { lane.delivered == 40 }
        let stored = try receiver.bodies.map { try ReferenceCodec.samples(ofBody: $0) }.filter {
            $0.count <= 7
        }
        #expect(stored.flatMap { $0 } == sent.flatMap(\.samples))
        #expect(lane.isBalanced)
    }

    @Test func aPoisonedLaneDoesNotHoldUpTheOthers() async {
        let poisoned = MemoryLane(clock: clock)
        let healthy = MemoryLane(clock: clock)
        poisoned.append(frames(2, job: "bad"))
        healthy.append(frames(40))
        let receiver = FakeReceiver()
        let target = TestFrames.target(job: "bad", [Label("instance", "bad"), Label("job", "bad")])
        poisoned.append([TestFrames.frame(target, count: 4, timestampMs: clock.wallMs)])
        receiver.judge { samples in
            samples.contains { $0.labels.contains(Label("instance", "bad")) } ? .status(500) : nil
        }
        await run(writer([poisoned, healthy], receiver, queue: QueueConfiguration(maxSamplesPerSend: 10))) {
            if healthy.delivered == 400 { healthy.append(frames(20)) }
            return healthy.delivered > 400 && poisoned.delivered >= 20
        }
        #expect(poisoned.isBalanced && healthy.isBalanced)
    }

    @Test func afterACrashTheRequestInFlightIsSentAgainAndItsDuplicatesAreDelivered() async throws {
        let lane = MemoryLane(clock: clock)
        lane.append(frames(6))
        let silent = FakeReceiver([.status(200)], otherwise: .hang)
        await run(writer([lane], silent, queue: QueueConfiguration(maxSamplesPerSend: 25))) {
            silent.requests.count == 2
        }
        #expect(lane.delivered == 25)
        let again = lane.afterCrash()
        let receiver = FakeReceiver([.status(400, body: "out of order sample")])
        await run(writer([again], receiver, queue: QueueConfiguration(maxSamplesPerSend: 7))) {
            again.cursor == LanePosition(segment: 1, offset: 600)
        }
        #expect(receiver.bodies[0] == silent.bodies[1])
        #expect(again.delivered == 60)
        #expect(again.dropped == [:])
        #expect(again.isBalanced)
    }

    @Test func samplesTooOldAreDroppedWithACountAndTheRestIsSent() async {
        let lane = MemoryLane(clock: clock)
        let target = TestFrames.target()
        lane.append([TestFrames.frame(target, count: 5, timestampMs: clock.wallMs - 10_000_000)] + frames(2))
        let receiver = FakeReceiver()
        await run(writer([lane], receiver, queue: QueueConfiguration(sampleAgeLimitMs: 3_600_000))) {
            lane.cursor == LanePosition(segment: 1, offset: 300)
        }
        #expect(lane.delivered == 20)
        #expect(lane.dropped == ["too_old": 5])
        #expect(lane.isBalanced)
        #expect(registry.render().contains("reason=\"too_old\"} 5"))
    }

    @Test func anOutageLongerThanTheAgeLimitIsBookedAndSendingGoesOn() async {
        let lane = MemoryLane(clock: clock)
        lane.append(frames(2))
        let receiver = FakeReceiver(otherwise: .error(.connect))
        let writer = writer([lane], receiver, queue: QueueConfiguration(sampleAgeLimitMs: 120_000))
        await run(writer) { [clock] in
            if lane.dropped["too_old"] == 20, lane.delivered == 0 {
                receiver.answer(.status(200))
                let young = TestFrames.frame(count: 5, timestampMs: clock.wallMs)
                if lane.cursor == LanePosition(segment: 1, offset: 200) { lane.append([young]) }
            }
            return lane.delivered >= 5
        }
        #expect(lane.isBalanced)
    }

    /// Again and again, since the drain may begin between any two steps of a lane.
    @Test(arguments: 0..<100) func drainSendsShortBatchesAtOnceAndEndsRun(round: Int) async throws {
        let lanes = [MemoryLane(clock: clock), MemoryLane(clock: clock)]
        let receiver = FakeReceiver()
        let writer = writer(lanes, receiver, queue: QueueConfiguration(batchSendDeadlineMs: 3_600_000))
        let running = Task { await writer.run() }
        lanes[0].append(frames(3))
        lanes[1].append(frames(2))
        for _ in 0..<round { await Task.yield() }
        // Nobody moves the clock: only the drain can send these.
        await writer.drain(untilNs: clock.monotonicNs + 10_000_000_000)
        await running.value
        #expect(lanes[0].delivered == 30 && lanes[1].delivered == 20)
        #expect(writer.status().lanes.allSatisfy { $0.state == .stopped })
    }

    @Test func drainGivesUpAtItsDeadlineAndKeepsTheRest() async {
        let lane = MemoryLane(clock: clock)
        lane.append(frames(3))
        let receiver = FakeReceiver(otherwise: .hang)
        let writer = writer([lane], receiver)
        let running = Task { await writer.run() }
        await reach { receiver.requests.count == 1 }
        let deadlineNs = clock.monotonicNs + 10_000_000_000
        let draining = Task { await writer.drain(untilNs: deadlineNs) }
        await reach { [clock] in clock.monotonicNs >= deadlineNs }
        await draining.value
        await running.value
        #expect(lane.delivered == 0 && lane.isBalanced)
        #expect(lane.inFlightEnd != nil)
    }

    @Test func whatRetentionTookMeanwhileIsNeitherSentNorBookedTwice() async throws {
        let lane = MemoryLane(clock: clock)
        let sent = frames(6)
        lane.append(sent)
        lane.retainBeforeNextSend(dropping: 3)
        let receiver = FakeReceiver()
        await run(writer([lane], receiver, queue: QueueConfiguration(maxSamplesPerSend: 25))) {
            lane.cursor == LanePosition(segment: 1, offset: 600)
        }
        #expect(try samples(receiver) == sent[3...].flatMap(\.samples))
        #expect(lane.delivered == 30)
        #expect(lane.dropped == ["retention_size": 30])
        #expect(lane.isBalanced)
    }

    @Test func aFailingCursorLosesNoBooking() async {
        let lane = MemoryLane(clock: clock)
        lane.append(frames(5))
        lane.fail(next: 1, booking: 2)
        let receiver = FakeReceiver([
            .status(200), .status(400, body: "user=1: err: too old sample. series={__name__=\"m0\"}"),
        ])
        await run(writer([lane], receiver, queue: QueueConfiguration(maxSamplesPerSend: 10))) {
            lane.cursor == LanePosition(segment: 1, offset: 500)
        }
        #expect(lane.delivered == 40)
        #expect(lane.dropped == ["sample_too_old": 10])
        #expect(lane.isBalanced)
    }

    @Test func aBufferThatCannotBeReadIsAskedLessAndLessOften() async {
        let lane = MemoryLane(clock: clock)
        lane.append(frames(20))
        lane.fail(next: 5)
        let beganNs = clock.monotonicNs
        await run(writer([lane], FakeReceiver(), queue: QueueConfiguration(maxSamplesPerSend: 100))) {
            lane.cursor == LanePosition(segment: 1, offset: 2_000)
        }
        // Waits of 1, 2, 4, 8 and 16 seconds, or half of each.
        #expect(clock.monotonicNs - beganNs >= 15_500_000_000)
        #expect(lane.delivered == 200)
    }

    @Test func whatTheLastAnswerCouldNotBookIsBookedWithoutAnother() async {
        let lane = MemoryLane(clock: clock)
        lane.append(frames(1))
        lane.fail(booking: 3)
        let receiver = FakeReceiver([.status(200)])
        await run(writer([lane], receiver)) { lane.cursor == LanePosition(segment: 1, offset: 100) }
        #expect(lane.delivered == 10)
        #expect(receiver.requests.count == 1)
        #expect(lane.isBalanced)
    }

    @Test func statusTellsWhyALaneIsHeldAndHowOldItsBacklogIs() async {
        let lane = MemoryLane(clock: clock)
        lane.append(frames(1))
        let receiver = FakeReceiver(otherwise: .status(404, body: "no such\nworkspace"))
        let writer = writer([lane], receiver, highestTimestampMs: 5_000)
        let running = Task { await writer.run() }
        await reach { writer.status().lanes[0].state == .held }
        let status = writer.status()
        #expect(status.lanes[0].lastError == "status 404: no such workspace")
        #expect(status.lanes[0].pendingSamples == 10)
        #expect((status.backlogAgeMs ?? 0) >= 60_000)
        #expect(status.url == "http://receiver.example/api/v1/write")
        #expect(
            registry.render().contains(
                "samples_pending{remote_name=\"main\",url=\"http://receiver.example/api/v1/write\"} 10"))
        #expect(
            registry.render().contains(
                """
                queue_highest_timestamp_seconds{remote_name="main",\
                url="http://receiver.example/api/v1/write"} 5
                """
            ))
        running.cancel()
        await running.value
        #expect(lane.isBalanced)
    }
}
