import Configuration
import HTTPTransport
import Logging
import MetricModel
import Platform
import TestSupport
import Testing
import WriteAheadBuffer

@testable import RemoteWrite

/// A destination of remote write 2.0, from the buffer to the answer.
@Suite struct DestinationMessagesTests {
    private static let written = [
        HTTPHeader(name: "X-Prometheus-Remote-Write-Samples-Written", value: "10")
    ]

    private func writer(
        _ fixture: WriterFixture, _ receiver: FakeReceiver, _ store: BufferedDestination,
        _ message: ProtobufMessage, _ queue: QueueConfiguration = QueueConfiguration(maxSamplesPerSend: 10)
    ) -> RemoteWriter {
        var configuration = RemoteWriteConfiguration(
            url: "http://receiver.example/", name: "main", queue: queue)
        configuration.protobufMessage = message
        return RemoteWriter(
            configuration: configuration, destination: store.destination, http: receiver,
            credentials: nil, region: nil, workers: fixture.workers,
            clock: fixture.clock, registry: fixture.registry, logger: fixture.said.logger)
    }

    private func isOf20(_ request: HTTPRequest) -> Bool {
        let fields = Dictionary(
            request.headers.map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first })
        let type = fields["Content-Type"]
        let version = fields["X-Prometheus-Remote-Write-Version"]
        #expect(fields["Content-Encoding"] == "snappy")
        if type == "application/x-protobuf;proto=io.prometheus.write.v2.Request" {
            #expect(version == "2.0.0")
            return true
        }
        #expect(type == "application/x-protobuf")
        #expect(version == "0.1.0")
        return false
    }

    private func timestamps(_ request: HTTPRequest) throws -> [Int64] {
        let plain = try ReferenceCodec.uncompress(request.body)
        return isOf20(request)
            ? try ReferenceCodec.unpackSymbols(plain).series.flatMap { $0.samples.map(\.timestampMs) }
            : try ReferenceCodec.unpack(plain).map(\.timestampMs)
    }

    @Test(arguments: [ProtobufMessage.v2, .auto]) func aReceiverOf20IsSent20(message: ProtobufMessage)
        async throws
    {
        let fixture = WriterFixture()
        let store = BufferedDestination(clock: fixture.clock)
        store.append(fixture.frames(3, series: 10))
        let receiver = FakeReceiver(otherwise: .status(204, headers: Self.written))
        await fixture.run(writer(fixture, receiver, store, message)) { store.delivered == 30 }
        #expect(receiver.requests.map(isOf20) == [true, true, true])
        #expect(fixture.metric("narthex_remote_write_message_fallbacks_total{") == 0)
        #expect(fixture.metric("narthex_remote_write_unwritten_samples_total{") == 0)
    }

    /// Nothing counts as delivered by an answer of a receiver that has not understood the message: the same
    /// samples go again.
    @Test(arguments: [(ProtobufMessage.v2, 415), (.auto, 415), (.v2, 204), (.auto, 200)])
    func samplesThatWereNotUnderstoodGoAgainAs10(message: ProtobufMessage, status: Int) async throws {
        let fixture = WriterFixture()
        let store = BufferedDestination(clock: fixture.clock)
        store.append(fixture.frames(3, series: 10))
        let receiver = FakeReceiver([.status(status)], otherwise: .status(200))
        await fixture.run(writer(fixture, receiver, store, message)) { store.delivered == 30 }
        #expect(receiver.requests.map(isOf20) == [true, false, false, false])
        let sent = try receiver.requests.map(timestamps)
        #expect(sent[0] == sent[1])
        #expect(Set(sent.dropFirst().flatMap { $0 }).count == 3)
        #expect(fixture.metric("narthex_remote_write_message_fallbacks_total{") == 1)
        let level = message == .auto ? Logger.Level.info : .warning
        #expect(fixture.said.levels("does not understand remote write 2.0") == [level])
        #expect(fixture.said.all("answer=status \(status)").count == 1)
    }

    /// Many requests of 2.0 are in flight when the first of them is not understood: one line.
    @Test(arguments: [ProtobufMessage.v2, .auto])
    func aFallBackIsOneLineHoweverManyRequestsMeetIt(message: ProtobufMessage) {
        var configuration = RemoteWriteConfiguration(url: "http://receiver.example/", name: "main")
        configuration.protobufMessage = message
        let messages = DestinationMessages(configuration, wallMs: 0)
        let outcomes = (1...20).map { number in
            // All were cut before the first answer.
            messages.answered(
                .v2, ReceiverAnswer.Response(status: 415), cutNs: 1, 100 + UInt64(number) * 5_000_000_000,
                wallMs: 0)
        }
        #expect(outcomes.allSatisfy { $0.verdict == .fallBack })
        #expect(outcomes.map(\.isSaid) == [true] + Array(repeating: false, count: 19))
    }

    private func says(_ written: String, _ status: Int = 200, body: String = "") -> FakeReceiver.Answer {
        .status(
            status, headers: [HTTPHeader(name: "x-prometheus-remote-write-samples-written", value: written)],
            body: body)
    }

    @Test func whatIsNotWrittenIsBookedSo() async {
        let fixture = WriterFixture()
        let store = BufferedDestination(clock: fixture.clock)
        store.append(fixture.frames(1, series: 10))
        let receiver = FakeReceiver(otherwise: says("7"))
        await fixture.run(writer(fixture, receiver, store, .v2)) { store.isAnswered }
        #expect(store.delivered == 7 && store.dropped == ["unwritten": 3])
        #expect(store.isBalanced)
        #expect(fixture.metric("narthex_remote_write_unwritten_samples_total{") == 3)
        #expect(fixture.said.all("has not written all").count == 1)
    }

    /// The headers of a refusal tell what it has taken all the same: nothing is searched for, and what is
    /// written counts as delivered.
    @Test(arguments: ["bad sample", "out of order for series {a}"])
    func aRefusalThatHasWrittenMostIsBelieved(body: String) async {
        let fixture = WriterFixture()
        let store = BufferedDestination(clock: fixture.clock)
        store.append(fixture.frames(1, series: 10))
        let receiver = FakeReceiver([says("9", 400, body: body)], otherwise: says("10"))
        await fixture.run(writer(fixture, receiver, store, .v2)) { store.isAnswered }
        #expect(receiver.requests.count == 1)
        #expect(store.delivered == 9)
        #expect(store.dropped.values.reduce(0, +) == 1)
        #expect(fixture.metric("prometheus_remote_storage_samples_failed_total{") == 1)
    }

    /// To 1.0 such headers say nothing, whoever sends them.
    @Test func headersToAnotherMessageAreNotLookedAt() async {
        let fixture = WriterFixture()
        let store = BufferedDestination(clock: fixture.clock)
        store.append(fixture.frames(1, series: 10))
        let receiver = FakeReceiver(otherwise: says("7"))
        await fixture.run(writer(fixture, receiver, store, .v1)) { store.isAnswered }
        #expect(store.delivered == 10 && store.dropped.isEmpty)
    }

    /// Samples that fit a request of 2.0 may be too many for one of 1.0: it is cut within the limit of bytes.
    @Test func anotherMessageIsCutWithinItsLimits() async throws {
        let fixture = WriterFixture()
        let store = BufferedDestination(clock: fixture.clock)
        let target = TestFrames.target()
        let long = String(repeating: "l", count: 200)
        store.append([
            Frame(
                target: target,
                layout: Layout([
                    TestFrames.chunk(
                        (0..<5_000).map { [Label("__name__", "m\($0)"), Label("long", long)] }, target)
                ]), timestampMs: fixture.clock.wallMs, values: (0..<5_000).map { Double($0) })
        ])
        let first = FakeReceiver(otherwise: .status(503))
        let many = QueueConfiguration(maxSamplesPerSend: 10_000)
        await fixture.run(writer(fixture, first, store, .v2, many)) { first.requests.count == 1 }
        let again = store.afterCrash()
        let second = FakeReceiver(otherwise: .status(200))
        await fixture.run(writer(fixture, second, again, .v1, many)) { again.isAnswered }
        let lengths = try second.bodies.map { try ReferenceCodec.uncompress($0).count }
        #expect(lengths.max() ?? 0 <= BatchCollector.maxRequestBytes && lengths.count > 1)
        #expect(again.delivered == 5_000 && again.isBalanced)
    }

    /// What the cursor says of the requests that are in flight: their message, and the options.
    private func noted(_ store: BufferedDestination) -> [SentRequest] {
        store.reader.sent.values.sorted { $0.spans[0].lowerBound < $1.spans[0].lowerBound }
    }

    /// A request that was in flight when the agent ended is made again byte for byte, whichever message it
    /// was.
    @Test(arguments: [ProtobufMessage.v1, .v2, .auto])
    func aRequestInFlightIsTheSameAfterACrash(message: ProtobufMessage) async throws {
        let fixture = WriterFixture()
        let store = BufferedDestination(clock: fixture.clock)
        store.append(fixture.frames(2, series: 10))
        let first = FakeReceiver(otherwise: .status(503))
        await fixture.run(writer(fixture, first, store, message)) { first.requests.count == 1 }
        let before = noted(store)
        #expect(before.map(\.protocolVersion) == [message == .v1 ? 1 : 2])
        #expect(before.allSatisfy { $0.options != 0 })
        let again = store.afterCrash()
        let second = FakeReceiver(otherwise: .status(200, headers: Self.written))
        await fixture.run(writer(fixture, second, again, message)) { again.isAnswered }
        #expect(second.requests[0].body == first.requests[0].body)
        #expect(isOf20(second.requests[0]) == (message != .v1))
        #expect(second.requests.count == 2 && again.delivered == 20)
    }

    /// The log says that the request had left by 1.0: so it leaves again, and so does what is behind it, as
    /// the cursor knows the receiver.
    @Test func whatLeftBy10AfterAFallBackLeavesSoAfterACrash() async throws {
        let fixture = WriterFixture()
        let store = BufferedDestination(clock: fixture.clock)
        store.append(fixture.frames(2, series: 10))
        let first = FakeReceiver([.status(415)], otherwise: .status(503))
        await fixture.run(writer(fixture, first, store, .auto)) { first.requests.count == 2 }
        #expect(first.requests.map(isOf20) == [true, false])
        #expect(noted(store).map(\.protocolVersion) == [1], "in place of the one that was not understood")
        let again = store.afterCrash()
        let second = FakeReceiver(otherwise: .status(200, headers: Self.written))
        await fixture.run(writer(fixture, second, again, .auto)) { again.isAnswered }
        #expect(second.requests.map(isOf20) == [false, false])
        #expect(second.requests[0].body == first.requests[1].body)
    }

    /// After a crash the same samples, as the configuration has it now, whatever the log says of the message.
    @Test func otherOptionsHaveTheirMessage() async throws {
        let fixture = WriterFixture()
        let store = BufferedDestination(clock: fixture.clock)
        store.append(fixture.frames(1, series: 10))
        let first = FakeReceiver(otherwise: .status(503))
        await fixture.run(writer(fixture, first, store, .v1)) { first.requests.count == 1 }
        let again = store.afterCrash()
        let second = FakeReceiver(otherwise: .status(503))
        await fixture.run(writer(fixture, second, again, .v2)) { second.requests.count == 1 }
        #expect(second.requests.map(isOf20) == [true])
        #expect(try timestamps(second.requests[0]) == timestamps(first.requests[0]))
        #expect(noted(again).map(\.protocolVersion) == [2], "the cursor knows what is on its way now")
    }

    /// A receiver that has shown meanwhile that it does not know 2.0 is not sent it again.
    @Test func aRequestBy20GoesBy10WhereTheReceiverHasFallenBack() async throws {
        let fixture = WriterFixture()
        let store = BufferedDestination(clock: fixture.clock)
        store.append(fixture.frames(1, series: 10))
        let first = FakeReceiver(otherwise: .status(503))
        await fixture.run(writer(fixture, first, store, .auto)) { first.requests.count == 1 }
        let again = store.afterCrash()
        let second = FakeReceiver([.status(415)], otherwise: .status(200))
        await fixture.run(writer(fixture, second, again, .auto)) { again.isAnswered }
        #expect(second.requests.map(isOf20) == [true, false])
        #expect(try timestamps(second.requests[1]) == timestamps(first.requests[0]))
        #expect(again.delivered == 10)
    }

    // MARK: what `auto` remembers

    /// Frames of so many targets, whose requests may fly at once.
    private func frames(of fixture: WriterFixture, targets: Int) -> [Frame] {
        (0..<targets).flatMap { fixture.frames(1, series: 10, job: "job\($0)") }
    }

    private static let many = QueueConfiguration(maxShards: 8, minShards: 8, maxSamplesPerSend: 10)

    /// Until the receiver has decided about one request of 2.0 no other leaves, so that no more than one goes
    /// twice. One that is written out is not asked about.
    @Test(arguments: [(ProtobufMessage.auto, 1), (.v2, 8)])
    func autoAsksWithOneRequest(message: ProtobufMessage, flying: Int) async {
        let fixture = WriterFixture()
        let store = BufferedDestination(clock: fixture.clock)
        store.append(frames(of: fixture, targets: 8))
        let silent = FakeReceiver(otherwise: .hang)
        var looks = 0
        await fixture.run(writer(fixture, silent, store, message, Self.many)) {
            // Long after the last that may leave.
            if silent.requests.count >= flying { looks += 1 }
            return looks > 20_000
        }
        #expect(silent.requests.count == flying)
        // A refusal without a word of the message is an answer, too: from then on as many fly as may.
        let deaf = FakeReceiver(
            [.status(400, body: "out of order sample for series {a}")], otherwise: .hang)
        let again = store.afterCrash()
        await fixture.run(writer(fixture, deaf, again, message, Self.many)) { deaf.requests.count >= 8 }
        #expect(deaf.requests.allSatisfy(isOf20))
    }

    /// What the receiver understands is known after a crash, and by the sender of a configuration that
    /// differs in another key.
    @Test(arguments: [false, true]) func autoRemembers(knows20: Bool) async {
        let fixture = WriterFixture()
        let store = BufferedDestination(clock: fixture.clock)
        store.append(frames(of: fixture, targets: 2))
        let headers = knows20 ? Self.written : []
        let first = FakeReceiver(otherwise: .status(200, headers: headers))
        await fixture.run(writer(fixture, first, store, .auto)) { store.isAnswered }
        #expect(first.requests.map(isOf20) == (knows20 ? [true, true] : [true, false, false]))
        let again = store.afterCrash()
        again.append(frames(of: fixture, targets: 8))
        let second = FakeReceiver(otherwise: .hang)
        // Nothing is asked with one: none of them is answered.
        await fixture.run(writer(fixture, second, again, .auto, Self.many)) { second.requests.count == 8 }
        #expect(second.requests.allSatisfy { isOf20($0) == knows20 })
    }

    /// A fall-back is not for ever, and is not another receiver's.
    @Test(
        arguments: [
            ("http://receiver.example/", 0, .v1),
            ("http://user:other@receiver.example/", 0, .v1), ("http://receiver.example/other", 0, .v2),
            ("http://receiver.example/", DestinationMessages.rememberedMs - 1, .v1),
            ("http://receiver.example/", DestinationMessages.rememberedMs, .v2),
            ("http://receiver.example/", -5_000, .v1), ("http://receiver.example/", .min, .v2),
            ("http://receiver.example/?tenant=a", 0, .v2),
            // The clock that noted it ran ahead.
            ("http://receiver.example/", 1 - DestinationMessages.rememberedMs, .v1),
            ("http://receiver.example/", -DestinationMessages.rememberedMs, .v2),
        ] as [(String, Int64, WriteMessage)])
    func aFallBackIsRememberedAWeek(url: String, laterMs: Int64, expected: WriteMessage) {
        let digest = DestinationMessages.digest("http://user:secret@receiver.example/")
        let note = ReceiverNote(receiver: digest, protocolVersion: 1, foundMs: 1_000)
        var configuration = RemoteWriteConfiguration(url: url, name: "main")
        configuration.protobufMessage = .auto
        let messages = DestinationMessages(
            configuration, remembered: note, wallMs: laterMs == .min ? .min : 1_000 + laterMs)
        #expect(messages.current(5) == expected)
        #expect(messages.isProbing == (expected == .v2))
        configuration.protobufMessage = .v2
        let written = DestinationMessages(configuration, remembered: note, wallMs: 1_000)
        #expect(written.current(5) == .v2 && !written.isProbing)
    }

    /// A query may name the tenant, and so another receiver. User and password do not.
    @Test func aReceiverIsKnownByItsURLWithTheQuery() {
        let queries = ["", "?", "?tenant=a", "?tenant=b"]
        let digests = queries.map { DestinationMessages.digest("http://receiver.example/\($0)") }
        #expect(Set(digests).count == 4)
        #expect(
            DestinationMessages.digest("http://user:secret@receiver.example/?tenant=a#there") == digests[2])
    }
}
