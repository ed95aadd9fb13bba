import Configuration
import MetricModel
import Testing

@testable import RemoteWrite

/// What was in flight when the agent ended, where the configuration has another receiver at the next start.
struct PreparedRequestTests {
    private let fixture = WriterFixture()

    private func frames(_ count: Int) -> [Frame] {
        (0..<count).flatMap { fixture.frames(1, series: 10, job: "job\($0)") }
    }

    private func run(
        _ store: BufferedDestination, _ receiver: FakeReceiver, url: String, samples: Int,
        until condition: () -> Bool
    ) async {
        let configuration = RemoteWriteConfiguration(url: url, name: "main")
        RemoteWriter.prepare(store.destination, for: configuration)
        let queue = QueueConfiguration(maxShards: 1, maxSamplesPerSend: samples)
        await fixture.run(fixture.writer(store, receiver, queue: queue, url: url), until: condition)
    }

    /// "Out of order" tells of samples that were in flight that they are stored, where the receiver is the
    /// one that they had left for. Of another one it tells nothing: they are sent to it as any others.
    @Test(
        arguments: [
            ("http://receiver.example/write", true), ("http://user:pw@receiver.example/write#x", true),
            ("http://other.example/write", false), ("http://receiver.example/write?tenant=b", false),
        ])
    func aRefusalIsASignOfStorageOnlyByTheReceiverThatWasSentTo(url: String, isSame: Bool) async throws {
        let store = BufferedDestination(clock: fixture.clock)
        store.append(frames(6))
        let silent = FakeReceiver([.status(200)], otherwise: .hang)
        await run(store, silent, url: "http://receiver.example/write", samples: 25) {
            silent.requests.count == 2
        }
        #expect(store.delivered == 25)
        let again = store.afterCrash()
        // It has stored the good samples of the request, which may be none.
        let receiver = FakeReceiver([.status(400, body: "err: out of order sample, series={}")])
        await run(again, receiver, url: url, samples: 25) { again.isAnswered }
        let inFlight = try ReferenceCodec.samples(ofBody: silent.bodies[1])
        #expect(try ReferenceCodec.samples(ofBody: receiver.bodies[0]) == inFlight, "they go first")
        #expect(again.delivered == (isSame ? 60 : 35) && again.isBalanced)
        #expect(again.dropped == (isSame ? [:] : ["sample_out_of_order": 25]))
    }
}
