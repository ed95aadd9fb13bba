import MetricModel
import Testing

@Suite struct LayoutChunkBuilderTests {
    @Test func aSeriesOfTargetLabelsAloneIsOnePiece() {
        var builder = LayoutChunkBuilder()
        builder.appendTargetLabel(1)
        builder.appendTargetLabel(2)
        builder.endSeries()
        let chunk = builder.finish()
        #expect(chunk.plain.pieces == [.init(runEnd: 0, firstTargetLabel: 1, targetLabelCount: 2)])
        #expect(chunk.plain.bytes.isEmpty)
    }

    @Test func aGapInTargetLabelsBeginsANewPiece() {
        var builder = LayoutChunkBuilder()
        builder.appendTargetLabel(0)
        builder.appendTargetLabel(2)
        builder.endSeries()
        let chunk = builder.finish()
        #expect(chunk.plain.pieces.map(\.firstTargetLabel) == [0, 2])
        #expect(chunk.plain.pieceOffsets == [0, 2])
    }

    @Test func theBuilderIsEmptyAfterFinish() {
        var builder = LayoutChunkBuilder()
        builder.appendLabel(name: Array("a".utf8).span, value: Array("b".utf8).span)
        builder.endSeries()
        _ = builder.finish()
        #expect(builder.seriesCount == 0)
        #expect(builder.byteCount == 0)
        #expect(builder.finish().seriesCount == 0)
    }

    @Test func histogramsAreMarkedAndMakeAnotherChunk() {
        func chunk(_ histograms: Set<Int>) -> LayoutChunk {
            var builder = LayoutChunkBuilder()
            for index in 0..<3 {
                builder.appendLabel(name: Array("a".utf8).span, value: Array("\(index)".utf8).span)
                builder.endSeries(isHistogram: histograms.contains(index))
            }
            return builder.finish()
        }
        #expect(chunk([0, 2]).histogramSeries == [0, 2])
        #expect(!chunk([0, 2]).hasSameContent(as: chunk([0])))
        #expect(chunk([0, 2]).hasSameContent(as: chunk([0, 2])))
        #expect(Layout([chunk([1]), chunk([]), chunk([0, 2])]).histogramSeries == [1, 6, 8])
        let plain = chunk([]).plain
        for bad: [UInt32] in [[3], [1, 1], [2, 0]] {
            #expect(
                LayoutChunk(
                    bytes: plain.bytes, pieces: plain.pieces, pieceOffsets: plain.pieceOffsets,
                    histogramSeries: bad) == nil)
        }
    }
}
