import Configuration
import Logging
import MetricModel
import TestSupport
import Testing
import WriteAheadBuffer

@testable import RemoteWrite

@Suite(.serialized) struct DestinationLogTests {
    private let fixture = WriterFixture()

    @Test func aRefusedRequestIsSaidWithItsJobs() async {
        let store = BufferedDestination(clock: fixture.clock)
        store.append(fixture.frames(1, series: 3, job: "web") + fixture.frames(1, series: 2, job: "db"))
        let receiver = FakeReceiver([.status(400, body: "label value too long for metric")])
        await fixture.run(fixture.writer(store, receiver)) { store.isAnswered }
        #expect(fixture.said.all("refused samples").map { $0.contains("jobs=web, db") } == [true])
    }

    @Test func manyJobsAreSaidInPart() async {
        let store = BufferedDestination(clock: fixture.clock)
        store.append((0..<12).flatMap { fixture.frames(1, series: 1, job: "job\($0)") })
        let receiver = FakeReceiver([.status(400, body: "label value too long for metric")])
        await fixture.run(fixture.writer(store, receiver)) { store.isAnswered }
        let line = fixture.said.all("refused samples").first ?? ""
        #expect(line.contains("jobs=job0, job1, job2, job3, job4, job5, job6, job7 and 4 more"))
    }

    /// A receiver of 1.0 that refuses every request from the first on. Once it has stored one, a refusal is
    /// about its samples.
    @Test func aReceiverThatHasStoredNothingYetIsSaidToHave() async {
        let store = BufferedDestination(clock: fixture.clock)
        store.append(fixture.frames(3, series: 3, job: "web"))
        let receiver = FakeReceiver(otherwise: .status(400, body: "unknown tenant: wrong path"))
        await fixture.run(fixture.writer(store, receiver, queue: .init(maxSamplesPerSend: 3))) {
            store.isAnswered
        }
        let lines = fixture.said.all("the receiver refused samples of a request")
        #expect(lines.count == 1 && store.delivered == 0)
        for part in [
            "has not stored a whole request so far", "path", "protobuf_message", "limit",
            "err=status 400: unknown tenant",
        ] {
            #expect(lines.first?.contains(part) == true, "\(part)")
        }
    }

    /// It has read them: the path is right, whatever becomes of each request.
    @Test func aReceiverThatNamesWhatIsWrongWithSamplesIsTheRightOne() async {
        let store = BufferedDestination(clock: fixture.clock)
        store.append(fixture.frames(2, series: 3, job: "web"))
        let receiver = FakeReceiver(otherwise: .status(400, body: "out of order sample"))
        await fixture.run(fixture.writer(store, receiver, queue: .init(maxSamplesPerSend: 3))) {
            store.isAnswered
        }
        #expect(store.delivered == 0)
        #expect(!fixture.said.all("the receiver refused samples of a request").isEmpty)
        #expect(fixture.said.all("has not stored a whole request").isEmpty)
    }

    @Test func aRefusalBehindOneThatWasStoredSaysNothingOfTheFirst() async {
        let store = BufferedDestination(clock: fixture.clock)
        store.append(fixture.frames(2, series: 3, job: "web"))
        let receiver = FakeReceiver([.status(200)], otherwise: .status(400, body: "series limit"))
        await fixture.run(fixture.writer(store, receiver, queue: .init(maxSamplesPerSend: 3))) {
            store.isAnswered
        }
        #expect(store.delivered == 3)
        #expect(fixture.said.all("the receiver refused samples of a request").count == 1)
        #expect(fixture.said.all("has not stored a whole request").isEmpty)
    }

    @Test func refusedSamplesAreCountedByReasonAndJob() async {
        let store = BufferedDestination(clock: fixture.clock)
        store.append(fixture.frames(1, series: 3, job: "web") + fixture.frames(1, series: 2, job: "db"))
        let receiver = FakeReceiver([.status(400, body: "label value too long for metric")])
        await fixture.run(fixture.writer(store, receiver)) { store.isAnswered }
        func refused(_ job: String) -> Double? {
            fixture.metric(
                "narthex_remote_write_refused_samples_total{remote_name=\"main\","
                    + "url=\"http://receiver.example/api/v1/write\",reason=\"label_value_too_long\","
                    + "scrape_job=\"\(job)\"}")
        }
        #expect(refused("web") == 3 && refused("db") == 2)
    }

    @Test func whatManySlotsMeetIsSaidOnceAndSoIsItsEnd() {
        let log = DestinationLog(fixture.said.logger)
        for slot in 0..<50 {
            log.tried(.failing, slot: slot, .unreachable, text: "no connection", wallMs: Int64(slot))
        }
        #expect(fixture.said.all("remote write fails").count == 1)
        log.tried(.failing, slot: 7, .unreachable, text: "no connection", wallMs: 60_000)
        #expect(fixture.said.all("remote write fails").count == 2)
        for slot in 0..<49 { log.tried(nil, slot: slot, .unreachable, text: "", wallMs: 60_001) }
        #expect(fixture.said.all("goes on").isEmpty, "one is still in trouble")
        log.gaveUp(slot: 49)
        log.tried(nil, slot: 1, .status(.init(status: 400)), text: "", wallMs: 60_002)
        #expect(fixture.said.all("goes on").isEmpty, "nothing was stored")
        for _ in 0..<2 { log.tried(nil, slot: 1, .status(.init(status: 200)), text: "", wallMs: 60_003) }
        #expect(fixture.said.all("goes on").count == 1)
    }

    /// Two slots fail until their samples are too old; then there is work for one of them only.
    @Test func theEndIsSaidWhereTheOtherSlotsHaveGivenUp() async {
        let store = BufferedDestination(clock: fixture.clock)
        let receiver = FakeReceiver(otherwise: .status(500))
        let startMs = fixture.clock.wallMs
        func append(_ job: String) {
            let target = TestFrames.target(job: job, [Label("instance", job), Label("job", job)])
            store.append([TestFrames.frame(target, count: 10, timestampMs: fixture.clock.wallMs)])
        }
        append("a")
        append("b")
        let queue = QueueConfiguration(
            maxShards: 2, minShards: 2, maxSamplesPerSend: 10, batchSendDeadlineMs: 50,
            sampleAgeLimitMs: 20_000)
        var isBack = false
        await fixture.run(
            fixture.writer(store, receiver, queue: queue),
            between: {
                guard !isBack, store.dropped["too_old"] == 20 else { return }
                isBack = true
                receiver.answer(.status(200))
                append("c")
            },
            until: {
                // The line is said before the delivery is booked, and a writer that is cancelled in between
                // books nothing.
                (store.delivered == 10 && fixture.said.all("goes on").count == 1)
                    || fixture.clock.wallMs > startMs + 300_000
            })
        #expect(store.delivered == 10)
        #expect(fixture.clock.wallMs <= startMs + 300_000, "and not when the slots end")
        #expect(fixture.said.all("remote write fails").count == 1)
        #expect(fixture.said.all("goes on").count == 1)
    }

    @Test func anotherTroubleIsSaidAtOnceAndNeitherMoreThanOnceAMinute() {
        let log = DestinationLog(fixture.said.logger)
        for turn in 0..<10 {
            log.tried(.failing, slot: 0, .unreachable, text: "gone", wallMs: Int64(turn))
            log.tried(.throttled, slot: 0, .status(.init(status: 429)), text: "429", wallMs: Int64(turn))
            log.tried(nil, slot: 0, .status(.init(status: 200)), text: "", wallMs: Int64(turn))
        }
        #expect(fixture.said.all("remote write fails").count == 1)
        #expect(fixture.said.all("is throttled").count == 1)
        #expect(fixture.said.all("goes on").count == 1)
    }

    /// With `auto` a fall-back is what was asked for; with 2.0 written out it is not.
    @Test(arguments: [
        (ProtobufMessage.auto, 415, "status 415: no", Logger.Level.info, "remembered for 7 days"),
        (.auto, 200, "status 200", .info, "the first start after them tries 2.0 again"),
        (.v2, 204, "status 204", .warning, "for an hour"),
    ])
    func aFallBackSaysWhatWasAnsweredHowLongItHoldsAndHowToSetIt(
        message: ProtobufMessage, status: Int, text: String, level: Logger.Level, lasts: String
    ) {
        DestinationLog(fixture.said.logger).fellBack(message, status: status, text: text)
        let line = fixture.said.all.first ?? ""
        #expect(fixture.said.levels("does not understand remote write 2.0") == [level])
        #expect(line.contains("answer=\(text)") && line.contains(lasts))
        #expect(line.contains("remote write 1.0 is used"))
        #expect(line.contains("protobuf_message: prometheus.WriteRequest sets 1.0 by hand"))
        #expect(
            line.contains("without the headers X-Prometheus-Remote-Write-*-Written") == (status < 300))
    }

    @Test func whatIsRefusedOftenIsSaidOnceAMinuteWithItsNumber() {
        let log = DestinationLog(fixture.said.logger)
        for request in 0..<100 {
            log.refused(reason: "x", 7, of: Outcomes(), text: "no", wallMs: Int64(request) * 1_000)
        }
        #expect(fixture.said.all("refused_requests=1 ").count == 1)
        #expect(fixture.said.all("refused_requests=60").count == 1)
        #expect(fixture.said.all("refused samples").count == 2)
        #expect(fixture.said.all("samples=420").count == 1, "of all 60")
        log.refused(reason: "y", 1, of: Outcomes(), text: "no", wallMs: 99_000)
        #expect(fixture.said.all("reason=y").count == 1, "another reason is said at once")
    }
}
