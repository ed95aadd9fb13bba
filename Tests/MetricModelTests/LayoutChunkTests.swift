import MetricModel
import Testing

@Suite struct LayoutChunkTests {
    private let target = Target(
        job: "j", own: LabelSet([Label("instance", "i:1"), Label("job", "j")]),
        external: LabelSet([Label("zone", "z"), Label("job", "outer")]))

    private func chunk(_ series: [[Label]]) -> LayoutChunk {
        var builder = LayoutChunkBuilder()
        for labels in series {
            var merged = labels.map { (name: $0.name, value: Optional($0.value), index: 0) }
            for (index, label) in target.labels.labels.enumerated() {
                merged.append((name: label.name, value: nil, index: index))
            }
            for entry in merged.sorted(by: { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }) {
                if let value = entry.value {
                    builder.appendLabel(name: Array(entry.name.utf8).span, value: Array(value.utf8).span)
                } else {
                    builder.appendTargetLabel(entry.index)
                }
            }
            builder.endSeries()
        }
        return builder.finish()
    }

    @Test func targetLabelsStandInSortedPlace() {
        let chunk = chunk([
            [Label("__name__", "up")],
            [Label("__name__", "x"), Label("a", "1"), Label("k", "2"), Label("zz", "3")],
        ])
        #expect(chunk.seriesCount == 2)
        #expect(
            chunk.labels(ofSeries: 0, target: target)
                == LabelSet([
                    Label("__name__", "up"), Label("instance", "i:1"), Label("job", "j"), Label("zone", "z"),
                ]))
        #expect(
            chunk.labels(ofSeries: 1, target: target)?.labels.map(\.name)
                == ["__name__", "a", "instance", "job", "k", "zone", "zz"])
        #expect(chunk.targetLabelBound == 3)
    }

    @Test func neighbouringTargetLabelsShareAPiece() {
        let chunk = chunk([[Label("__name__", "up")]])
        #expect(
            chunk.plain.pieces == [
                .init(runEnd: UInt32(chunk.plain.bytes.count), firstTargetLabel: 0, targetLabelCount: 3)
            ])
    }

    @Test func equalContentHasOneDigest() {
        let one = chunk([[Label("__name__", "a")], [Label("__name__", "b")]])
        let two = chunk([[Label("__name__", "a")], [Label("__name__", "b")]])
        let other = chunk([[Label("__name__", "a")], [Label("__name__", "c")]])
        #expect(one.hasSameContent(as: two))
        #expect(one.digest == two.digest)
        #expect(!one.hasSameContent(as: other))
    }

    @Test func aSeriesHasOneHashWhereverItStands() {
        let names = (0..<40).map { [Label("__name__", String(repeating: "a", count: 1 + $0))] }
        let all = chunk(names)
        for (index, name) in names.enumerated() {
            #expect(chunk([[Label("__name__", "z")], name]).seriesHash(1) == all.seriesHash(index))
        }
        #expect(Set(names.indices.map { all.seriesHash($0) }).count == names.count)
        // The own label stands before the target's, or behind them.
        let before = chunk([[Label("a", "1")]])
        let behind = LayoutChunk(
            bytes: before.plain.bytes,
            pieces: [
                .init(runEnd: 0, firstTargetLabel: 0, targetLabelCount: 3),
                .init(runEnd: UInt32(before.plain.bytes.count), firstTargetLabel: 0, targetLabelCount: 0),
            ], pieceOffsets: [0, 2])
        #expect(behind?.seriesHash(0) != before.seriesHash(0))
    }

    @Test func offsetsThatLeaveTheirArrayAreRefused() {
        let piece = LayoutChunk.Piece(runEnd: 2, firstTargetLabel: 0, targetLabelCount: 0)
        #expect(LayoutChunk(bytes: [1, 2], pieces: [piece], pieceOffsets: [0, 1]) != nil)
        #expect(LayoutChunk(bytes: [1], pieces: [piece], pieceOffsets: [0, 1]) == nil, "run past the bytes")
        #expect(
            LayoutChunk(bytes: [1, 2, 3], pieces: [piece], pieceOffsets: [0, 1]) == nil, "bytes of nobody")
        #expect(
            LayoutChunk(bytes: [1, 2], pieces: [piece], pieceOffsets: [0, 2]) == nil, "piece past the pieces")
        #expect(
            LayoutChunk(bytes: [1, 2], pieces: [piece], pieceOffsets: [0, 0, 1]) == nil,
            "series without a piece")
        #expect(LayoutChunk(bytes: [], pieces: [], pieceOffsets: []) == nil, "no offsets at all")
        #expect(LayoutChunk(bytes: [], pieces: [], pieceOffsets: [0]) != nil, "no series")
    }

    @Test func damagedLabelBytesDecodeToNil() {
        #expect(EncodedLabels.decode([0x0A]) == nil)
        #expect(EncodedLabels.decode([0x0A, 0x05, 0x0A, 0x01, 0x61]) == nil)
        #expect(EncodedLabels.decode([0x0A, 0x06, 0x0A, 0x01, 0x61, 0x12, 0x01, 0x62]) == [Label("a", "b")])
    }
}
