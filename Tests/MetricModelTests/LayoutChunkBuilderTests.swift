import MetricModel
import Testing

@Suite struct LayoutChunkBuilderTests {
    @Test func aSeriesOfTargetLabelsAloneIsOnePiece() {
        var builder = LayoutChunkBuilder()
        builder.appendTargetLabel(1)
        builder.appendTargetLabel(2)
        builder.endSeries()
        let chunk = builder.finish()
        #expect(chunk.pieces == [.init(runEnd: 0, firstTargetLabel: 1, targetLabelCount: 2)])
        #expect(chunk.bytes.isEmpty)
    }

    @Test func aGapInTargetLabelsBeginsANewPiece() {
        var builder = LayoutChunkBuilder()
        builder.appendTargetLabel(0)
        builder.appendTargetLabel(2)
        builder.endSeries()
        let chunk = builder.finish()
        #expect(chunk.pieces.map(\.firstTargetLabel) == [0, 2])
        #expect(chunk.pieceOffsets == [0, 2])
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
}
