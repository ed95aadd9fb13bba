import MetricModel
import Testing

@testable import RemoteWrite

@Suite struct FrameHistogramCountTests {
    private func marked(_ chunk: LayoutChunk, _ series: [UInt32]) throws -> LayoutChunk {
        let plain = chunk.plain
        return try #require(
            LayoutChunk(
                bytes: plain.bytes, pieces: plain.pieces, pieceOffsets: plain.pieceOffsets,
                histogramSeries: series))
    }

    @Test func histogramsAreCountedByTheSamplesOfARange() throws {
        // Series 0 … 9 without 2 and 4, of which 1, 4, 5 and 9 are histograms; then two that left, the
        // second of them a histogram.
        let plain = TestFrames.frame(count: 10, timestampMs: 1, absent: [2, 4], departed: ["x", "y"])
        let gone = try #require(plain.departed.first)
        let frame = Frame(
            target: plain.target, layout: Layout([try marked(plain.layout.chunks[0], [1, 4, 5, 9])]),
            timestampMs: 1, values: plain.values, absent: plain.absent,
            departed: [.init(chunk: try marked(gone.chunk, [1]), series: gone.series)])
        #expect(frame.sampleCount == 10)
        #expect(frame.histogramCount(in: 0..<10) == 4)
        #expect((0..<10).map { frame.histogramCount(in: $0..<$0 + 1) } == [0, 1, 0, 1, 0, 0, 0, 1, 0, 1])
        #expect(frame.histogramCount(in: 2..<9) == 2)
        #expect(plain.histogramCount(in: 0..<10) == 0)
    }
}
