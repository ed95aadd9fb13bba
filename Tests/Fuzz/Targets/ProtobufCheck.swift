import Configuration
import MetricModel

@testable import Scrape

/// Bodies of delimited MetricFamily messages: known and unknown ones come to the same, and nothing traps.
enum ProtobufCheck {
    /// As `BodyCheck`; the second byte says what the job wants of histograms.
    static func run(_ bytes: [UInt8]) {
        guard bytes.count > 1 else { return }
        let options = HistogramConfiguration(
            scrapeNative: bytes[1] & 1 != 0, alwaysScrapeClassic: bytes[1] & 2 != 0,
            convertClassicToNHCB: bytes[1] & 4 != 0, bucketLimit: bytes[1] & 8 != 0 ? 10 : 0,
            minBucketFactor: bytes[1] & 16 != 0 ? 1.5 : 0)
        let (before, after) = TwoBodies.of([bytes[0]] + bytes[2...])
        let known = scrape(options)
        _ = result(known, before, at: 1)
        let byTemplate = result(known, after, at: 2)
        precondition(byTemplate == result(scrape(options), after, at: 2), "both ways come to the same")
    }

    private static func scrape(_ options: HistogramConfiguration) -> TargetScrape {
        TargetScrape(
            target: TwoBodies.target, honorTimestamps: false, keepsExemplars: true,
            keepsDetails: true, histograms: options)
    }

    private static func result(
        _ scrape: TargetScrape, _ body: [UInt8], at timestampMs: Int64
    ) -> FrameContent? {
        // Safety: every element is a byte, and the array lives through the call. A refusal is an answer.
        unsafe (try? scrape.consume(protobuf: body.span.bytes, at: timestampMs)).map(FrameContent.init)
    }
}
