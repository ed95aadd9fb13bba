import Configuration
import HTTPTransport
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
        #expect(fixture.said.all("does not understand remote write 2.0").count == 1)
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

    /// The log says that the request had left by 1.0: so it leaves again, and 2.0 is asked for behind it.
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
        #expect(second.requests.map(isOf20) == [false, true])
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
}
