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
        _ change: (inout RemoteWriteConfiguration) -> Void = { _ in }
    ) -> RemoteWriter {
        var configuration = RemoteWriteConfiguration(url: "http://receiver.example/", name: "main")
        configuration.metadata.maxSamplesPerSend = 2
        change(&configuration)
        return RemoteWriter(
            configuration: configuration, destination: store.destination, http: receiver,
            credentials: nil, region: nil, workers: fixture.workers,
            clock: fixture.clock, registry: fixture.registry, logger: fixture.said.logger,
            families: { [families] in families })
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
