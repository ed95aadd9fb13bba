import MetricModel
import Testing

@testable import RemoteWrite

@Suite struct ChunkSymbolsTests {
    private func strings(_ symbols: ChunkSymbols) -> [String] {
        (0..<symbols.stringCount).map {
            String(decoding: symbols.text[symbols.place(of: UInt32($0))], as: UTF8.self)
        }
    }

    @Test func eachStringStandsOnceAndSeriesReferToThem() throws {
        let target = TestFrames.target([Label("job", "j")])
        let chunk = TestFrames.chunk(
            [
                [Label("__name__", "a"), Label("z", "1")], [Label("__name__", "b"), Label("z", "1")],
                [Label("__name__", "z")],
            ], target)
        let symbols = try #require(ChunkSymbols(chunk))
        #expect(strings(symbols) == ["", "__name__", "a", "z", "1", "b"])
        #expect(symbols.references == [1, 2, 3, 4, 1, 5, 3, 4, 1, 3])
        // Two pieces a series: before and behind the target's label.
        #expect(symbols.pieces.map(\.runEnd) == [2, 4, 6, 8, 10])
    }

    @Test func familiesAreReferences() throws {
        let target = TestFrames.target([])
        let plain = TestFrames.chunk(["a", "b", "c"].map { [Label("__name__", $0)] }, target).plain
        var comments: [UInt8] = []
        ChunkMetadata.append(.type, family: Array("b".utf8), text: Array("gauge".utf8)[...], to: &comments)
        ChunkMetadata.append(.help, family: Array("b".utf8), text: Array("a".utf8)[...], to: &comments)
        let metadata = try #require(
            ChunkMetadata(
                comments: comments,
                runs: [
                    .init(firstSeries: 1, offset: 0),
                    .init(firstSeries: 2, offset: ChunkMetadata.Run.noFamily),
                ], seriesCount: 3))
        let chunk = try #require(
            LayoutChunk(
                bytes: plain.bytes, pieces: plain.pieces, pieceOffsets: plain.pieceOffsets,
                metadata: metadata))
        let symbols = try #require(ChunkSymbols(chunk))
        #expect(symbols.runs.map(\.firstSeries) == [0, 1, 2])
        #expect(symbols.runs.map(\.family) == [nil, 0, nil])
        #expect(symbols.families.map(\.kind) == [2])
        // The help text is a string that the chunk has already.
        #expect(symbols.families.map { strings(symbols)[Int($0.help)] } == ["a"])
        #expect(symbols.families.map(\.unit) == [0])
    }

    @Test func bytesThatAreNoLabelsAreRefused() throws {
        let chunk = try #require(
            LayoutChunk(
                bytes: [1, 2, 3], pieces: [.init(runEnd: 3, firstTargetLabel: 0, targetLabelCount: 0)],
                pieceOffsets: [0, 1]))
        #expect(ChunkSymbols(chunk) == nil)
    }
}
