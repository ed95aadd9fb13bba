import Configuration
import MetricModel
import Relabel
import Testing

@testable import Scrape

/// `narthex scrape`: what becomes of each series, and why.
@Suite struct TrialReadingTests {
    private func read(
        _ body: [UInt8], _ format: ExpositionFormat = .text, _ change: (inout ScrapeConfiguration) -> Void
    ) -> TrialReading {
        var configuration = ScrapeConfiguration(jobName: "j")
        change(&configuration)
        var reading = TrialReading(
            plainTarget(), configuration: configuration, externalLabels: LabelSet(), nowMs: 1_000_000)
        // Safety: bytes have no padding.
        unsafe reading.read(body.span.bytes, format)
        return reading
    }

    private func fates(_ reading: TrialReading) -> [String: ScrapeTrial.Line.Fate] {
        Dictionary(
            reading.lines.map { (($0.exposed["__name__"] ?? "") + ($0.exposed["x"] ?? ""), $0.fate) },
            uniquingKeysWith: { $1 })
    }

    @Test func eachFateHasItsReason() throws {
        let rules = RelabelRules([
            try RelabelRule(.init(action: .drop, sourceLabels: ["__name__"], regex: "go_.*"))
        ])
        let reading = read(
            Array(
                ("go_a 1\na{x=\"1\"} 1\na{x=\"1\"} 2\nb{x=\"too long\"} 1\n?\n"
                    + "late 1 9000000\nc 1\nd 1\ne 1 1000000\n").utf8)
        ) {
            $0.metricRelabelRules = rules
            $0.limits.labelValueLength = 5
            $0.limits.samples = 3
            $0.onLimit = .shed
            $0.onBadLine = .skip
        }
        #expect(reading.refusal == nil)
        let fates = fates(reading)
        #expect(fates["go_a"] == .dropped(byRule: 0))
        #expect(fates["a1"] == .duplicate)
        #expect(reading.lines[1].fate == .kept)
        #expect(
            fates["btoo long"]
                == .refused(
                    "the label \"x\" of \"b\" has a value of 8 bytes; label_value_length_limit is 5"))
        #expect(fates["late"] == .timestamp)
        #expect(fates["c"] == .kept)
        #expect(fates["d"] == .shed)
        // Its timestamp is not what keeps it out.
        #expect(fates["e"] == .shed)
        #expect(reading.skippedLines == 1)
        #expect(reading.skippedReason?.contains("found \"?") ?? false)
    }

    @Test func aLimitRefusesTheWholeScrapeAndTheLinesAreShownAllTheSame() {
        let reading = read(Array("a 1\nb 1\n".utf8)) { $0.limits.samples = 1 }
        #expect(reading.refusal?.code == .sampleLimit)
        #expect(reading.lines.count == 2)
        let labels = read(Array("a{x=\"1\"} 1\n".utf8)) { $0.limits.labels = 3 }
        #expect(labels.refusal?.code == .labelLimit)
        let bad = read(Array("a 1\n?\n".utf8)) { _ in }
        #expect(bad.refusal?.line == 2)
        #expect(bad.lines.count == 1)
    }

    private static let histograms = """
        # TYPE h histogram
        h_bucket{le="1"} 1
        h_count 2
        h_sum 3
        # TYPE wrong histogram
        wrong_bucket{le="1"} 5
        wrong_count 2
        # TYPE g gauge
        g 1

        """

    @Test func convertedHistogramsAreShownAsSuch() {
        let reading = read(Array(Self.histograms.utf8)) { $0.histograms.convertClassicToNHCB = true }
        #expect(reading.lines.map { $0.exposed["__name__"] } == ["h", "wrong", "g"])
        #expect(fates(reading) == ["h": .kept, "wrong": .contradictory, "g": .kept])
        #expect(reading.lines[0].histogram?.customValues == [1])
        #expect(reading.lines[0].value == 3)
        let both = read(Array(Self.histograms.utf8)) {
            $0.histograms.convertClassicToNHCB = true
            $0.histograms.alwaysScrapeClassic = true
        }
        #expect(both.lines.count == 8)
        #expect(both.lines.count { $0.fate == .kept } == 7)
    }

    @Test func protobufIsReadSeriesBySeries() {
        let body =
            ProtoBody.family("g", 1, [{ $0.message(2) { $0.double(1, 3) } }])
            + ProtoBody.family(
                "h", 4,
                [
                    {
                        $0.message(7) {
                            $0.varint(1, 2)
                            $0.double(2, 3)
                            $0.signed(5, 0)
                            $0.span(12, 0, 1)
                            $0.packed(13, signed: [2])
                        }
                    }
                ])
        let reading = read(body, .protobuf) { $0.histograms.scrapeNative = true }
        #expect(fates(reading) == ["g": .kept, "h": .kept])
        #expect(reading.lines.map(\.value) == [3, 3])
        #expect(reading.lines[1].histogram?.schema == 0)
        let limited = read(body, .protobuf) { $0.limits.samples = 1 }
        #expect(limited.refusal?.code == .sampleLimit)
        #expect(read([5, 1], .protobuf) { _ in }.refusal?.code == .exposition)
    }
}
