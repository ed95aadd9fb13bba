import MetricModel

/// xorshift64*: the same numbers for the same seed on every machine.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed == 0 ? 0x9E37_79B9_7F4A_7C15 : seed }

    mutating func next() -> UInt64 {
        state ^= state >> 12
        state ^= state << 25
        state ^= state >> 27
        return state &* 0x2545_F491_4F6C_DD1D
    }

    mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }
    mutating func chance(_ percent: Int) -> Bool { below(100) < percent }
}

/// Targets, chunks and frames made by hand.
enum TestFrames {
    static func target(_ instance: String = "a:9100", job: String = "node") -> Target {
        Target(job: job, own: LabelSet([Label("instance", instance), Label("job", job)]))
    }

    /// A chunk of `count` series named `prefix0`, `prefix1` and so on, with both labels of `target` behind.
    static func chunk(_ prefix: String, count: Int) -> LayoutChunk {
        var builder = LayoutChunkBuilder()
        let name = Array("__name__".utf8)
        for index in 0..<count {
            let value = Array("\(prefix)\(index)".utf8)
            builder.appendLabel(name: name.span, value: value.span)
            builder.appendTargetLabel(0)
            builder.appendTargetLabel(1)
            builder.endSeries()
        }
        return builder.finish()
    }

    /// A chunk of `count` series whose names are `nameBytes` random letters, which no packing makes shorter.
    static func incompressibleChunk(count: Int, nameBytes: Int, seed: UInt64) -> LayoutChunk {
        var generator = SeededGenerator(seed: seed)
        var builder = LayoutChunkBuilder()
        let label = Array("__name__".utf8)
        for _ in 0..<count {
            let name = (0..<nameBytes).map { _ in UInt8(97 + generator.below(26)) }
            builder.appendLabel(name: label.span, value: name.span)
            builder.appendTargetLabel(0)
            builder.appendTargetLabel(1)
            builder.endSeries()
        }
        return builder.finish()
    }

    static func frame(
        _ target: Target, _ layout: Layout, at timestampMs: Int64, first: Double = 1
    ) -> Frame {
        Frame(
            target: target, layout: layout, timestampMs: timestampMs,
            values: (0..<layout.seriesCount).map { first + Double($0) })
    }

    /// The same with every third series a histogram.
    static func histogramChunk(_ prefix: String, count: Int) -> LayoutChunk {
        let plain = chunk(prefix, count: count).plain
        guard
            let chunk = LayoutChunk(
                bytes: plain.bytes, pieces: plain.pieces, pieceOffsets: plain.pieceOffsets,
                histogramSeries: (0..<UInt32(count)).filter { $0 % 3 == 1 })
        else { preconditionFailure("ordinals below the count") }
        return chunk
    }

    /// Any histogram: both kinds, odd numbers, spans that are empty or far apart; often of the shape of
    /// `before`.
    static func histogram(
        sum: Double, before: NativeHistogram?, _ generator: inout SeededGenerator
    ) -> NativeHistogram {
        func counts(_ number: Int, isFloat: Bool, _ generator: inout SeededGenerator) -> ([Int64], [Double]) {
            isFloat
                ? ([], (0..<number).map { _ in oddValue(&generator) })
                : (
                    (0..<number).map { _ in Int64(bitPattern: generator.next() >> UInt64(generator.below(64)))
                    }, []
                )
        }
        var shape = before
        if shape == nil || generator.chance(30) {
            func spans(_ generator: inout SeededGenerator) -> [NativeHistogram.BucketSpan] {
                (0..<generator.below(4)).map { _ in
                    .init(
                        offset: Int32(truncatingIfNeeded: generator.next() >> UInt64(generator.below(64))),
                        length: UInt32(generator.below(6)))
                }
            }
            let isFloat = generator.chance(50)
            let positive = spans(&generator)
            let negative = spans(&generator)
            let custom = generator.chance(20)
            shape = NativeHistogram(
                schema: custom ? NativeHistogram.customBucketsSchema : Int32(generator.below(13)) - 4,
                zeroThreshold: generator.chance(50) ? 0 : 1e-128, sum: sum,
                resetHint: NativeHistogram.ResetHint(rawValue: UInt8(generator.below(4))) ?? .unknown,
                positiveSpans: positive, negativeSpans: negative,
                counts: isFloat
                    ? .float(count: 0, zeroCount: 0, positiveCounts: [], negativeCounts: [])
                    : .integer(count: 0, zeroCount: 0, positiveDeltas: [], negativeDeltas: []),
                customValues: custom ? (0..<generator.below(5)).map { _ in oddValue(&generator) } : [])
        }
        guard var result = shape else { preconditionFailure("made above") }
        result.sum = sum
        let isFloat = if case .float = result.counts { true } else { false }
        let positive = counts(
            result.positiveSpans.reduce(0) { $0 + Int($1.length) }, isFloat: isFloat, &generator)
        let negative = counts(
            result.negativeSpans.reduce(0) { $0 + Int($1.length) }, isFloat: isFloat, &generator)
        let zero = generator.chance(50)
        result.counts =
            isFloat
            ? .float(
                count: oddValue(&generator), zeroCount: zero ? oddValue(&generator) : 0,
                positiveCounts: positive.1, negativeCounts: negative.1)
            : .integer(
                count: generator.next(), zeroCount: zero ? generator.next() : 0, positiveDeltas: positive.0,
                negativeDeltas: negative.0)
        return result
    }

    /// Histograms, exemplars and start timestamps for `frame`; `before` is the target's frame before.
    static func withSides(_ frame: Frame, before: Frame?, _ generator: inout SeededGenerator) -> Frame {
        let absent = Set(frame.absent)
        let histograms = frame.layout.histogramSeries
            .filter { !absent.contains($0) && !StaleMarker.isStale(frame.values[Int($0)]) }
            .map { series in
                Frame.Histogram(
                    series: series,
                    histogram: histogram(
                        sum: frame.values[Int(series)],
                        before: before?.histograms.first { $0.series == series }?.histogram, &generator))
            }
        let all = (0..<UInt32(frame.layout.seriesCount))
        let exemplars = all.filter { _ in generator.chance(10) }.flatMap { series in
            (0..<1 + generator.below(2)).map { _ in
                Frame.SeriesExemplar(
                    series: series,
                    exemplar: Exemplar(
                        labels: LabelSet([Label("trace_id", "\(generator.next())")]),
                        value: oddValue(&generator),
                        timestampMs: generator.chance(50)
                            ? nil : Int64(truncatingIfNeeded: generator.next() >> 20)))
            }
        }
        var starts = all.filter { _ in generator.chance(20) }.map {
            Frame.StartTimestamp(
                series: $0, timestampMs: frame.timestampMs &- Int64(generator.next() >> 40))
        }
        if let before, generator.chance(60), (before.startTimestamps.last?.series ?? 0) < all.count {
            starts = before.startTimestamps
        }
        return Frame(
            target: frame.target, layout: frame.layout, timestampMs: frame.timestampMs, values: frame.values,
            explicitTimestamps: frame.explicitTimestamps, absent: frame.absent, departed: frame.departed,
            histograms: histograms, exemplars: exemplars,
            startTimestamps: frame.layout.seriesCount > 0 ? starts : [])
    }

    /// Any frame at all over some of `chunks`: absent, explicit and departed series, odd values, and values
    /// that stay. `withSides` adds the rest, without which no
    /// chunk may have histograms.
    static func random(
        _ target: Target, _ chunks: [LayoutChunk], at timestampMs: Int64, before: [Double],
        _ generator: inout SeededGenerator
    ) -> Frame {
        let used = chunks.filter { _ in generator.chance(80) }
        let layout = Layout(used)
        let values = (0..<layout.seriesCount).map { index -> Double in
            if generator.chance(50), index < before.count { return before[index] }
            return oddValue(&generator)
        }
        let all = (0..<UInt32(layout.seriesCount))
        let explicit = all.filter { _ in generator.chance(10) }
        let absent = all.filter { _ in generator.chance(10) }
        let gone = chunks.filter { _ in generator.chance(10) }.map { chunk in
            Frame.Departed(
                chunk: chunk,
                series: (0..<UInt32(chunk.seriesCount)).filter { _ in generator.chance(50) })
        }
        return Frame(
            target: target, layout: layout, timestampMs: timestampMs, values: values,
            explicitTimestamps: explicit.map {
                .init(
                    series: $0,
                    timestampMs: timestampMs &+ Int64(truncatingIfNeeded: generator.next() >> 40) - 7)
            }, absent: absent, departed: gone)
    }

    static func oddValue(_ generator: inout SeededGenerator) -> Double {
        switch generator.below(8) {
        case 0: return StaleMarker.value
        case 1: return Double(bitPattern: StaleMarker.ordinaryNaNBits)
        case 2: return Double(generator.below(1_000_000))
        case 3: return -0.0
        case 4: return .infinity
        case 5: return Double(generator.below(1_000)) / 7
        default: return Double(bitPattern: generator.next())
        }
    }
}

/// What a frame says, in a form that can be compared: values by their bits, chunks by their content.
struct FrameContent: Equatable {
    var job: String
    var labels: LabelSet
    var timestampMs: Int64
    var bits: [UInt64]
    var chunks: [[UInt8]]
    var explicit: [Frame.ExplicitTimestamp]
    var absent: [UInt32]
    var departed: [String]
    var histogramSeries: [UInt32]
    var histograms: [Frame.Histogram]
    var exemplars: [Frame.SeriesExemplar]
    var starts: [Frame.StartTimestamp]

    init(_ frame: Frame) {
        job = frame.target.job
        labels = frame.target.labels
        timestampMs = frame.timestampMs
        bits = frame.values.map(\.bitPattern)
        chunks = frame.layout.chunks.map(\.plain.bytes)
        explicit = frame.explicitTimestamps
        absent = frame.absent
        departed = frame.departed.map { "\($0.chunk.plain.bytes) \($0.series) \($0.chunk.histogramSeries)" }
        histogramSeries = frame.layout.histogramSeries
        histograms = frame.histograms
        exemplars = frame.exemplars
        starts = frame.startTimestamps
    }
}
