import MetricModel

/// Frames of three targets of two jobs with all that a frame may have: layouts that change, absent and
/// departed series, timestamps of single samples, histograms, exemplars and start timestamps.
final class FrameMaker {
    private let targets: [Target]
    private let small: [LayoutChunk]
    private let big: LayoutChunk
    /// The last frame of each target.
    private var before: [UInt64: Frame] = [:]
    private var dice: Dice

    init(seed: UInt64, interner: LayoutInterner) {
        dice = Dice(seed: seed, 7)
        targets = [("a:9100", "node"), ("b:9100", "node"), ("c:8080", "app")].map { instance, job in
            Target(job: job, own: LabelSet([Label("instance", instance), Label("job", job)]))
        }
        small = [
            interner.intern(Self.chunk("a", count: 5)), interner.intern(Self.chunk("b", count: 8)),
            interner.intern(Self.chunk("h", count: 6, histograms: [1, 4])),
        ]
        big = interner.intern(Self.chunk("big_series_with_a_name_of_some_length_", count: 700))
    }

    /// Series named `prefix0` and so on, with both labels of the target behind.
    static func chunk(_ prefix: String, count: Int, histograms: Set<Int> = []) -> LayoutChunk {
        var builder = LayoutChunkBuilder()
        let name = Array("__name__".utf8)
        for index in 0..<count {
            let value = Array("\(prefix)\(index)".utf8)
            builder.appendLabel(name: name.span, value: value.span)
            builder.appendTargetLabel(0)
            builder.appendTargetLabel(1)
            builder.endSeries(isHistogram: histograms.contains(index))
        }
        return builder.finish()
    }

    /// A series whose name is so many random letters, which no packing makes much shorter.
    static func longChunk(nameBytes: Int, _ dice: inout Dice) -> LayoutChunk {
        var builder = LayoutChunkBuilder()
        let label = Array("__name__".utf8)
        var name: [UInt8] = []
        name.reserveCapacity(nameBytes)
        for _ in 0..<nameBytes { name.append(UInt8(97 + dice.below(26))) }
        builder.appendLabel(name: label.span, value: name.span)
        builder.appendTargetLabel(0)
        builder.appendTargetLabel(1)
        builder.endSeries()
        return builder.finish()
    }

    /// The next frame of any target. Its first series has a sample.
    func frame(at timestampMs: Int64, isBig: Bool = false) -> Frame {
        let target = targets[dice.below(targets.count)]
        var chunks: [LayoutChunk] = []
        for chunk in small where dice.chance(75) { chunks.append(chunk) }
        if isBig { chunks.append(big) }
        if chunks.isEmpty { chunks.append(small[0]) }
        return frame(of: target, chunks, at: timestampMs)
    }

    /// A frame of the first target with these chunks.
    func frame(_ chunks: [LayoutChunk], at timestampMs: Int64) -> Frame {
        frame(of: targets[0], chunks, at: timestampMs)
    }

    private func frame(of target: Target, _ chunks: [LayoutChunk], at timestampMs: Int64) -> Frame {
        let layout = Layout(chunks)
        let last = before[target.id]
        let values = self.values(layout.seriesCount, last?.values ?? [])
        let others = (1..<UInt32(max(1, layout.seriesCount)))
        var absent: [UInt32] = []
        for series in others where dice.chance(6) { absent.append(series) }
        var explicit: [Frame.ExplicitTimestamp] = []
        for series in others where dice.chance(5) {
            explicit.append(.init(series: series, timestampMs: timestampMs - Int64(dice.below(5_000))))
        }
        var departed: [Frame.Departed] = []
        if dice.chance(10) { departed.append(.init(chunk: small[dice.below(3)], series: [0, 2, 3])) }
        let frame = Frame(
            target: target, layout: layout, timestampMs: timestampMs, values: values,
            explicitTimestamps: explicit, absent: absent, departed: departed,
            histograms: histograms(layout, values, absent), exemplars: exemplars(others, timestampMs),
            startTimestamps: starts(layout.seriesCount, last, timestampMs))
        before[target.id] = frame
        return frame
    }

    private func values(_ count: Int, _ before: [Double]) -> [Double] {
        var values: [Double] = []
        values.reserveCapacity(count)
        for index in 0..<count {
            values.append(index < before.count && dice.chance(50) ? before[index] : number())
        }
        return values
    }

    private func number() -> Double {
        switch dice.below(10) {
        case 0: StaleMarker.value
        case 1: Double(bitPattern: StaleMarker.ordinaryNaNBits)
        case 2: Double(dice.below(1_000)) / 7
        case 3: Double(bitPattern: dice.next())
        default: Double(dice.below(1_000_000)) / 100
        }
    }

    private func histograms(_ layout: Layout, _ values: [Double], _ absent: [UInt32]) -> [Frame.Histogram] {
        var histograms: [Frame.Histogram] = []
        for series in layout.histogramSeries {
            let sum = values[Int(series)]
            guard !absent.contains(series), !StaleMarker.isStale(sum) else { continue }
            let counts: NativeHistogram.Counts =
                dice.chance(50)
                ? .integer(
                    count: UInt64(dice.below(1_000)), zeroCount: 1,
                    positiveDeltas: [3, Int64(dice.below(9)) - 4, 1], negativeDeltas: [])
                : .float(
                    count: number(), zeroCount: 0.5, positiveCounts: [1, number(), 2.5], negativeCounts: [])
            histograms.append(
                .init(
                    series: series,
                    histogram: NativeHistogram(
                        schema: 2, zeroThreshold: 1e-128, sum: sum,
                        positiveSpans: [.init(offset: 0, length: 2), .init(offset: 3, length: 1)],
                        counts: counts)))
        }
        return histograms
    }

    private func exemplars(_ series: Range<UInt32>, _ timestampMs: Int64) -> [Frame.SeriesExemplar] {
        var exemplars: [Frame.SeriesExemplar] = []
        for series in series.prefix(20) where dice.chance(6) {
            exemplars.append(
                .init(
                    series: series,
                    exemplar: Exemplar(
                        labels: LabelSet([Label("trace_id", "\(dice.next())")]), value: number(),
                        timestampMs: dice.chance(50) ? nil : timestampMs - 5)))
        }
        return exemplars
    }

    private func starts(_ count: Int, _ last: Frame?, _ timestampMs: Int64) -> [Frame.StartTimestamp] {
        if let last, dice.chance(60), last.startTimestamps.last.map({ Int($0.series) < count }) ?? true {
            return last.startTimestamps
        }
        var starts: [Frame.StartTimestamp] = []
        for series in 0..<UInt32(min(count, 30)) where dice.chance(10) {
            starts.append(.init(series: series, timestampMs: timestampMs - Int64(dice.below(1 << 30))))
        }
        return starts
    }
}
