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
}
