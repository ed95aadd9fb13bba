import MetricModel
import Telemetry
import TestSupport
import Testing

@testable import WriteAheadBuffer

struct BufferMetricsTests {
    @Test func samplesAreCountedByTypeAndExemplarsBeside() throws {
        var generator = SeededGenerator(seed: 7)
        let fixture = try BufferFixture()
        let buffer = try fixture.open()
        let layout = Layout([TestFrames.histogramChunk("h", count: 30)])
        let plain = TestFrames.frame(fixture.target, layout, at: 1)
        let frame = TestFrames.withSides(plain, before: nil, &generator)
        try buffer.append(frame)
        try buffer.append(fixture.frame(1))
        let page = fixture.registry.render()
        let (all, histograms) = (frame.sampleCount + 10, frame.histograms.count)
        #expect(histograms > 0 && frame.exemplars.count > 0)
        for name in [
            "prometheus_agent_samples_appended_total", "prometheus_tsdb_head_samples_appended_total",
        ] {
            #expect(page.contains("\(name){type=\"float\"} \(all - histograms)\n"))
            #expect(page.contains("\(name){type=\"histogram\"} \(histograms)\n"))
        }
        #expect(page.contains("\nprometheus_agent_exemplars_appended_total \(frame.exemplars.count)\n"))
    }

    @Test func removedSegmentsAreCountedAndDestinationsTellWhereTheyAre() throws {
        let fixture = try BufferFixture()
        fixture.segmentMaxAgeMs = 1_000
        fixture.retentionAgeMs = 1_500
        let buffer = try fixture.open()
        _ = try buffer.openDestination("a")
        let first = buffer.currentSegments
        #expect(first.map(\.destination) == ["a"])
        for _ in 0..<4 {
            try buffer.append(fixture.frame(1))
            fixture.clock.advance(ms: 1_000)
        }
        buffer.keep()
        let page = fixture.registry.render()
        #expect(!page.contains("prometheus_tsdb_wal_truncations_total 0\n"))
        #expect(page.contains("prometheus_tsdb_wal_truncations_failed_total 0\n"))
        #expect(page.contains("prometheus_tsdb_wal_fsync_duration_seconds{quantile=\"0.99\"} 0\n"))
        #expect(buffer.currentSegments[0].segment > first[0].segment)
    }

    /// One that is torn at its end, and one of which nothing can be read.
    @Test(arguments: [1, 400]) func aDamagedCursorIsCounted(lost: Int) throws {
        let fixture = try BufferFixture()
        do {
            let buffer = try fixture.open()
            let stream = try buffer.openStream("a")
            for value in 0..<3 { try buffer.append(fixture.frame(Double(value))) }
            try stream.drain()
            try buffer.close()
        }
        let counted = { fixture.registry.render().contains("\nnarthex_buffer_damaged_cursors_total 1\n") }
        do {
            let buffer = try fixture.open()
            _ = try buffer.openDestination("a")
            #expect(!counted())
        }
        let path = "\(fixture.folder.path)/\(BufferFileName.cursor("a"))"
        try fixture.overwrite(path, with: Array(fixture.bytes(path).dropLast(lost)))
        let buffer = try fixture.open()
        _ = try buffer.openDestination("a")
        #expect(counted())
    }
}
