import MetricModel
import Scrape

/// What must hold for any bytes: both ways of reading a body come to the same, and nothing traps.
public enum BodyCheck {
    /// Reads the second part of `bytes` behind the first, by what is known of it, and alone; the first byte
    /// says where the parts meet.
    public static func run(_ bytes: [UInt8], isOpenMetrics: Bool) {
        guard let first = bytes.first else { return }
        let middle = 1 + (bytes.count - 1) * Int(first) / 255
        let before = Array(bytes[1..<middle])
        // A first byte of 255 reads one body twice: the way of a target that does not change.
        let after = first == 255 ? before : Array(bytes[middle...])
        let known = scrape()
        _ = result(known, before, isOpenMetrics, at: 1)
        let byTemplate = result(known, after, isOpenMetrics, at: 2)
        let alone = result(scrape(), after, isOpenMetrics, at: 2)
        precondition(byTemplate == alone, "both ways come to the same")
        // Safety: every element is a byte, and the array lives through the call.
        let reading = unsafe try? ExpositionReading(after.span.bytes, isOpenMetrics: isOpenMetrics)
        // Duplicates are read and then left out of the frame, in their places.
        if let alone { precondition(reading?.samples.count == alone.count, "each line is a sample") }
    }

    private static func scrape() -> TargetScrape {
        TargetScrape(
            target: Target(job: "j", own: LabelSet([Label("job", "j")]), external: LabelSet()),
            honorTimestamps: false, keepsExemplars: true)
    }

    /// The bits of each line's value, or nil for a body that is refused.
    private static func result(
        _ scrape: TargetScrape, _ body: [UInt8], _ isOpenMetrics: Bool, at timestampMs: Int64
    ) -> [UInt64]? {
        // A refusal is an answer like any other here.
        guard
            // Safety: every element is a byte, and the array lives through the call.
            let frame = unsafe try? scrape.consume(
                body.span.bytes, isOpenMetrics: isOpenMetrics, at: timestampMs)
        else { return nil }
        return frame.values.dropLast(5).map(\.bitPattern)
    }
}
