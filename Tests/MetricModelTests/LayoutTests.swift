import MetricModel
import Testing

@Suite struct LayoutTests {
    private func chunk(_ names: [String]) -> LayoutChunk {
        var builder = LayoutChunkBuilder()
        for name in names {
            builder.appendLabel(name: Array("__name__".utf8).span, value: Array(name.utf8).span)
            builder.endSeries()
        }
        return builder.finish()
    }

    @Test func ordinalsRunThroughTheChunks() {
        let layout = Layout([chunk(["a", "b"]), chunk([]), chunk(["c"])])
        let target = Target(job: "j", own: LabelSet())
        #expect(layout.seriesCount == 3)
        #expect(layout.starts == [0, 2, 2, 3])
        #expect((0..<3).map { layout.labels(ofSeries: $0, target: target)?["__name__"] } == ["a", "b", "c"])
        #expect(layout.labels(ofSeries: 3, target: target) == nil)
    }

    @Test func identityIsByChunkObject() {
        let one = chunk(["a"])
        #expect(Layout([one]).isIdentical(to: Layout([one])))
        #expect(!Layout([one]).isIdentical(to: Layout([chunk(["a"])])))
        #expect(!Layout([one]).isIdentical(to: Layout([one, one])))
    }
}
