import Configuration
import MetricModel
import Testing

@testable import Scrape

/// `_created` lines and start timestamps of protobuf, which become samples of 0.
@Suite struct ScrapeEngineStartsTests {
    private func scrape(
        convert: Bool = false, classic: Bool = false, native: Bool = false, floorMs: Int64 = Int64.min,
        rules: SeriesRules = SeriesRules(), relabelling: MetricRelabelling = MetricRelabelling()
    ) -> TargetScrape {
        TargetScrape(
            target: plainTarget(), readsStarts: true, startFloorMs: floorMs,
            histograms: HistogramConfiguration(
                scrapeNative: native, alwaysScrapeClassic: classic, convertClassicToNHCB: convert),
            rules: rules, relabelling: relabelling)
    }

    private func zeros(_ scrape: TargetScrape, _ text: String, at timestampMs: Int64) throws -> [String] {
        _ = try scrape.consume(text, isOpenMetrics: true, at: timestampMs)
        return scrape.zeros?.lines() ?? []
    }

    private static func counter(_ value: Int, from seconds: String) -> String {
        "# TYPE a counter\na_total \(value)\na_created \(seconds)\n# EOF\n"
    }

    @Test func withoutTheFeatureCreatedIsASeries() throws {
        let scrape = plainScrape()
        let frame = try scrape.consume(Self.counter(3, from: "5"), isOpenMetrics: true, at: 9_000)
        #expect(frame.lines() == ["a_total 3.0", "a_created 5.0"])
        #expect(scrape.zeros == nil)
    }

    @Test func aCounterBeginsWithZero() throws {
        let scrape = scrape()
        let frame = try scrape.consume(Self.counter(3, from: "5.0019"), isOpenMetrics: true, at: 9_000)
        #expect(frame.lines() == ["a_total 3.0"])
        // The line counts as no sample.
        #expect(frame.values == [3, 1, 0, 1, 1, 1])
        #expect(frame.startTimestamps.isEmpty)
        let zeros = try #require(scrape.zeros)
        #expect(zeros.lines() == ["a_total 0.0 @5001"])
        #expect(zeros.sampleCount == 1)
        // Only once, until it begins anew.
        #expect(try self.zeros(scrape, Self.counter(4, from: "5.0019"), at: 10_000) == [])
        #expect(try self.zeros(scrape, Self.counter(1, from: "10.5"), at: 11_000) == ["a_total 0.0 @10500"])
        #expect(scrape.parsedLines == 2)
    }

    /// `st-storage`: the start stands with the sample, for remote write 2.0, and no sample is added.
    @Test func startsAreReadWithoutSamplesOfZero() throws {
        let scrape = TargetScrape(
            target: plainTarget(), keepsDetails: true, readsStarts: true, addsStartSamples: false,
            rules: SeriesRules())
        for timestampMs in [Int64(9_000), 10_000] {
            let frame = try scrape.consume(
                Self.counter(3, from: "5.0019"), isOpenMetrics: true, at: timestampMs)
            #expect(frame.lines() == ["a_total 3.0"])
            #expect(frame.startTimestamps == [.init(series: 0, timestampMs: 5_001)])
            #expect(scrape.zeros == nil)
        }
    }

    @Test(arguments: ["9.0", "9.001", "0", "-1", "NaN", "+Inf", "1e300"])
    func aStartThatIsNotBeforeTheSampleIsPassedOver(seconds: String) throws {
        #expect(try zeros(scrape(), Self.counter(1, from: seconds), at: 9_000) == [])
    }

    @Test func aStartThatLayAheadCountsOnceItIsPast() throws {
        let scrape = scrape()
        #expect(try zeros(scrape, Self.counter(1, from: "9.5"), at: 9_000) == [])
        #expect(try zeros(scrape, Self.counter(1, from: "9.5"), at: 10_000) == ["a_total 0.0 @9500"])
    }

    @Test func aStartBehindTheLastSampleIsPassedOver() throws {
        let scrape = scrape()
        _ = try zeros(scrape, Self.counter(9, from: "1"), at: 9_000)
        #expect(try zeros(scrape, Self.counter(1, from: "9"), at: 10_000) == [])
        // A stale marker is a sample, too.
        _ = try scrape.fail(at: 11_000)
        #expect(try zeros(scrape, Self.counter(1, from: "10.5"), at: 12_000) == [])
        #expect(try zeros(scrape, Self.counter(1, from: "12.001"), at: 13_000) == ["a_total 0.0 @12001"])
    }

    @Test func theSeriesOfAHistogramBeginTogether() throws {
        let text = """
            # TYPE h histogram
            h_bucket{x="1",le="1"} 1
            h_bucket{le="+Inf",x="1"} 2
            h_count{x="1"} 2
            h_sum{x="1"} 3
            h_created{x="1"} 5
            h_bucket{x="2",le="+Inf"} 1
            h_created{x="2"} 6
            h_count{x="2"} 1
            # TYPE s summary
            s{quantile="0.5"} 1
            s_count 1
            s_created 7
            # TYPE g gauge
            g 1
            g_created 8
            # EOF

            """
        let scrape = scrape()
        let found = try zeros(scrape, text, at: 9_000)
        #expect(
            found == [
                "h_bucket{le=\"1.0\", x=\"1\"} 0.0 @5000", "h_bucket{le=\"+Inf\", x=\"1\"} 0.0 @5000",
                "h_count{x=\"1\"} 0.0 @5000", "h_sum{x=\"1\"} 0.0 @5000",
                "h_bucket{le=\"+Inf\", x=\"2\"} 0.0 @6000", "h_count{x=\"2\"} 0.0 @6000",
                "s{quantile=\"0.5\"} 0.0 @7000", "s_count 0.0 @7000",
            ])
        let frame = try scrape.consume(text, isOpenMetrics: true, at: 10_000)
        #expect(frame.lines().suffix(2) == ["g 1.0", "g_created 8.0"])
        #expect(!frame.lines().contains { $0.hasPrefix("h_created") })
    }

    @Test func aLineTellsOnlyOfItsNeighbours() throws {
        let text = """
            # TYPE a counter
            a_total{x="1"} 1
            a_created{x="2"} 5
            a_total{x="2"} 1
            # HELP a Help.
            a_created{x="2"} 5
            # EOF

            """
        let scrape = scrape()
        #expect(try zeros(scrape, text, at: 9_000) == [])
        #expect(
            try scrape.consume(text, isOpenMetrics: true, at: 10_000).lines() == [
                "a_total{x=\"1\"} 1.0", "a_total{x=\"2\"} 1.0",
            ])
    }

    @Test func aConvertedHistogramBeginsEmpty() throws {
        let text = """
            # TYPE h histogram
            h_bucket{le="1"} 1
            h_created 5
            h_bucket{le="+Inf"} 2
            h_count 2
            h_sum 3
            # EOF

            """
        let scrape = scrape(convert: true)
        let frame = try scrape.consume(text, isOpenMetrics: true, at: 9_000)
        #expect(frame.lines() == ["h 3.0"])
        #expect(frame.values[3] == 1)
        let zeros = try #require(scrape.zeros)
        #expect(zeros.lines() == ["h 0.0 @5000"])
        let histogram = try #require(zeros.histograms.first?.histogram)
        #expect(histogram.schema == -53 && histogram.customValues == [1] && histogram.resetHint == .yes)
        #expect(histogram.bucketCount == 0 && histogram.sum == 0)
        let both = self.scrape(convert: true, classic: true)
        #expect(try self.zeros(both, text, at: 9_000).count == 5)
    }

    @Test func protobufTellsStartsToo() throws {
        let body =
            ProtoBody.family(
                "c", 0,
                [
                    { metric in
                        metric.message(3) {
                            $0.double(1, 3)
                            $0.timestamp(3, ms: 5_000)
                        }
                    }
                ])
            + ProtoBody.family(
                "n", 4,
                [
                    { metric in
                        metric.message(7) {
                            $0.varint(1, 1)
                            $0.double(2, 4)
                            $0.signed(5, 3)
                            $0.double(6, 0.01)
                            $0.span(12, 0, 1)
                            $0.packed(13, signed: [1])
                            $0.timestamp(15, ms: 6_000)
                        }
                    }
                ])
        let scrape = scrape(native: true)
        _ = try scrape.consume(protobuf: body, at: 9_000)
        let zeros = try #require(scrape.zeros)
        #expect(zeros.lines() == ["c 0.0 @5000", "n 0.0 @6000"])
        let zero = try #require(zeros.histograms.first?.histogram)
        #expect(zero.schema == 3 && zero.zeroThreshold == 0.01 && zero.resetHint == .yes)
        #expect(
            zero.counts == .integer(count: 0, zeroCount: 0, positiveDeltas: [], negativeDeltas: []))
        _ = try scrape.consume(protobuf: body, at: 10_000)
        #expect(scrape.zeros == nil)
    }

    @Test func aSeriesThatReturnsHasNotBegunAnew() throws {
        func body(_ labels: [(String, String)]) -> String {
            "# TYPE a counter\n"
                + labels.map { "a_total{x=\"\($0.0)\"} 1\na_created{x=\"\($0.0)\"} \($0.1)\n" }.joined()
                + "# EOF\n"
        }
        let scrape = scrape()
        _ = try zeros(scrape, body([("1", "5"), ("2", "6")]), at: 9_000)
        #expect(try zeros(scrape, body([("1", "5")]), at: 10_000) == [])
        #expect(scrape.rememberedStarts == 1)
        #expect(
            try zeros(scrape, body([("1", "5"), ("2", "6"), ("3", "10.5")]), at: 11_000) == [
                "a_total{x=\"3\"} 0.0 @10500"
            ])
        #expect(scrape.rememberedStarts == 0)
        _ = try zeros(scrape, body([("1", "5")]), at: 12_000)
        #expect(
            try zeros(scrape, body([("1", "5"), ("2", "12.5")]), at: 13_000) == [
                "a_total{x=\"2\"} 0.0 @12500"
            ])
    }

    @Test func whatAnEarlierRunMayHaveStoredHasNotBegunAnew() throws {
        #expect(try zeros(scrape(floorMs: 5_000), Self.counter(1, from: "5"), at: 9_000) == [])
        #expect(
            try zeros(scrape(floorMs: 5_000), Self.counter(1, from: "5.001"), at: 9_000)
                == ["a_total 0.0 @5001"])
    }

    @Test func whatHasNoSampleHasNoZero() throws {
        var rules = SeriesRules()
        rules.limits.samples = 1
        rules.onLimit = .shed
        let two = """
            # TYPE a counter
            a_total{x="1"} 1
            a_created{x="1"} 5
            a_total{x="2"} 1 4
            a_created{x="2"} 5
            a_total{x="1"} 1
            a_created{x="1"} 6
            # EOF

            """
        #expect(try zeros(scrape(rules: rules), two, at: 9_000) == ["a_total{x=\"1\"} 0.0 @5000"])
        // The second lies before its series began, by its own time.
        #expect(try zeros(scrape(), two, at: 9_000) == ["a_total{x=\"1\"} 0.0 @5000"])
    }

    /// A histogram of which a chunk knows the beginning goes on in lines that are new.
    @Test func knownAndUnknownLinesComeToTheSame() throws {
        func body(_ children: Int, buckets: Int, seconds: Int) -> String {
            "# TYPE h histogram\n"
                + (0..<children).map { child in
                    (0..<buckets).map { "h_bucket{c=\"\(child)\",le=\"\($0)\"} 1\n" }.joined()
                        + "h_created{c=\"\(child)\"} \(seconds + child)\n"
                }.joined() + "# EOF\n"
        }
        for (before, after) in [((40, 20), (40, 21)), ((40, 20), (41, 20)), ((1, 700), (1, 701))] {
            let known = scrape()
            _ = try known.consume(
                body(before.0, buckets: before.1, seconds: 1), isOpenMetrics: true, at: 1_000)
            let changed = body(after.0, buckets: after.1, seconds: 2)
            let byTemplate = try zeros(known, changed, at: 90_000)
            let expected = try zeros(scrape(floorMs: 1_000), changed, at: 90_000)
            #expect(byTemplate == expected)
            #expect(byTemplate.count == after.0 * after.1)
            // And again, now all of it known.
            #expect(
                try zeros(known, body(after.0, buckets: after.1, seconds: 91), at: 180_000).count
                    == after.0 * after.1)
            #expect(known.parsedLines > 0)
        }
    }
}
