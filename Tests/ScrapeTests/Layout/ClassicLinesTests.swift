import Configuration
import MetricModel
import Relabel
import Testing

@testable import Scrape

/// Classic histograms of the text formats that become native ones of custom buckets.
@Suite struct ClassicLinesTests {
    private func scrape(
        keepsClassic: Bool = false, keepsExemplars: Bool = false, rules: SeriesRules = SeriesRules(),
        relabelling: MetricRelabelling = MetricRelabelling(), bucketLimit: Int = 0
    ) -> TargetScrape {
        TargetScrape(
            target: plainTarget(), keepsExemplars: keepsExemplars,
            histograms: HistogramConfiguration(
                alwaysScrapeClassic: keepsClassic, convertClassicToNHCB: true, bucketLimit: bucketLimit),
            rules: rules, relabelling: relabelling)
    }

    private func integer(
        _ count: UInt64, sum: Double, _ spans: [(Int32, UInt32)], _ deltas: [Int64], _ bounds: [Double]
    ) -> NativeHistogram {
        NativeHistogram(
            schema: -53, sum: sum, positiveSpans: spans.map { .init(offset: $0.0, length: $0.1) },
            counts: .integer(count: count, zeroCount: 0, positiveDeltas: deltas, negativeDeltas: []),
            customValues: bounds)
    }

    private static let two = """
        # HELP rpc Seconds.
        # TYPE rpc histogram
        rpc_bucket{le="0.5"} 2
        rpc_bucket{le="1"} 2
        rpc_bucket{le="+Inf"} 5
        rpc_sum 7.5
        rpc_count 5
        rpc_bucket{code="a",le="0.5"} 0
        rpc_bucket{le="1",code="a"} 0
        rpc_bucket{le="+Inf",code="a"} 3
        rpc_sum{code="a"} 30
        rpc_count{code="a"} 3
        # TYPE other gauge
        other 1

        """

    @Test func theSeriesOfAHistogramBecomeOne() throws {
        let scrape = scrape()
        let frame = try scrape.consume(Self.two, at: 1_000)
        #expect(frame.lines() == ["rpc 7.5", "rpc{code=\"a\"} 30.0", "other 1.0"])
        #expect(frame.layout.histogramSeries == [0, 1])
        #expect(
            frame.histograms.map(\.histogram) == [
                integer(5, sum: 7.5, [(0, 3)], [2, -2, 3], [0.5, 1]),
                integer(3, sum: 30, [(2, 1)], [3], [0.5, 1]),
            ])
        // Two histograms and a gauge.
        #expect(frame.lines(report: true).contains("scrape_samples_scraped 3.0"))
        #expect(frame.lines(report: true).contains("scrape_samples_post_metric_relabeling 3.0"))
        #expect(scrape.parsedLines == 11)
        let next = try scrape.consume(
            Self.two.replacing("rpc_sum 7.5", with: "rpc_sum 8").replacing("} 5\n", with: "} 6\n")
                .replacing("rpc_count 5", with: "rpc_count 6"), at: 2_000)
        #expect(scrape.parsedLines == 11)
        #expect(next.histograms[0].histogram == integer(6, sum: 8, [(0, 3)], [2, -2, 4], [0.5, 1]))
        #expect(next.layout.isIdentical(to: frame.layout))
    }

    @Test func classicSeriesStayWhereTheyAreAskedFor() throws {
        let frame = try scrape(keepsClassic: true).consume(Self.two, at: 1)
        #expect(frame.lines().count == 13)
        #expect(frame.lines().prefix(2) == ["rpc 7.5", "rpc_bucket{le=\"0.5\"} 2.0"])
        #expect(frame.layout.histogramSeries == [0, 6])
        #expect(frame.histograms.count == 2)
        #expect(frame.lines(report: true).contains("scrape_samples_scraped 13.0"))
    }

    /// What is no histogram by its TYPE line, its name or its bound stays a series.
    @Test(arguments: [
        ("rpc_count 1\nrpc_sum 1\n", ["rpc_count 1.0", "rpc_sum 1.0"]),
        ("# TYPE rpc untyped\nrpc_bucket{le=\"+Inf\"} 1\n", ["rpc_bucket{le=\"+Inf\"} 1.0"]),
        ("# TYPE rpc summary\nrpc_count 1\n", ["rpc_count 1.0"]),
        ("# TYPE rpc histogram\nrpx_count 1\n", ["rpx_count 1.0"]),
        ("# TYPE rpc histogram\nrpc_bucket 1\n", ["rpc_bucket 1.0"]),
        ("# TYPE rpc histogram\nrpc_bucket{le=\"NaN\"} 1\n", ["rpc_bucket{le=\"NaN\"} 1.0"]),
        ("# TYPE rpc histogram\nrpc_bucket{le=\"x\"} 1\n", ["rpc_bucket{le=\"x\"} 1.0"]),
        // The histogram would be the series that there is already: a duplicate.
        ("# TYPE rpc histogram\nrpc 4\nrpc_count 1\n", ["rpc 4.0"]),
        // The gauge stands in the middle and takes the histogram apart; its second half is a duplicate.
        ("# TYPE rpc histogram\nrpc_count 1\nx 2\nrpc_sum 3\n", ["rpc 0.0", "x 2.0"]),
        // So does a comment.
        ("# TYPE rpc histogram\nrpc_count 1\n# x\nrpc_sum 3\n", ["rpc 0.0"]),
        ("# TYPE rpc histogram\nrpc_count 1\n\nrpc_sum 3\n", ["rpc 3.0"]),
        ("# TYPE rpc histogram\nrpc_count{a=\"b\"} 1\nrpc_sum{a=\"c\"} 2\n", ["rpc{a=\"b\"} 0.0"]),
        ("# TYPE \"r.c\" histogram\n{\"r.c_count\"} 1\n{\"r.c_sum\"} 2\n", ["r.c 2.0"]),
        ("# TYPE _count histogram\n_count 1\n", ["_count 1.0"]),
    ])
    func onlyHistogramsAreConverted(body: String, lines: [String]) throws {
        #expect(try scrape().consume(body, at: 1).lines() == lines)
    }

    @Test func gaugeHistogramsAndCreatedSeriesOfOpenMetricsStay() throws {
        let body = """
            # TYPE g gaugehistogram
            g_bucket{le="+Inf"} 1
            # TYPE h histogram
            h_count 3
            h_sum 4
            h_created 5
            h_bucket{le="+Inf"} 3
            # EOF

            """
        let frame = try scrape().consume(body, isOpenMetrics: true, at: 1)
        // The created line takes the histogram apart, as in Prometheus: the second part is a duplicate.
        #expect(frame.lines() == ["g_bucket{le=\"+Inf\"} 1.0", "h 4.0", "h_created 5.0"])
        #expect(frame.absent == [3])
    }

    @Test func aHistogramThatContradictsItselfEndsAndTheScrapeGoesOn() throws {
        let scrape = scrape()
        func body(_ count: String) -> String {
            "# TYPE h histogram\nh_bucket{le=\"1\"} 2\nh_count \(count)\n# TYPE x gauge\nx 1\n"
        }
        #expect(try scrape.consume(body("1"), at: 1).lines() == ["x 1.0"])
        #expect(try scrape.consume(body("3"), at: 2).lines() == ["h 0.0", "x 1.0"])
        let ended = try scrape.consume(body("1"), at: 3)
        #expect(ended.lines() == ["h stale", "x 1.0"])
        #expect(ended.histograms.isEmpty)
        #expect(ended.lines(report: true).contains("scrape_samples_scraped 1.0"))
        // Once.
        #expect(try scrape.consume(body("-1"), at: 4).lines() == ["x 1.0"])
        #expect(try scrape.consume(body("3"), at: 5).lines() == ["h 0.0", "x 1.0"])
        // With other lines at the same time, too.
        #expect(try scrape.consume("y 1\n" + body("1"), at: 6).lines() == ["y 1.0", "h stale", "x 1.0"])
        #expect(try scrape.fail(at: 7).lines() == ["y stale", "x stale"])
    }

    @Test func anExemplarNeedsATimeAndCountsOnce() throws {
        let body = """
            # TYPE h histogram
            h_bucket{le="1"} 1 # {id="late"} 0.5 20
            h_bucket{le="2"} 2 # {id="early"} 1.5 10
            h_bucket{le="+Inf"} 3 # {id="timeless"} 3
            h_count 3
            # EOF

            """
        let scrape = scrape(keepsClassic: true, keepsExemplars: true)
        let frame = try scrape.consume(body, isOpenMetrics: true, at: 1)
        #expect(frame.exemplars.map(\.series) == [0, 0])
        #expect(frame.exemplars.map { $0.exemplar.labels["id"] } == ["early", "late"])
        #expect(try scrape.consume(body, isOpenMetrics: true, at: 2).exemplars.isEmpty)
        let changed = try scrape.consume(body.replacing("late", with: "new"), isOpenMetrics: true, at: 3)
        #expect(changed.exemplars.map { $0.exemplar.labels["id"] } == ["new"])
    }

    @Test func theLastLinesTimeIsTheHistograms() throws {
        let body = "# TYPE h histogram\nh_count 1 5000\nh_sum 2 6000\n# TYPE x gauge\nx 1 7000\ny 2\n"
        let scrape = scrape()
        for time in [10_000, 20_000] {
            let frame = try scrape.consume(
                body.replacing("000\n", with: "00\(time / 10_000)\n"), at: Int64(time))
            #expect(frame.explicitTimestamps.map(\.series) == [0, 1])
            #expect(frame.explicitTimestamps.map { $0.timestampMs / 1_000 } == [6, 7])
        }
    }

    @Test func rulesAndLimitsSeeTheHistogram() throws {
        let rules = RelabelRules([
            try RelabelRule(.init(action: .drop, sourceLabels: ["__name__"], regex: "rpc"))
        ])
        let dropped = try scrape(relabelling: .init(rules: rules)).consume(Self.two, at: 1)
        #expect(dropped.lines() == ["other 1.0"])
        #expect(dropped.lines(report: true).contains("scrape_samples_scraped 3.0"))
        // le is no label any more, so code, name, instance and job are four.
        var limits = SeriesRules()
        limits.limits.labels = 4
        limits.limits.samples = 3
        #expect(try scrape(rules: limits).consume(Self.two, at: 1).lines().count == 3)
        limits.limits.samples = 2
        #expect(throws: ScrapeError.self) { try scrape(rules: limits).consume(Self.two, at: 1) }
        limits.limits.samples = 0
        limits.limits.labels = 3
        limits.onLimit = .shed
        #expect(
            try scrape(rules: limits).consume(Self.two, at: 1).lines() == ["rpc 7.5", "other 1.0"])
        let error = #expect(throws: ScrapeError.self) {
            try scrape(bucketLimit: 2).consume(Self.two, at: 1)
        }
        #expect(error?.code == .bucketLimit)
    }

    /// A histogram is never cut, however many buckets it has, and a line more in it is in it.
    @Test func oneHistogramOfManyLinesIsOne() throws {
        func body(_ bounds: [Int]) -> String {
            "# TYPE h histogram\n"
                + bounds.map { "h_bucket{le=\"\($0)\"} \($0)\n" }.joined() + "h_count 5000\n"
        }
        let scrape = scrape()
        let frame = try scrape.consume(body(Array(0..<3_000)), at: 1)
        #expect(frame.lines().count == 1)
        #expect(frame.histograms[0].histogram.customValues.count == 3_000)
        let more = try scrape.consume(body(Array(0..<2_999) + [3_500, 4_000]), at: 2)
        #expect(more.histograms[0].histogram.customValues.count == 3_001)
        // In any order, each bound once.
        let shuffled = try scrape.consume(body((0..<2_000).reversed() + [7, 7]), at: 3)
        #expect(shuffled.histograms[0].histogram.customValues == (0..<2_000).map(Double.init))
    }

    /// Bodies that change from scrape to scrape read as they would for the first time.
    @Test func knownLinesConvertAsUnknownOnesDo() throws {
        var random = SeededGenerator(seed: printedSeed("knownLinesConvertAsUnknownOnesDo"))
        for round in 0..<25 {
            let keeps = round % 3 == 0
            let known = scrape(keepsClassic: keeps)
            var families = (0..<40).map { _ in Int.random(in: 0..<1_000, using: &random) }
            for step in 1...6 {
                let body = Self.body(of: families, &random)
                let time = Int64(step) * 1_000
                let frame = try known.consume(body, at: time)
                let alone = try scrape(keepsClassic: keeps).consume(body, at: time)
                #expect(Self.content(frame) == Self.content(alone), "round \(round), step \(step)")
                switch Int.random(in: 0..<4, using: &random) {
                case 0: families.remove(at: Int.random(in: 0..<families.count, using: &random))
                case 1: families.insert(Int.random(in: 0..<1_000, using: &random), at: families.count / 2)
                case 2: families[families.count / 3] += 1_000
                default: break
                }
            }
        }
    }

    /// Samples but for stale markers, and histograms by their series.
    private static func content(_ frame: Frame) -> [String] {
        let histograms = Dictionary(uniqueKeysWithValues: frame.histograms.map { ($0.series, $0.histogram) })
        let missing = Set(frame.absent)
        return (0..<frame.values.count - ReportSeries.names.count).compactMap { index in
            let series = UInt32(index)
            guard !missing.contains(series), !StaleMarker.isStale(frame.values[index]) else { return nil }
            let labels = frame.layout.labels(ofSeries: index, target: frame.target) ?? LabelSet()
            let histogram = histograms[series].map { "\($0)" } ?? ""
            return "\(labels) \(frame.values[index]) \(histogram)"
        }
    }

    /// Families of gauges and histograms; some lines come and go, and some histograms are split or wrong.
    private static func body(of families: [Int], _ random: inout SeededGenerator) -> String {
        var text = ""
        for family in families {
            if family % 3 == 0 {
                text += "# TYPE g\(family) gauge\n"
                for label in 0..<(family % 20) { text += "g\(family){l=\"\(label)\"} \(label)\n" }
                continue
            }
            text += "# TYPE h\(family) histogram\n"
            for label in 0..<(family % 5 + 1) {
                var count = 0
                for bound in 0..<(family % 13) {
                    count += Int.random(in: 0...3, using: &random)
                    if Int.random(in: 0..<40, using: &random) == 0 { continue }
                    text += "h\(family)_bucket{l=\"\(label)\",le=\"\(bound)\"} \(count)\n"
                }
                if Int.random(in: 0..<30, using: &random) == 0 { text += "# between\n" }
                if Int.random(in: 0..<30, using: &random) == 0 { count -= 2 }
                text += "h\(family)_sum{l=\"\(label)\"} \(count)\nh\(family)_count{l=\"\(label)\"} \(count)\n"
            }
        }
        return text
    }
}
