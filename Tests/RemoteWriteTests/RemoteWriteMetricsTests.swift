import Configuration
import Logging
import MetricModel
import Platform
import Telemetry
import TestSupport
import Testing

@testable import RemoteWrite

@Suite(.serialized) struct RemoteWriteMetricsTests {
    private let fixture = WriterFixture()

    private func writer(
        _ store: BufferedDestination, _ receiver: FakeReceiver, sendsHistograms: Bool = true,
        ageLimitMs: Int64 = 0
    ) -> RemoteWriter {
        RemoteWriter(
            configuration: RemoteWriteConfiguration(
                url: "http://receiver.example/api/v1/write", name: "main",
                queue: QueueConfiguration(sampleAgeLimitMs: ageLimitMs), sendExemplars: true,
                sendNativeHistograms: sendsHistograms),
            destination: store.destination, http: receiver, credentials: nil, region: nil,
            workers: fixture.workers, clock: fixture.clock,
            registry: fixture.registry, logger: fixture.said.logger)
    }

    /// Two floats, one of them with an exemplar, and a histogram.
    private func frame() throws -> Frame {
        let target = TestFrames.target()
        let plain = TestFrames.chunk(["a", "b", "h"].map { [Label("__name__", $0)] }, target).plain
        let chunk = try #require(
            LayoutChunk(
                bytes: plain.bytes, pieces: plain.pieces, pieceOffsets: plain.pieceOffsets,
                histogramSeries: [2]))
        let histogram = NativeHistogram(
            schema: 0, sum: 1,
            counts: .integer(count: 0, zeroCount: 0, positiveDeltas: [], negativeDeltas: []))
        return Frame(
            target: target, layout: Layout([chunk]), timestampMs: fixture.clock.wallMs - 60_000,
            values: [1, 2, 1], histograms: [.init(series: 2, histogram: histogram)],
            exemplars: [
                .init(
                    series: 0,
                    exemplar: Exemplar(labels: LabelSet([]), value: 1, timestampMs: nil))
            ])
    }

    /// The numbers of the families of this name, by kind.
    private func figures(_ suffix: String, reason: String? = nil) -> [String: String] {
        let page = fixture.registry.render()
        let labels =
            "{remote_name=\"main\",url=\"http://receiver.example/api/v1/write\""
            + (reason.map { ",reason=\"\($0)\"" } ?? "") + "} "
        return ["samples", "histograms", "exemplars"].reduce(into: [:]) { found, kind in
            let start = "prometheus_remote_storage_\(kind)\(suffix)\(labels)"
            let line = page.split(separator: "\n").first { $0.hasPrefix(start) }
            found[kind] = line.map { String($0.dropFirst(start.count)) }
        }
    }

    private let one = ["samples": "2", "histograms": "1", "exemplars": "1"]
    private let none = ["samples": "0", "histograms": "0", "exemplars": "0"]

    @Test func eachKindIsCountedByItself() async throws {
        let store = BufferedDestination(clock: fixture.clock)
        store.append([try frame()])
        let receiver = FakeReceiver([.status(500), .status(400, body: "user u: series limit")])
        let writer = writer(store, receiver)
        #expect(figures("_failed_total") == none)
        await fixture.run(writer) { store.isAnswered }
        #expect(figures("_total") == ["samples": "4", "histograms": "2", "exemplars": "2"])
        #expect(figures("_retried_total") == one)
        #expect(figures("_failed_total") == one)
        #expect(figures("_pending") == none)
    }

    @Test func theBacklogIsPendingAndWhatARequestHolds() async throws {
        let store = BufferedDestination(clock: fixture.clock)
        store.append([try frame()] + fixture.frames(3, series: 100, job: "other"))
        let receiver = FakeReceiver(otherwise: .status(404))
        let writer = writer(store, receiver)
        #expect(figures("_pending") == ["samples": "303", "histograms": "0", "exemplars": "0"])
        var held: [String: String] = [:]
        await fixture.run(writer) {
            guard writer.status().slots[0].state == .held else { return false }
            held = figures("_pending")
            return true
        }
        #expect(held == ["samples": "303", "histograms": "1", "exemplars": "1"])
    }

    @Test func whatIsNotSentIsCountedByKindAndReason() async throws {
        let store = BufferedDestination(clock: fixture.clock)
        store.append([try frame()])
        let writer = writer(store, FakeReceiver(), sendsHistograms: false)
        await fixture.run(writer) { store.isAnswered }
        #expect(figures("_dropped_total", reason: DropReason.histogramsOff) == ["histograms": "1"])
        #expect(figures("_dropped_total", reason: DropReason.tooOld) == ["samples": "0", "histograms": "0"])
    }

    @Test func whatHasBecomeTooOldIsCountedByKind() async throws {
        let store = BufferedDestination(clock: fixture.clock)
        store.append([try frame()])
        let writer = writer(store, FakeReceiver(), ageLimitMs: 1_000)
        await fixture.run(writer) { store.isAnswered }
        #expect(figures("_dropped_total", reason: DropReason.tooOld) == ["samples": "2", "histograms": "1"])
    }
}
