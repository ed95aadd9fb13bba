import MetricModel
import Testing

@testable import Scrape

extension TargetScrape {
    /// Consumes text.
    func consume(_ text: String, isOpenMetrics: Bool = false, at timestampMs: Int64) throws -> Frame {
        try consume(Array(text.utf8), isOpenMetrics: isOpenMetrics, at: timestampMs)
    }

    func consume(_ text: String, at timestampMs: Int64, elder: KnownSeries) throws -> Frame {
        let bytes = Array(text.utf8)
        // Safety: the span is used only inside the closure, where the array's bytes live.
        return try unsafe bytes.withUnsafeBytes {
            try unsafe consume($0.bytes, at: timestampMs, elder: elder)
        }
    }

    func consume(_ bytes: [UInt8], isOpenMetrics: Bool = false, at timestampMs: Int64) throws -> Frame {
        // Safety: the span is used only inside the closure, where the array's bytes live.
        try unsafe bytes.withUnsafeBytes {
            try unsafe consume($0.bytes, isOpenMetrics: isOpenMetrics, at: timestampMs)
        }
    }
}

extension BodyReader {
    /// Reads text.
    mutating func read(_ text: String, expected: [TemplateChunk]) throws {
        let bytes = Array(text.utf8)
        // Safety: the span is used only inside the closure, where the array's bytes live.
        try unsafe bytes.withUnsafeBytes { try unsafe read($0.bytes, expected: expected, extraValues: 0) }
    }
}

extension ExpositionParser {
    /// Reads the first sample of a text.
    mutating func next(_ text: String) throws -> Bool {
        let bytes = Array(text.utf8)
        // Safety: the span is used only inside the closure, where the array's bytes live.
        return try unsafe bytes.withUnsafeBytes { try unsafe next($0.bytes) }
    }
}

extension PageWalk {
    /// Reads text.
    mutating func read(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        // Safety: the span is used only inside the closure, where the array's bytes live.
        return unsafe bytes.withUnsafeBytes { unsafe read($0.bytes) }
    }
}

/// A number generator that gives the same numbers for the same seed (splitmix64), so that a failure can be
/// run again.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }
}

/// A seed that is printed, for randomised tests.
func printedSeed(_ test: String) -> UInt64 {
    let seed = UInt64.random(in: 1...UInt64.max)
    print("\(test): seed \(seed)")
    return seed
}

/// One sample of a frame, in words.
struct SampleText: Hashable, CustomStringConvertible {
    let labels: LabelSet
    let bits: UInt64
    let timestampMs: Int64

    var description: String {
        let value = bits == StaleMarker.bits ? "stale" : "\(Double(bitPattern: bits))"
        return "\(labels) \(value) @\(timestampMs)"
    }
}

extension Frame {
    /// The samples that the frame stands for, in its order; the report's series only when asked.
    func samples(report: Bool = false) -> [SampleText] {
        var result: [SampleText] = []
        let missing = Set(absent)
        let times = Dictionary(uniqueKeysWithValues: explicitTimestamps.map { ($0.series, $0.timestampMs) })
        let count = report ? values.count : values.count - ReportSeries.names.count
        for index in 0..<count where !missing.contains(UInt32(index)) {
            result.append(
                SampleText(
                    labels: layout.labels(ofSeries: index, target: target) ?? LabelSet(),
                    bits: values[index].bitPattern, timestampMs: times[UInt32(index)] ?? timestampMs))
        }
        for gone in departed {
            for series in gone.series {
                result.append(
                    SampleText(
                        labels: gone.chunk.labels(ofSeries: Int(series), target: target) ?? LabelSet(),
                        bits: StaleMarker.bits, timestampMs: timestampMs))
            }
        }
        return result
    }

    /// `name{labels} value` without the target's own two labels, for short expectations.
    func lines(report: Bool = false) -> [String] {
        samples(report: report).map { sample in
            var labels = sample.labels
            let name = labels["__name__"] ?? "?"
            labels["__name__"] = nil
            if labels["instance"] == "i" { labels["instance"] = nil }
            if labels["job"] == "j" { labels["job"] = nil }
            let number = Double(bitPattern: sample.bits)
            let value = sample.bits == StaleMarker.bits ? "stale" : number.isNaN ? "nan" : "\(number)"
            let time = sample.timestampMs == timestampMs ? "" : " @\(sample.timestampMs)"
            return "\(name)\(labels.isEmpty ? "" : labels.description) \(value)\(time)"
        }
    }
}

/// The target of most tests: `instance="i"`, `job="j"`.
func plainTarget(_ own: [Label] = [], external: [Label] = []) -> Target {
    Target(
        job: "j", own: LabelSet([Label("instance", "i"), Label("job", "j")] + own),
        external: LabelSet(external))
}

/// A scrape of the plain target.
func plainScrape(
    honorLabels: Bool = false, honorTimestamps: Bool = true, keepsExemplars: Bool = false,
    own: [Label] = [], external: [Label] = [], readsByOrder: Bool = true
) -> TargetScrape {
    TargetScrape(
        target: plainTarget(own, external: external), honorLabels: honorLabels,
        honorTimestamps: honorTimestamps, keepsExemplars: keepsExemplars, rules: SeriesRules(),
        readsByOrder: readsByOrder)
}
