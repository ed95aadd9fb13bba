import MetricModel
import Testing

@Suite struct FrameTests {
    @Test func samplesAreValuesLessAbsentPlusDeparted() {
        var builder = LayoutChunkBuilder()
        for name in ["a", "b", "c"] {
            builder.appendLabel(name: Array("__name__".utf8).span, value: Array(name.utf8).span)
            builder.endSeries()
        }
        let chunk = builder.finish()
        let frame = Frame(
            target: Target(job: "j", own: LabelSet()), layout: Layout([chunk]), timestampMs: 1,
            values: [1, 2, 3],
            absent: [1], departed: [.init(chunk: chunk, series: [0, 2])])
        #expect(frame.sampleCount == 4)
    }
}
