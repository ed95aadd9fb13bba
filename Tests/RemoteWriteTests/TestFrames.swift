import MetricModel
import Platform

@testable import RemoteWrite

/// Frames made by hand.
enum TestFrames {
    static func target(
        job: String = "node", _ labels: [Label] = [Label("instance", "a:9100"), Label("job", "node")]
    )
        -> Target
    {
        Target(job: job, own: LabelSet(labels))
    }

    /// The samples of each target in their order. A request holds frames of one shape a few series at a time,
    /// so that only the order within a target can be told beforehand.
    static func byTarget(_ samples: [SentSample]) -> [[Label]: [SentSample]] {
        Dictionary(grouping: samples) { $0.labels.filter { $0.name != "__name__" } }
    }

    /// A chunk of series, each given by its own labels; the target's go between them by name.
    static func chunk(_ series: [[Label]], _ target: Target) -> LayoutChunk {
        var builder = LayoutChunkBuilder()
        for own in series {
            var left = own.sorted()[...]
            for (index, label) in target.labels.labels.enumerated() {
                while let next = left.first, next < label {
                    append(next, to: &builder)
                    left.removeFirst()
                }
                builder.appendTargetLabel(index)
            }
            for label in left { append(label, to: &builder) }
            builder.endSeries()
        }
        return builder.finish()
    }

    private static func append(_ label: Label, to builder: inout LayoutChunkBuilder) {
        let name = Array(label.name.utf8)
        let value = Array(label.value.utf8)
        builder.appendLabel(name: name.span, value: value.span)
    }

    /// A frame of `count` series named m0, m1 and so on with the values 1, 2, 3 …
    static func frame(
        _ target: Target = target(), count: Int, timestampMs: Int64, firstValue: Double = 1,
        explicit: [Frame.ExplicitTimestamp] = [], absent: [UInt32] = [], departed: [String] = []
    ) -> Frame {
        let chunk = chunk((0..<count).map { [Label("__name__", "m\($0)")] }, target)
        let gone =
            departed.isEmpty
            ? []
            : [
                Frame.Departed(
                    chunk: self.chunk(departed.map { [Label("__name__", $0)] }, target),
                    series: departed.indices.map { UInt32($0) })
            ]
        return Frame(
            target: target, layout: Layout([chunk]), timestampMs: timestampMs,
            values: (0..<count).map { firstValue + Double($0) }, explicitTimestamps: explicit, absent: absent,
            departed: gone)
    }

    /// Any frame at all: several chunks, absent and explicit and departed series, odd values and
    /// timestamps.
    static func random(_ random: inout SplitMix64, allowsNegativeZero: Bool = false) -> Frame {
        func below(_ bound: Int) -> Int { Int(random.next() % UInt64(bound)) }
        func text(_ longest: Int) -> String {
            (0..<1 + below(longest)).map { _ in ["a", "b", "Z", "_", "é", "0", "本"][below(7)] }.joined()
        }
        let target = target(
            job: "job\(below(3))",
            (0..<below(5)).map { Label(["instance", "job", "zone", "__a", "cluster"][$0], text(40)) })
        func randomChunk() -> LayoutChunk {
            chunk(
                (0..<1 + below(40)).map { number in
                    [Label("__name__", "m\(number)_\(text(30))")]
                        + (0..<below(4)).map { Label("l\($0)", text(below(8) == 0 ? 400 : 20)) }
                }, target)
        }
        let layout = Layout((0..<1 + below(4)).map { _ in randomChunk() })
        let ordinals = 0..<UInt32(layout.seriesCount)
        let values: [Double] = [
            0, 1, -1, .nan, .infinity, StaleMarker.value, Double.leastNonzeroMagnitude, 1e300, 0.1, 12_345,
        ]
        let timestamps: [Int64] = [0, 1, -1, .min, .max, 1_700_000_000_000, -62_135_596_800_000]
        let departedChunk = randomChunk()
        return Frame(
            target: target, layout: layout, timestampMs: timestamps[below(timestamps.count)],
            values: ordinals.map { _ in
                allowsNegativeZero && below(5) == 0 ? -0.0 : values[below(values.count)]
            },
            explicitTimestamps: ordinals.filter { _ in below(6) == 0 }.map {
                .init(series: $0, timestampMs: timestamps[below(timestamps.count)])
            },
            absent: ordinals.filter { _ in below(6) == 0 },
            departed: below(2) == 0
                ? []
                : [
                    .init(
                        chunk: departedChunk,
                        series: (0..<UInt32(departedChunk.seriesCount)).filter { _ in below(2) == 0 })
                ])
    }
}

/// One sample as a receiver sees it.
struct SentSample: Equatable {
    var labels: [Label]
    var valueBits: UInt64
    var timestampMs: Int64
}

extension Frame {
    /// Every sample in the order of `BufferPosition.sample`.
    var samples: [SentSample] {
        var result: [SentSample] = []
        for ordinal in 0..<values.count where !absent.contains(UInt32(ordinal)) {
            let own = explicitTimestamps.first { $0.series == UInt32(ordinal) }?.timestampMs
            result.append(
                SentSample(
                    labels: layout.labels(ofSeries: ordinal, target: target)?.labels ?? [],
                    valueBits: values[ordinal].bitPattern, timestampMs: own ?? timestampMs))
        }
        for list in departed {
            for series in list.series {
                result.append(
                    SentSample(
                        labels: list.chunk.labels(ofSeries: Int(series), target: target)?.labels ?? [],
                        valueBits: StaleMarker.bits, timestampMs: timestampMs))
            }
        }
        return result
    }
}
