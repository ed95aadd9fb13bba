import MetricModel

/// Frames of every kind, each told by its number: the same number is the same frame in every run.
enum FaultFrames {
    /// The first value of a frame is its number.
    static func number(of frame: Frame) -> Int { frame.values.first.flatMap { Int(exactly: $0) } ?? -1 }

    static func job(_ number: Int) -> String { number % 3 == 2 ? "web" : "node" }

    static func target(_ number: Int) -> Target { targets[number % 3] }

    static func sampleCount(_ number: Int) -> UInt64 {
        switch number % 3 {
        case 0: 8
        case 1: isShort(number) ? (number < 3 ? 8 : 11) : 11
        default: 3
        }
    }

    static func frame(_ number: Int) -> Frame {
        let timestampMs = firstMs + Int64(number) * 1_000
        switch number % 3 {
        case 0:
            return Frame(
                target: targets[0], layout: alphaLayout, timestampMs: timestampMs, values: values(number, 8),
                explicitTimestamps: number % 2 == 0 ? [.init(series: 3, timestampMs: timestampMs - 7)] : [])
        case 1:
            guard isShort(number) else {
                return Frame(
                    target: targets[1], layout: bothLayout, timestampMs: timestampMs,
                    values: values(number, 11))
            }
            let gone = Frame.Departed(chunk: beta, series: [0, 1, 2])
            return Frame(
                target: targets[1], layout: alphaLayout, timestampMs: timestampMs, values: values(number, 8),
                departed: number < 3 ? [] : [gone])
        default:
            return withSides(number, timestampMs)
        }
    }

    private static let firstMs: Int64 = 1_700_000_000_000

    /// The second target loses some of its series in every third of its frames.
    private static func isShort(_ number: Int) -> Bool { number / 3 % 3 == 0 }

    private static func values(_ number: Int, _ count: Int) -> [Double] {
        (0..<count).map { $0 == 0 ? Double(number) : Double(number / 5 + $0) / 8 }
    }

    private static func withSides(_ number: Int, _ timestampMs: Int64) -> Frame {
        let sum = Double(number) / 3
        let histogram = NativeHistogram(
            schema: 1, zeroThreshold: 0.1, sum: sum, positiveSpans: [.init(offset: 2, length: 2)],
            counts: .integer(
                count: 9 + UInt64(number), zeroCount: 1, positiveDeltas: [3, Int64(number)],
                negativeDeltas: []))
        let exemplar = Exemplar(
            labels: LabelSet([Label("trace_id", "\(number)")]), value: sum, timestampMs: timestampMs - 1)
        return Frame(
            target: targets[2], layout: histogramLayout, timestampMs: timestampMs,
            values: [Double(number), sum, 4], histograms: [.init(series: 1, histogram: histogram)],
            exemplars: [.init(series: 0, exemplar: exemplar)],
            startTimestamps: [.init(series: 0, timestampMs: firstMs - 5_000)])
    }

    private static let targets = ["a:9100", "b:9100", "c:8080"].map { instance in
        let job = instance.hasSuffix("9100") ? "node" : "web"
        return Target(
            job: job, own: LabelSet([Label("instance", instance), Label("job", job)]),
            external: LabelSet([Label("region", "here")]))
    }

    private static let alpha = withMetadata(chunk("narthex_torture_alpha_bytes_total_", 8))
    private static let beta = chunk("narthex_torture_beta_", 3)
    private static let alphaLayout = Layout([alpha])
    private static let bothLayout = Layout([alpha, beta])
    private static let histogramLayout = Layout([chunk("narthex_torture_seconds_", 3, histogram: 1)])

    private static func chunk(_ prefix: String, _ count: Int, histogram: Int? = nil) -> LayoutChunk {
        var builder = LayoutChunkBuilder()
        let name = Array("__name__".utf8)
        for index in 0..<count {
            let value = Array("\(prefix)\(index)".utf8)
            builder.appendLabel(name: name.span, value: value.span)
            builder.appendTargetLabel(0)
            builder.appendTargetLabel(1)
            builder.endSeries(isHistogram: index == histogram)
        }
        return builder.finish()
    }

    private static func withMetadata(_ chunk: LayoutChunk) -> LayoutChunk {
        var comments: [UInt8] = []
        func comment(_ subject: ChunkMetadata.Subject, _ name: String, _ text: String) {
            comments.append(subject.rawValue)
            for count in [name.utf8.count, text.utf8.count] {
                comments += [UInt8(count), 0, 0, 0]
            }
            comments += Array(name.utf8) + Array(text.utf8)
        }
        comment(.type, "narthex_torture_alpha", "counter")
        comment(.help, "narthex_torture_alpha", "How often a promise was tried, and how often it was kept.")
        let run = ChunkMetadata.Run(firstSeries: 0, offset: 0)
        guard let metadata = ChunkMetadata(comments: comments, runs: [run], seriesCount: chunk.seriesCount)
        else { preconditionFailure("the comments are as ChunkMetadata wants them") }
        return chunk.adding(metadata)
    }
}

/// What a frame says, in a form that can be compared: values by their bits, chunks by their content.
struct FrameFacts: Equatable {
    private let job: String
    private let labels: LabelSet
    private let timestampMs: Int64
    private let bits: [UInt64]
    private let chunks: [[UInt8]]
    private let explicit: [Frame.ExplicitTimestamp]
    private let absent: [UInt32]
    private let departed: [[UInt32]]
    private let departedChunks: [[UInt8]]
    private let histograms: [Frame.Histogram]
    private let exemplars: [Frame.SeriesExemplar]
    private let starts: [Frame.StartTimestamp]

    init(_ frame: Frame) {
        job = frame.target.job
        labels = frame.target.labels
        timestampMs = frame.timestampMs
        bits = frame.values.map(\.bitPattern)
        chunks = frame.layout.chunks.map(\.plain.bytes)
        explicit = frame.explicitTimestamps
        absent = frame.absent
        departed = frame.departed.map(\.series)
        departedChunks = frame.departed.map(\.chunk.plain.bytes)
        histograms = frame.histograms
        exemplars = frame.exemplars
        starts = frame.startTimestamps
    }
}
