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

    static func frame(
        _ target: Target, _ layout: Layout, at timestampMs: Int64, first: Double = 1
    ) -> Frame {
        Frame(
            target: target, layout: layout, timestampMs: timestampMs,
            values: (0..<layout.seriesCount).map { first + Double($0) })
    }

    /// Any frame at all over some of `chunks`: absent, explicit and departed series, odd values, and values
    /// that stay.
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

    init(_ frame: Frame) {
        job = frame.target.job
        labels = frame.target.labels
        timestampMs = frame.timestampMs
        bits = frame.values.map(\.bitPattern)
        chunks = frame.layout.chunks.map(\.bytes)
        explicit = frame.explicitTimestamps
        absent = frame.absent
        departed = frame.departed.map { "\($0.chunk.bytes) \($0.series)" }
    }
}
