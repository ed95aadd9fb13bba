import MetricModel
import Testing

@Suite struct LayoutInternerTests {
    private func chunk(_ name: String) -> LayoutChunk {
        var builder = LayoutChunkBuilder()
        builder.appendLabel(name: Array("__name__".utf8).span, value: Array(name.utf8).span)
        builder.endSeries()
        return builder.finish()
    }

    @Test func equalChunksBecomeOneObject() {
        let interner = LayoutInterner()
        let first = interner.intern(chunk("a"))
        #expect(interner.intern(chunk("a")) === first)
        #expect(interner.intern(chunk("b")) !== first)
    }

    @Test func nothingIsKeptForItself() {
        let interner = LayoutInterner()
        let kept = interner.intern(chunk("kept"))
        for index in 0..<5_000 { _ = interner.intern(chunk("gone\(index)")) }
        #expect(interner.count == 1)
        #expect(interner.intern(chunk("kept")) === kept)
    }

    @Test func sizeIsThatOfTheChunksInUse() throws {
        let interner = LayoutInterner()
        let metadata = try #require(
            ChunkMetadata(comments: [], runs: [.init(firstSeries: 0, offset: .max)], seriesCount: 1))
        let kept = [interner.intern(chunk("a")), interner.intern(chunk("b").adding(metadata))]
        _ = interner.intern(chunk("gone"))
        _ = interner.intern(chunk("a"))
        let size = interner.size
        #expect(size.chunks == 2 && size.series == 2 && size.metadataBytes == 8)
        #expect(
            size.labelBytes + size.partBytes + size.metadataBytes
                == kept.reduce(0) { $0 + $1.heldBytes })
        #expect(size.labelBytes == kept.reduce(0) { $0 + $1.plain.bytes.count }, "nothing repeats in one")
    }
}
