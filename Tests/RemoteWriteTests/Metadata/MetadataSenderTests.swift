import Configuration
import HTTPTransport
import MetricModel
import Platform
import TestSupport
import Testing

@testable import RemoteWrite

@Suite struct MetadataSenderTests {
    private let families = (0..<5).map { MetricMetadata(family: "f\($0)", kind: .counter, help: "Help.") }

    private func writer(
        _ fixture: WriterFixture, _ receiver: FakeReceiver, _ store: BufferedDestination,
        families: [MetricMetadata]? = nil, _ change: (inout RemoteWriteConfiguration) -> Void = { _ in }
    ) -> RemoteWriter {
        var configuration = RemoteWriteConfiguration(url: "http://receiver.example/", name: "main")
        configuration.metadata.maxSamplesPerSend = 2
        change(&configuration)
        return RemoteWriter(
            configuration: configuration, destination: store.destination, http: receiver,
            credentials: nil, region: nil, workers: fixture.workers,
            clock: fixture.clock, registry: fixture.registry, logger: fixture.said.logger,
            families: { [families = families ?? self.families] in families })
    }

    private func sent(_ receiver: FakeReceiver) throws -> [[MetricMetadata]] {
        try receiver.bodies.map { try ReferenceCodec.unpackMetadata(ReferenceCodec.uncompress($0)) }
    }

    @Test func familiesAreSentEveryInterval() async throws {
        let fixture = WriterFixture()
        let receiver = FakeReceiver()
        let beganNs = fixture.clock.monotonicNs
        await fixture.run(writer(fixture, receiver, BufferedDestination(clock: fixture.clock))) {
            receiver.requests.count >= 6
        }
        #expect(fixture.clock.monotonicNs >= beganNs + 120_000_000_000, "two intervals of a minute")
        let once = [Array(families[0..<2]), Array(families[2..<4]), Array(families[4...])]
        #expect(try Array(sent(receiver).prefix(6)) == once + once)
        let headers = receiver.requests[0].headers.map { "\($0.name): \($0.value)" }
        #expect(headers.contains("Content-Type: application/x-protobuf"))
        #expect(headers.contains("X-Prometheus-Remote-Write-Version: 0.1.0"))
        #expect(fixture.metric("prometheus_remote_storage_metadata_total{") == 10)
        #expect(fixture.metric("prometheus_remote_storage_metadata_failed_total{") == 0)
    }

    @Test func aReceiverThatIsAwayIsTriedAgain() async throws {
        let fixture = WriterFixture()
        let receiver = FakeReceiver([.status(503), .error(.connect), .status(400)])
        await fixture.run(writer(fixture, receiver, BufferedDestination(clock: fixture.clock))) {
            receiver.requests.count >= 5
        }
        // The first batch thrice, then the others.
        #expect(
            try Array(sent(receiver).prefix(5).map { $0.first?.family }) == ["f0", "f0", "f0", "f2", "f4"])
        #expect(fixture.metric("prometheus_remote_storage_metadata_retried_total{") == 4)
        #expect(fixture.metric("prometheus_remote_storage_metadata_failed_total{") == 2)
        #expect(fixture.said.all("metadata were not taken").count == 1)
    }

    /// Metadata keep to the limits of one's own: a request a second.
    @Test func ownLimitsHold() async {
        let fixture = WriterFixture()
        let receiver = FakeReceiver()
        let beganNs = fixture.clock.monotonicNs
        let writer = writer(fixture, receiver, BufferedDestination(clock: fixture.clock)) {
            $0.limits = DestinationLimits(requestsPerSecond: 0.2)
        }
        await fixture.run(writer) { receiver.requests.count >= 3 }
        // The bucket holds one second's worth: the first overdraws it by 4 s.
        #expect(fixture.clock.monotonicNs >= beganNs + 68_000_000_000)
    }

    @Test func withoutABudgetNothingIsSent() async {
        let fixture = WriterFixture()
        let receiver = FakeReceiver()
        let beganNs = fixture.clock.monotonicNs
        let writer = writer(fixture, receiver, BufferedDestination(clock: fixture.clock)) {
            $0.limits = DestinationLimits(bytesPerDay: 1)
        }
        await fixture.run(writer) { fixture.clock.monotonicNs > beganNs + 300_000_000_000 }
        #expect(receiver.requests.count <= 1)
    }

    /// What a receiver, or a proxy before it, refuses as too large is halved, and so are those behind it.
    @Test func whatIsTooLargeIsCut() async throws {
        let fixture = WriterFixture()
        let receiver = FakeReceiver([.status(413)])
        await fixture.run(writer(fixture, receiver, BufferedDestination(clock: fixture.clock))) {
            receiver.requests.count >= 5
        }
        #expect(
            try Array(sent(receiver).prefix(5).map { $0.map(\.family) })
                == [["f0", "f1"], ["f0"], ["f1"], ["f2"], ["f3"]])
        #expect(fixture.metric("prometheus_remote_storage_metadata_failed_total{") == 0)
    }

    @Test func throttledMetadataAreLetGoWhereSamplesAre() async throws {
        let fixture = WriterFixture()
        let receiver = FakeReceiver([.status(429)])
        let writer = writer(fixture, receiver, BufferedDestination(clock: fixture.clock)) {
            $0.queue.retryOnHTTP429 = false
        }
        await fixture.run(writer) { receiver.requests.count >= 3 }
        #expect(try Array(sent(receiver).prefix(3).map { $0.first?.family }) == ["f0", "f2", "f4"])
    }

    /// Names are those that the series are sent under; of families that fall together the first is sent.
    @Test func namesAreEscapedWhereThoseOfSeriesAre() async throws {
        let fixture = WriterFixture()
        let receiver = FakeReceiver()
        let named = ["http.requests", "http/requests", "up"].map {
            MetricMetadata(family: $0, kind: .counter, help: "Of \($0).")
        }
        let writer = writer(fixture, receiver, BufferedDestination(clock: fixture.clock), families: named) {
            $0.escapeUTF8Names = true
        }
        await fixture.run(writer) { receiver.requests.count >= 1 }
        #expect(
            try sent(receiver)[0].map { "\($0.family) \($0.help)" }
                == ["http_requests Of http.requests.", "up Of up."])
    }

    /// A destination that is to be sent 2.0 and does not know it is sent metadata as one of 1.0 is.
    @Test func aDestinationThatHasFallenBackIsSentMetadata() async throws {
        let fixture = WriterFixture()
        let store = BufferedDestination(clock: fixture.clock)
        store.append(fixture.frames(1, series: 1))
        let receiver = FakeReceiver([.status(415)])
        let beganNs = fixture.clock.monotonicNs
        let writer = writer(fixture, receiver, store) { $0.protobufMessage = .v2 }
        await fixture.run(writer) { fixture.clock.monotonicNs > beganNs + 100_000_000_000 }
        #expect(receiver.requests.count == 2 + 3)
    }

    @Test(arguments: [true, false]) func nothingIsSentWhereItIsNotWanted(bySymbols: Bool) async {
        let fixture = WriterFixture()
        let receiver = FakeReceiver()
        let beganNs = fixture.clock.monotonicNs
        let writer = writer(fixture, receiver, BufferedDestination(clock: fixture.clock)) {
            if bySymbols { $0.protobufMessage = .v2 } else { $0.metadata.send = false }
        }
        await fixture.run(writer) { fixture.clock.monotonicNs > beganNs + 300_000_000_000 }
        #expect(receiver.requests.isEmpty)
    }
}
