import Configuration
import MetricModel

@testable import Scrape

/// What must hold for any bytes: both ways of reading a body come to the same, and nothing traps.
enum BodyCheck {
    /// Reads the second part of `bytes` behind the first, by what is known of it, and alone; the first byte
    /// says where the parts meet.
    static func run(_ bytes: [UInt8], isOpenMetrics: Bool) {
        let (before, after) = TwoBodies.of(bytes)
        for converts in [false, true] {
            for starts in isOpenMetrics ? [false, true] : [false] {
                compare(before, after, isOpenMetrics, converts, starts)
            }
        }
    }

    private static func compare(
        _ before: [UInt8], _ after: [UInt8], _ isOpenMetrics: Bool, _ converts: Bool, _ starts: Bool
    ) {
        let known = scrape(converts, starts)
        _ = result(known, before, isOpenMetrics, at: 1)
        let byTemplate = result(known, after, isOpenMetrics, at: 2)
        let unknown = scrape(converts, starts)
        let alone = result(unknown, after, isOpenMetrics, at: 2)
        precondition(byTemplate == alone, "both ways come to the same")
        if let alone, !converts, !starts {
            // Safety: every element is a byte, and the array lives through the call.
            let reading = unsafe try? ExpositionReading(after.span.bytes, isOpenMetrics: isOpenMetrics)
            // Duplicates are read and then left out of the frame, in their places.
            precondition(reading?.samples.count == alone.lines, "each line is a sample")
        }
        guard alone != nil else { return }
        precondition(known.startTimestamps == unknown.startTimestamps, "starts are told alike")
    }

    private static func scrape(_ converts: Bool, _ starts: Bool) -> TargetScrape {
        TargetScrape(
            target: TwoBodies.target, honorTimestamps: false, keepsExemplars: true, readsStarts: starts,
            histograms: HistogramConfiguration(convertClassicToNHCB: converts))
    }

    /// Nil for a body that is refused.
    private static func result(
        _ scrape: TargetScrape, _ body: [UInt8], _ isOpenMetrics: Bool, at timestampMs: Int64
    ) -> FrameContent? {
        // A refusal is an answer like any other here.
        guard
            // Safety: every element is a byte, and the array lives through the call.
            let frame = unsafe try? scrape.consume(
                body.span.bytes, isOpenMetrics: isOpenMetrics, at: timestampMs)
        else { return nil }
        return FrameContent(frame)
    }
}

/// An input as two bodies, of which the first is read before the second.
enum TwoBodies {
    static let target = Target(job: "j", own: LabelSet([Label("job", "j")]), external: LabelSet())

    /// The first byte says where they meet; 255 stands for one body twice: the way of a target that does not
    /// change.
    static func of(_ bytes: [UInt8]) -> (before: [UInt8], after: [UInt8]) {
        guard let first = bytes.first else { return ([], []) }
        if first == 255 { return (Array(bytes[1...]), Array(bytes[1...])) }
        let middle = 1 + (bytes.count - 1) * Int(first) / 255
        return (Array(bytes[1..<middle]), Array(bytes[middle...]))
    }
}

/// What a frame says, but for the markers of what it ends.
struct FrameContent: Equatable {
    private(set) var lines = 0
    private var values: [UInt64] = []
    private var histograms: [NativeHistogram] = []

    init(_ frame: Frame) {
        lines = frame.values.count - ReportSeries.names.count
        let absent = Set(frame.absent)
        for index in 0..<lines where !absent.contains(UInt32(index)) {
            let value = frame.values[index]
            if !StaleMarker.isStale(value) { values.append(value.bitPattern) }
        }
        histograms = frame.histograms.map(\.histogram)
        precondition(histograms.allSatisfy { $0.fault == nil }, "a histogram that is kept is a good one")
        precondition(
            frame.exemplars.allSatisfy { Int($0.series) < lines }, "an exemplar stands beside a sample")
    }
}
