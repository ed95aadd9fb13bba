import Configuration
import MetricModel
import Testing

@testable import Scrape

@Suite struct FamilyRunsTests {
    private func scrape() -> TargetScrape { TargetScrape(target: plainTarget(), keepsDetails: true) }

    /// Name of each series of the body, and what is known of its family.
    private func families(_ frame: Frame) -> [String] {
        var result: [String] = []
        for chunk in frame.layout.chunks.dropLast() where chunk.metadata != nil {
            for series in 0..<chunk.seriesCount {
                let name = chunk.labels(ofSeries: series, target: frame.target)?["__name__"] ?? ""
                let family = chunk.metadata?.family(ofSeries: series)
                result.append(
                    "\(name) " + (family.map { "\($0.family)|\($0.kind)|\($0.help)|\($0.unit)" } ?? "-"))
            }
        }
        return result
    }

    @Test func seriesBelongToTheFamilyWhoseCommentsStandBefore() throws {
        let frame = try scrape().consume(
            "first 1\n# HELP a An a.\n# TYPE a counter\na 1\na{x=\"1\"} 2\n# TYPE h histogram\n"
                + "h_bucket{le=\"1\"} 1\nh_sum 2\nh_count 1\nother 5\nh_count{y=\"1\"} 4\n", at: 1)
        #expect(
            families(frame) == [
                "first -", "a a|counter|An a.|", "a a|counter|An a.|", "h_bucket h|histogram||",
                "h_sum h|histogram||", "h_count h|histogram||", "other -", "h_count h|histogram||",
            ])
    }

    @Test func openMetricsNamesFamiliesWithoutSuffixes() throws {
        let frame = try scrape().consume(
            "# TYPE a_seconds counter\n# UNIT a_seconds seconds\n# HELP a_seconds x\na_seconds_total 1\n"
                + "# TYPE b info\nb_info{v=\"1\"} 1\n# EOF\n", isOpenMetrics: true, at: 1)
        #expect(families(frame) == ["a_seconds_total a_seconds|counter|x|seconds", "b_info b|info||"])
    }

    @Test func nothingIsKeptWhereNobodyWantsIt() throws {
        let scrape = TargetScrape(target: plainTarget())
        let frame = try scrape.consume("# TYPE a counter\na 1\n", at: 1)
        #expect(frame.layout.chunks.allSatisfy { $0.metadata == nil })
    }

    /// A family longer than a chunk: each chunk says by itself what its series are.
    @Test(arguments: [false, true]) func chunksInTheMiddleOfAFamilyKnowIt(asProtobuf: Bool) throws {
        let scrape = scrape()
        func body(_ help: String) -> String {
            "# HELP a \(help)\n# TYPE a gauge\n" + (0..<3_000).map { "a{n=\"\($0)\"} 1\n" }.joined()
                + "# TYPE b counter\nb 1\n"
        }
        func consume(_ help: String, at timeMs: Int64) throws -> Frame {
            guard asProtobuf else { return try scrape.consume(body(help), at: timeMs) }
            let metrics: [(inout ProtoMessage) -> Void] = (0..<3_000).map { number in
                {
                    $0.label("n", "\(number)")
                    $0.message(2) { $0.double(1, 1) }
                }
            }
            return try scrape.consume(
                protobuf: ProtoBody.family("a", 1, help: help, metrics)
                    + ProtoBody.family("b", 0, [{ $0.message(3) { $0.double(1, 1) } }]), at: timeMs)
        }
        func isOf(_ help: String, _ frame: Frame) -> Bool {
            families(frame) == Array(repeating: "a a|gauge|\(help)|", count: 3_000) + ["b b|counter||"]
        }
        let first = try consume("One.", at: 1)
        #expect(first.layout.chunks.count > 5)
        #expect(isOf("One.", first))
        #expect(scrape.metadata.map(\.family) == ["a", "b"])
        // Chunks whose own lines are as before do not keep what was said in front of the chunk before.
        let second = try consume("Two.", at: 2)
        #expect(isOf("Two.", second))
        #expect(second.departed.isEmpty)
        let parsed = scrape.parsedLines
        let third = try consume("Two.", at: 3)
        #expect(scrape.parsedLines == parsed, "the same body again is not parsed")
        #expect(third.layout.isIdentical(to: second.layout))
    }

    @Test func switchTakesHoldWithTheNextScrape() throws {
        let details = FrameSwitch(false)
        let scrape = TargetScrape(target: plainTarget(), details: details, rules: SeriesRules())
        let body = "# TYPE a counter\na 1\n"
        #expect(families(try scrape.consume(body, at: 1)) == [])
        details.isOn = true
        #expect(families(try scrape.consume(body, at: 2)) == ["a a|counter||"])
        let frame = try scrape.consume(body, at: 3)
        #expect(frame.departed.isEmpty)
        #expect(families(frame) == ["a a|counter||"])
        details.isOn = false
        #expect(families(try scrape.consume(body, at: 4)) == [])
    }

    @Test func convertedHistogramsHaveTheirFamily() throws {
        let scrape = TargetScrape(
            target: plainTarget(), keepsDetails: true,
            histograms: HistogramConfiguration(convertClassicToNHCB: true))
        let frame = try scrape.consume(
            "# HELP h Durations.\n# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 1\n"
                + "h_sum 2\nh_count 1\n", at: 1)
        #expect(families(frame) == ["h h|histogram|Durations.|"])
    }

    /// What the texts are kept in is shared with the page of metadata; a run costs eight bytes.
    @Test func textsAreKeptOnce() throws {
        let scrape = scrape()
        let frame = try scrape.consume("# HELP a An a.\n# TYPE a counter\na 1\na{x=\"1\"} 2\n", at: 1)
        let metadata = try #require(frame.layout.chunks[0].metadata)
        #expect(metadata.runs.count == 1)
        #expect(metadata.heldBytes == 2 * (9 + 1) + "An a.".utf8.count + "counter".utf8.count + 8)
    }
}
