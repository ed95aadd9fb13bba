import MetricModel

/// Frames of every kind, for seeds of the buffer.
enum SeedFrames {
    static var all: [Frame] {
        [1_000, 2_000, 3_000].flatMap { timestampMs in ["a", "b", "c"].map { frame($0, at: timestampMs) } }
    }

    private static let targets = Dictionary(
        uniqueKeysWithValues: ["a", "b", "c"].map { name in
            (
                name,
                Target(
                    job: name == "c" ? "k" : "j", own: LabelSet([Label("instance", name)]),
                    external: LabelSet([Label("x", "y")]))
            )
        })

    private static let chunk: LayoutChunk = {
        var builder = LayoutChunkBuilder()
        for (name, isHistogram) in [("h", true), ("n", false), ("o", false)] {
            builder.appendLabel(name: Array("__name__".utf8).span, value: Array(name.utf8).span)
            builder.appendTargetLabel(0)
            builder.endSeries(isHistogram: isHistogram)
        }
        return builder.finish()
    }()

    private static func frame(_ name: String, at timestampMs: Int64) -> Frame {
        let histogram = NativeHistogram(
            schema: 1, zeroThreshold: 0.1, sum: Double(timestampMs),
            positiveSpans: [.init(offset: 2, length: 2)],
            counts: .integer(count: 9, zeroCount: 1, positiveDeltas: [3, 2], negativeDeltas: []))
        let isWhole = timestampMs > 1_000
        return Frame(
            target: targets[name] ?? Target(job: "", own: LabelSet(), external: LabelSet()),
            layout: Layout(isWhole ? [chunk, chunk] : [chunk]), timestampMs: timestampMs,
            values: isWhole
                ? [histogram.sum, 1, 2, histogram.sum, 3, Double(timestampMs)] : [histogram.sum, 1.5, 2],
            explicitTimestamps: isWhole ? [.init(series: 1, timestampMs: 5)] : [],
            absent: isWhole ? [] : [2],
            departed: isWhole ? [.init(chunk: chunk, series: [0, 2])] : [],
            histograms: (isWhole ? [0, 3] : [0]).map { .init(series: $0, histogram: histogram) },
            exemplars: [
                .init(
                    series: 1,
                    exemplar: Exemplar(labels: LabelSet([Label("id", "1")]), value: 1, timestampMs: 7))
            ],
            startTimestamps: [.init(series: 1, timestampMs: 500)])
    }
}
