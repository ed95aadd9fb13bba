import Configuration
import MetricModel
import Relabel
import Testing

@testable import Scrape

@Suite struct ProtobufBodyReaderTests {
    private let target = Target(job: "j", own: LabelSet([Label("job", "j")]))

    private func gauges(_ names: [Int], value: Double, help: String = "Help.") -> [UInt8] {
        ProtoBody.family(
            "g", 1, help: help,
            names.map { name in
                {
                    $0.label("n", "\(name)")
                    $0.message(2) { $0.double(1, value + Double(name)) }
                }
            })
    }

    @Test func theSameBodyTwiceMakesNoLabels() throws {
        let scrape = TargetScrape(target: target)
        let names = Array(0..<3_000)
        let first = try scrape.consume(protobuf: gauges(names, value: 1), at: 1)
        #expect(scrape.parsedLines == 3_000)
        let second = try scrape.consume(protobuf: gauges(names, value: 2), at: 2)
        #expect(scrape.parsedLines == 3_000)
        #expect(second.layout.isIdentical(to: first.layout))
        #expect(second.values.prefix(3_000).elementsEqual(names.map { 2 + Double($0) }))
        #expect(first.layout.chunks.count > 3)
    }

    /// A help text is kept with each chunk that is begun, so no more of it is copied than is kept.
    @Test(arguments: ["x", "\u{e9}", "\u{20ac}"])
    func longHelpsAreCopiedAsFarAsTheyAreKept(_ letter: String) throws {
        let help = "." + String(repeating: letter, count: PackedMetadata.maxTextBytes)
        let text = try ProtoMessage {
            $0.text(1, "g")
            $0.text(2, help)
            $0.varint(3, 1)
            $0.message(4) { $0.message(2) { $0.double(1, 1) } }
        }.copiedHelp()
        #expect(text.count <= PackedMetadata.maxTextBytes + 4)
        var (cut, whole) = (PackedMetadata(isOpenMetrics: false), PackedMetadata(isOpenMetrics: false))
        cut.append(.help, family: [], text: text)
        whole.append(.help, family: [], text: Array(help.utf8))
        #expect(cut.bytes == whole.bytes)
    }

    @Test func aChangeCostsItsChunkAndEndsWhatLeft() throws {
        let scrape = TargetScrape(target: target)
        let names = Array(0..<3_000)
        _ = try scrape.consume(protobuf: gauges(names, value: 1), at: 1)
        var changed = names
        changed[1_500] = 9_999
        changed.remove(at: 2_500)
        changed.insert(8_888, at: 10)
        let frame = try scrape.consume(protobuf: gauges(changed, value: 1), at: 2)
        #expect(scrape.parsedLines < 3_000 + 3 * TemplateBuilder.maxLines + 3)
        let gone = frame.departed.flatMap { group in
            group.series.compactMap { group.chunk.labels(ofSeries: Int($0), target: target)?["n"] }
        }
        #expect(gone == ["1500", "2500"])
        #expect(frame.values.prefix(changed.count).elementsEqual(changed.map { 1 + Double($0) }))
        for (ordinal, name) in changed.enumerated() {
            #expect(frame.layout.labels(ofSeries: ordinal, target: target)?["n"] == "\(name)")
        }
    }

    /// Series that a changed chunk goes on to have are copied: they are as if they had been made again.
    @Test func copiedSeriesAreAsIfMade() throws {
        func body(_ scrape: Int) -> [UInt8] {
            ProtoBody.family(
                "h", 4, help: "Help.",
                (0..<60).map { index in
                    {
                        $0.label("n", "\(index % 7 == 0 ? index + 1_000 * scrape : index)")
                        if index % 5 == 0 { $0.label("job", "other") }
                        $0.message(7) { histogram in
                            histogram.varint(1, 9)
                            histogram.double(2, Double(scrape))
                            for bound in 1...4 { histogram.bucket(Double(bound), UInt64(bound)) }
                        }
                    }
                }) + gauges(Array(0..<50).map { $0 % 9 == 0 ? $0 + 1_000 * scrape : $0 }, value: 1)
        }
        let copying = TargetScrape(target: target)
        for number in 0..<5 {
            let frame = try copying.consume(protobuf: body(number), at: Int64(number + 1))
            let fresh = try TargetScrape(target: target).consume(
                protobuf: body(number), at: Int64(number + 1))
            let (all, made) = (frame.samples().map(\.description), fresh.samples().map(\.description))
            #expect(Set(made).isSubset(of: all))
            #expect(Set(all).subtracting(made).allSatisfy { $0.contains("stale") })
        }
    }

    @Test func metadataIsKeptAndItsChangeSeen() throws {
        let scrape = TargetScrape(target: target)
        _ = try scrape.consume(protobuf: gauges([1, 2], value: 1, help: "One \\ \"two\"\nthree"), at: 1)
        #expect(scrape.metadata.map(\.family) == ["g"])
        #expect(scrape.metadata.map(\.type) == ["gauge"])
        #expect(scrape.metadata.map(\.help) == ["One \\ \"two\"\nthree"])
        _ = try scrape.consume(protobuf: gauges([1, 2], value: 1, help: "Other."), at: 2)
        #expect(scrape.metadata.map(\.help) == ["Other."])
    }

    /// A target that changes its format keeps its series: nothing ends and nothing is added.
    @Test func textAndProtobufAreTheSameSeries() throws {
        let scrape = TargetScrape(target: target)
        _ = try scrape.consume("# TYPE g gauge\ng{n=\"1\"} 2\ng{n=\"2\"} 3\n", at: 1)
        let frame = try scrape.consume(protobuf: gauges([1, 2], value: 1), at: 2)
        #expect(frame.departed.isEmpty)
        #expect(frame.values.prefix(2) == [2, 3])
        let back = try scrape.consume("# TYPE g gauge\ng{n=\"1\"} 5\ng{n=\"2\"} 6\n", at: 3)
        #expect(back.departed.isEmpty)
        #expect(back.values.prefix(2) == [5, 6])
    }

    @Test func aSeriesTwiceIsTakenOnce() throws {
        let scrape = TargetScrape(target: target)
        let frame = try scrape.consume(protobuf: gauges([1, 1, 2], value: 0), at: 1)
        #expect(frame.absent == [1])
        #expect(scrape.duplicateCount == 1)
    }

    @Test func startTimestampsThatStayAreShared() throws {
        let scrape = TargetScrape(target: target, keepsDetails: true)
        func body(_ startMs: Int64) -> [UInt8] {
            ProtoBody.family(
                "c", 0,
                [
                    {
                        $0.message(3) {
                            $0.double(1, 1)
                            $0.timestamp(3, ms: startMs)
                        }
                    }
                ])
        }
        #expect(try scrape.consume(protobuf: body(5), at: 10).startTimestamps.map(\.timestampMs) == [5])
        #expect(try scrape.consume(protobuf: body(5), at: 20).startTimestamps.map(\.timestampMs) == [5])
        #expect(try scrape.consume(protobuf: body(15), at: 30).startTimestamps.map(\.timestampMs) == [15])
    }
}

/// Limits, name rules and metric_relabel_configs see a protobuf body's series as they see lines.
@Suite struct ProtobufRulesTests {
    private func scrape(
        _ change: (inout SeriesRules) -> Void = { _ in }, _ rules: RelabelRule.Keys...,
        histograms: HistogramConfiguration = HistogramConfiguration(scrapeNative: true)
    ) throws -> TargetScrape {
        var limits = SeriesRules()
        change(&limits)
        return TargetScrape(
            target: plainTarget(), keepsExemplars: true, keepsDetails: true, histograms: histograms,
            rules: limits,
            relabelling: MetricRelabelling(rules: RelabelRules(try rules.map { try RelabelRule($0) })))
    }

    /// A gauge for each pair of name and value of the label x.
    private func gauges(_ series: [(name: String, x: String)]) -> [UInt8] {
        series.flatMap { series in
            ProtoBody.family(
                series.name, 1,
                [
                    {
                        if !series.x.isEmpty { $0.label("x", series.x) }
                        $0.message(2) { $0.double(1, 1) }
                    }
                ])
        }
    }

    private static let native: @Sendable (inout ProtoMessage) -> Void = {
        $0.message(7) {
            $0.varint(1, 2)
            $0.double(2, 3)
            $0.signed(5, 0)
            $0.span(12, 0, 1)
            $0.packed(13, signed: [2])
            $0.exemplar(16, "h", 1, ms: 5)
            $0.bucket(1, 2)
        }
    }

    @Test func labelLimitsFailTheScrapeOrLeaveSeriesOut() throws {
        let body = gauges([("a", "1"), ("b", "long"), ("c", "")])
        for (change, word) in [
            ({ $0.limits.labels = 3 }, "label_limit"),
            ({ $0.limits.labelNameLength = 7 }, "label_name_length_limit"),
            ({ $0.limits.labelValueLength = 3 }, "label_value_length_limit"),
        ] as [((inout SeriesRules) -> Void, String)] {
            let error = #expect(throws: ScrapeError.self) {
                try scrape(change).consume(protobuf: body, at: 1)
            }
            #expect(error?.code == .labelLimit)
            #expect(error?.message.contains(word) ?? false, "\(String(describing: error))")
        }
        let shedding = try scrape {
            $0.limits.labelValueLength = 3
            $0.onLimit = .shed
        }
        for time: Int64 in [1, 2] {
            #expect(try shedding.consume(protobuf: body, at: time).lines() == ["a{x=\"1\"} 1.0", "c 1.0"])
        }
        #expect(shedding.shed.refusedCount == 1)
        // The report tells how far the body was read.
        let failing = try scrape { $0.limits.labelValueLength = 3 }
        let error = #expect(throws: ScrapeError.self) { try failing.consume(protobuf: body, at: 3) }
        #expect(error?.samplesScraped == 2 && error?.samplesKept == 1)
    }

    @Test func sampleLimitCountsAHistogramOnce() throws {
        let body = ProtoBody.family("h", 4, [Self.native]) + gauges([("a", ""), ("b", "")])
        #expect(try scrape { $0.limits.samples = 3 }.consume(protobuf: body, at: 1).histograms.count == 1)
        let error = #expect(throws: ScrapeError.self) {
            try scrape { $0.limits.samples = 2 }.consume(protobuf: body, at: 1)
        }
        #expect(error?.code == .sampleLimit)
        #expect(error?.message == "the target exposes 3 samples; sample_limit is 2")
        // Classic, it is a count, a sum and two buckets.
        let classic = #expect(throws: ScrapeError.self) {
            try scrape({ $0.limits.samples = 5 }, histograms: .init()).consume(protobuf: body, at: 1)
        }
        #expect(classic?.message == "the target exposes 6 samples; sample_limit is 5")
    }

    @Test func sheddingKeepsWhatIsKnown() throws {
        let scrape = try scrape {
            $0.limits.samples = 2
            $0.onLimit = .shed
        }
        let few = gauges([("a", ""), ("b", "")])
        let many = gauges([("n", "1"), ("a", ""), ("n", "2"), ("b", "")])
        #expect(try scrape.consume(protobuf: few, at: 1).lines() == ["a 1.0", "b 1.0"])
        for time: Int64 in [2, 3] {
            #expect(try scrape.consume(protobuf: many, at: time).lines() == ["a 1.0", "b 1.0"])
        }
        #expect(scrape.shed.shedCount == 2)
        #expect(scrape.shed.grownLabel == "x")
        // A histogram that is new goes like any other series, with its exemplar.
        let histogram = ProtoBody.family("h", 4, [Self.native]) + few
        let frame = try scrape.consume(protobuf: histogram, at: 4)
        #expect(frame.lines() == ["a 1.0", "b 1.0"])
        #expect(frame.histograms.isEmpty && frame.exemplars.isEmpty)
    }

    @Test func namesThatTheSchemeRefusesFailOrAreSkipped() throws {
        let body = gauges([("a", ""), ("b.c", ""), ("d", "")])
        #expect(try scrape().consume(protobuf: body, at: 1).lines().count == 3)
        let error = #expect(throws: ScrapeError.self) {
            try scrape { $0.validation = .legacy }.consume(protobuf: body, at: 1)
        }
        #expect(error?.code == .exposition)
        #expect(error?.message.contains("b.c") ?? false)
        let skipping = try scrape {
            $0.validation = .legacy
            $0.onBadLine = .skip
        }
        #expect(try skipping.consume(protobuf: body, at: 1).lines() == ["a 1.0", "d 1.0"])
        // A message that breaks off has lost more than a series.
        #expect(throws: ScrapeError.self) {
            try skipping.consume(protobuf: Array(body.dropLast()), at: 2)
        }
    }

    @Test func metricRelabellingDropsRenamesAndLabels() throws {
        let body =
            gauges([("go_a", ""), ("a", "1")])
            + ProtoBody.family("h", 4, [Self.native])
            + ProtoBody.family(
                "c_total", 0,
                [
                    {
                        $0.label("x", "1")
                        $0.message(3) {
                            $0.double(1, 7)
                            $0.exemplar(2, "c", 1, ms: 6)
                            $0.timestamp(3, ms: 9)
                        }
                        $0.varint(6, 900)
                    }
                ])
        let scrape = try scrape(
            { _ in }, .init(action: .drop, sourceLabels: ["__name__"], regex: "go_.*"),
            .init(sourceLabels: ["x"], targetLabel: "y", regex: "(.+)", replacement: "z$1"),
            .init(action: .labeldrop, regex: "x"))
        for time: Int64 in [1_000, 2_000] {
            let frame = try scrape.consume(protobuf: body, at: time)
            #expect(
                Set(frame.lines())
                    == (time == 1_000
                        ? ["a{y=\"z1\"} 1.0", "h 3.0", "c_total{y=\"z1\"} 7.0 @900"]
                        : ["a{y=\"z1\"} 1.0", "h 3.0"]))
            #expect(frame.histograms.map(\.series) == [1])
            #expect(frame.startTimestamps.map(\.series) == [2])
            #expect(frame.exemplars.map(\.series) == (time == 1_000 ? [1, 2] : []))
            #expect(frame.lines(report: true).contains("scrape_samples_scraped 4.0"))
            #expect(frame.lines(report: true).contains("scrape_samples_post_metric_relabeling 3.0"))
        }
        #expect(scrape.parsedLines == 4)
        // A native histogram goes by its name like any series.
        let without = try self.scrape(
            { _ in }, .init(action: .drop, sourceLabels: ["__name__"], regex: "h"))
        let frame = try without.consume(protobuf: body, at: 1_000)
        #expect(frame.histograms.isEmpty && frame.layout.histogramSeries.isEmpty)
        #expect(frame.exemplars.map(\.series) == [2])
    }
}
