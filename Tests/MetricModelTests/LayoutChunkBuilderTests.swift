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

    @Test func seriesOfAnotherChunkAreAsIfMade() {
        func append(_ series: Range<Int>, _ histograms: Set<Int>, to builder: inout LayoutChunkBuilder) {
            for index in series {
                builder.appendLabel(name: Array("a".utf8).span, value: Array("\(index)".utf8).span)
                builder.appendTargetLabel(index % 3)
                builder.endSeries(isHistogram: histograms.contains(index))
            }
        }
        for histograms: Set<Int> in [[], [3], [0, 2, 3, 6, 7, 11]] {
            var builder = LayoutChunkBuilder()
            append(0..<12, histograms, to: &builder)
            let chunk = builder.finish()
            for first in 0...12 {
                for last in first...12 {
                    append(0..<2, histograms, to: &builder)
                    builder.append(seriesOf: chunk, first..<last)
                    let copied = builder.finish()
                    append(0..<2, histograms, to: &builder)
                    append(first..<last, histograms, to: &builder)
                    let made = builder.finish()
                    #expect(copied.hasSameContent(as: made), "\(first)..<\(last) of \(histograms)")
                }
            }
        }
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
