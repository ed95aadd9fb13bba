import Configuration
import MetricModel
import Relabel
import Testing

@testable import Scrape

/// Lines of which the series are copied from the chunks of the scrape before are as if they had been made
/// from their labels.
@Suite struct KnownLinesTests {
    private let target = Target(
        job: "j", own: LabelSet([Label("instance", "i:1"), Label("job", "j"), Label("zone", "a")]))

    private func relabelling() throws -> MetricRelabelling {
        let rules = RelabelRules([
            try RelabelRule(.init(action: .drop, sourceLabels: ["drop"], regex: "yes")),
            try RelabelRule(.init(action: .labeldrop, regex: "zone")),
        ])
        return MetricRelabelling(rules: rules)
    }

    private func scrape(_ relabelling: MetricRelabelling = MetricRelabelling()) -> TargetScrape {
        TargetScrape(target: target, rules: SeriesRules(), relabelling: relabelling, readsByOrder: false)
    }

    private func words(_ frame: Frame) -> [String] { frame.samples().map(\.description) }

    /// A page of which some lines change: dropped ones, ones with labels of the target's, and others.
    private func page(_ scrape: Int) -> String {
        var text = "# TYPE m gauge\n"
        for line in 0..<600 {
            let id = line % 7 == 0 ? line + 10_000 * scrape : line
            let drop = line % 5 == 0 ? ",drop=\"yes\"" : ""
            let zone = line % 11 == 0 ? ",zone=\"other\"" : ""
            text += "m{id=\"\(id)\"\(drop)\(zone)} \(line + scrape)\n"
        }
        return text
    }

    @Test(arguments: [false, true]) func copiedSeriesAreAsIfMade(hasRules: Bool) throws {
        let rules = hasRules ? try relabelling() : MetricRelabelling()
        let copying = scrape(rules)
        for number in 0..<6 {
            let frame = try copying.consume(page(number), at: Int64(number + 1))
            let fresh = try scrape(rules).consume(page(number), at: Int64(number + 1))
            let stale = Set(words(frame)).subtracting(words(fresh))
            #expect(Set(words(fresh)).isSubset(of: words(frame)))
            #expect(stale.allSatisfy { $0.contains("stale") }, "\(stale.first ?? "")")
            #expect((number > 0) == !stale.isEmpty)
        }
    }

    /// Whether `le` is a bound is said by a TYPE line far above, which a line's own hash knows nothing of.
    @Test func aTypeThatChangesMakesBoundsAnew() throws {
        func page(_ type: String) -> String {
            "# TYPE m \(type)\n" + (0..<200).map { "m_bucket{id=\"\($0)\",le=\"1\"} 5\n" }.joined()
        }
        let scrape = scrape()
        let steps: [(type: String, bound: String)] = [("gauge", "1"), ("histogram", "1.0"), ("gauge", "1")]
        for (time, step) in steps.enumerated() {
            let frame = try scrape.consume(page(step.type), at: Int64(time + 1))
            let bounds = frame.samples().filter { $0.bits != StaleMarker.bits }.map { $0.labels["le"] }
            #expect(bounds == Array(repeating: step.bound, count: 200), "\(step)")
        }
    }

    @Test func refusedSeriesAreMadeAnewSoThatTheirReasonIsKnown() throws {
        var rules = SeriesRules()
        rules.limits.labels = 5
        rules.onLimit = .shed
        let scrape = TargetScrape(target: target, rules: rules, readsByOrder: false)
        func page(_ id: Int) -> String {
            (0..<200).map { "m{id=\"\($0 == 100 ? id : $0)\"\($0 == 3 ? ",a=\"1\",b=\"2\"" : "")} 1\n" }
                .joined()
        }
        _ = try scrape.consume(page(100), at: 1)
        #expect(scrape.shed.leftOut == [3])
        _ = try scrape.consume(page(1_000), at: 2)
        #expect(scrape.shed.leftOut == [3])
    }

    private func chunk(
        _ hashes: Range<UInt64>, dropped: [UInt32] = [], refused: [UInt32] = []
    ) -> TemplateChunk {
        var layout = LayoutChunkBuilder()
        let kept = hashes.enumerated().filter { !dropped.contains(UInt32($0.offset)) }.map(\.element)
        for hash in kept {
            layout.appendLabel(name: Array("n".utf8).span, value: Array("\(hash)".utf8).span)
            layout.endSeries()
        }
        return TemplateChunk(
            hashes: Array(hashes), lengths: hashes.map { UInt32($0) }, droppedLines: dropped, ownHashes: kept,
            exclusions: [], layout: layout.finish(), before: FamilyContext(), after: FamilyContext(),
            refused: refused)
    }

    @Test func linesHaveTheirOwnSeriesBehindDroppedOnes() throws {
        let chunks = [
            chunk(100..<140, dropped: [0, 3, 4, 39]), chunk(140..<150), chunk(150..<160, dropped: [9]),
        ]
        let known = KnownLines(chunks)
        for hash in UInt64(100)..<160 {
            let line = try #require(known.line(hash))
            #expect(line.length == UInt32(hash))
            let isDropped = [100, 103, 104, 139, 159].contains(hash)
            #expect((line.series == nil) == isDropped)
            if let series = line.series { #expect(line.chunk.ownHashes[series] == hash) }
        }
        #expect(known.line(99) == nil && known.line(160) == nil)
    }

    /// One changed line of very many must not cost a look at all of them.
    @Test func noTableIsMadeForFewChangedLines() {
        var known = LazyKnownLines([chunk(0..<320), chunk(320..<640)])
        #expect(known.line(5, parsedLines: 0) == nil)
        #expect(known.line(5, parsedLines: 19) == nil)
        #expect(known.line(5, parsedLines: 20)?.series == 5)
        var none = LazyKnownLines([])
        #expect(none.line(5, parsedLines: 20) == nil)
    }

    /// The table has no place for lines whose series are not copied, and they do not put it off.
    @Test func chunksThatAreNotCopiedFromDoNotCount() {
        let refusing = chunk(1_000..<2_000, refused: [0])
        var known = LazyKnownLines([refusing, chunk(0..<320)])
        #expect(!known.pays(parsedLines: 9) && known.pays(parsedLines: 10))
        #expect(known.line(5, parsedLines: 10)?.series == 5)
        #expect(known.line(1_005, parsedLines: 10) == nil)
        var none = LazyKnownLines([refusing])
        #expect(!none.pays(parsedLines: 10_000))
        #expect(none.line(1_005, parsedLines: 10_000) == nil)
    }
}

/// Chunks with series that were copied from the chunks of the page before are, in every part, those that are
/// made from the page alone.
@Suite struct CopiedSeriesTests {
    private let hasher = SegmentHasher()

    private func schema(
        honorLabels: Bool = false, relabelling: MetricRelabelling = MetricRelabelling()
    ) -> TargetSchema {
        let target = plainTarget(
            [Label("zone", "a")], external: [Label("cluster", "c"), Label("region", "r")])
        return TargetSchema(target, honorLabels: honorLabels, relabelling: relabelling, hasher: hasher)
    }

    /// What reads a page after the chunks of the page before.
    private typealias Read = (_ round: Int, _ expected: [TemplateChunk]) throws -> [TemplateChunk]

    private func readText(
        _ page: @escaping (Int) -> String, _ schema: TargetSchema, isOpenMetrics: Bool = false,
        readsStarts: Bool = false, keepsMetadata: Bool = false
    ) -> Read {
        { round, expected in
            // No chunk is shared by way of an interner.
            var reader = BodyReader(
                schema: schema, isOpenMetrics: isOpenMetrics, readsStarts: readsStarts,
                keepsMetadata: keepsMetadata, hasher: hasher, layouts: LayoutInterner(),
                templates: TemplateInterner())
            try reader.read(page(round), expected: expected)
            return reader.chunks
        }
    }

    private func readProtobuf(_ page: @escaping (Int) -> [UInt8], _ schema: TargetSchema) -> Read {
        { round, expected in
            let options = HistogramOptions(HistogramConfiguration(scrapeNative: true))
            var reader = ProtobufBodyReader(
                schema: schema, options: options, keepsExemplars: false, hasher: hasher,
                layouts: LayoutInterner(), templates: TemplateInterner())
            try reader.read(protobuf: page(round), expected: expected)
            return reader.chunks
        }
    }

    /// Reads pages of one chunk each, every one after the page before, and each of them alone, too.
    private func expectSame(_ schema: TargetSchema, _ read: Read) throws -> [TemplateChunk] {
        var chunks = try read(0, [])
        for round in 1...5 {
            let copied = try read(round, chunks)
            let made = try read(round, [])
            #expect(copied.count == 1 && made.count == 1, "a page is one chunk")
            for (copied, made) in zip(copied, made) {
                #expect(copied.layout !== made.layout)
                #expect(copied.layout.code == made.layout.code, "round \(round)")
                #expect(copied.layout.histogramSeries == made.layout.histogramSeries, "round \(round)")
                #expect(copied.layout.hasSameContent(as: made.layout), "round \(round)")
                #expect(copied.exclusions == made.exclusions, "round \(round)")
                #expect(copied.ownHashes == made.ownHashes, "round \(round)")
                #expect(copied.seriesHashes(of: schema) == made.seriesHashes(of: schema))
                #expect(copied.hashes == made.hashes && copied.lengths == made.lengths)
                #expect(copied.droppedLines == made.droppedLines)
                #expect(copied.metadata == made.metadata && copied.familyCount == made.familyCount)
                #expect(copied.before == made.before && copied.after == made.after)
                #expect(copied.starts == made.starts && copied.digest == made.digest)
            }
            chunks = copied
        }
        return chunks
    }

    /// The numbers of a page's lines: in each round some are new, and the others stand in another place.
    private func ids(_ round: Int) -> [Int] {
        let fronts = (0..<round % 3).map { 5_000 + 10 * round + $0 }
        return fronts + (0..<110).map { $0 % 7 == 3 ? $0 + 1_000 * round : $0 }
    }

    /// Lines of which neighbours lack different labels of the target.
    private func conflicts(_ round: Int) -> String {
        let labels = [
            "", ",zone=\"other\"", ",region=\"x\"", ",cluster=\"y\",region=\"x\",zone=\"other\"",
            ",zone=\"\"",
            ",job=\"mine\"", ",cluster=\"y\",drop=\"yes\"", ",exported_zone=\"e\",zone=\"other\"",
        ]
        return ids(round).map { "m{id=\"\($0)\"\(labels[$0 % labels.count])} 1\n" }.joined()
    }

    @Test(arguments: [false, true]) func withLabelsOfTheTarget(honorLabels: Bool) throws {
        let schema = schema(honorLabels: honorLabels)
        let chunks = try expectSame(schema, readText(conflicts, schema))
        #expect(Set(chunks[0].exclusions.map(\.targetLabels)).count == (honorLabels ? 5 : 3))
    }

    @Test(arguments: [false, true]) func withRulesThatDropLinesAndLabels(honorLabels: Bool) throws {
        let rules = RelabelRules([
            try RelabelRule(.init(action: .drop, sourceLabels: ["drop"], regex: "yes")),
            try RelabelRule(
                .init(sourceLabels: ["id"], targetLabel: "zone", regex: ".*[02468]", replacement: "")),
        ])
        let relabelling = MetricRelabelling(rules: rules, externalLabels: LabelSet([Label("zone", "e")]))
        let schema = schema(honorLabels: honorLabels, relabelling: relabelling)
        let chunks = try expectSame(schema, readText(conflicts, schema))
        #expect(!chunks[0].droppedLines.isEmpty && chunks[0].exclusions.count > 20)
    }

    @Test func withMetadata() throws {
        func page(_ round: Int) -> String {
            var text = ""
            for (line, id) in ids(round).enumerated() {
                let family = line / 20
                if line % 20 == 0 {
                    text += "# HELP m\(family) Help \(family == 2 ? round : 0).\n"
                    text += "# TYPE m\(family) \(family % 2 == 0 ? "gauge" : "counter")\n"
                }
                // One in five belongs to no family.
                text += "\(line % 5 == 4 ? "other" : "m\(family)"){id=\"\(id)\"} 1\n"
            }
            return text
        }
        let schema = schema()
        let chunks = try expectSame(schema, readText(page, schema, keepsMetadata: true))
        let metadata = try #require(chunks[0].layout.metadata)
        #expect(metadata.family(ofSeries: 0)?.family == "m0")
        #expect(metadata.family(ofSeries: 4) == nil)
        #expect(metadata.family(ofSeries: 45)?.help == "Help 5.")
    }

    @Test(arguments: [false, true]) func fromOpenMetrics(readsStarts: Bool) throws {
        func page(_ round: Int) -> String {
            var text = "# TYPE g gauge\n"
            for id in ids(round) {
                let isPlain = id % 2 == 0
                text += isPlain ? "g{id=\"\(id)\",e=\"a\\\\\\\"\\nb\"} 1 5\n" : "{\"g.é\",id=\"\(id)\"} 1\n"
            }
            text += "# TYPE c counter\n"
            for id in 0..<5 {
                text += "c_total{id=\"\(id == 2 ? 100 * round : id)\"} 1 # {trace_id=\"t\"} 1\n"
            }
            return text + "# EOF\n"
        }
        let schema = schema()
        let read = readText(page, schema, isOpenMetrics: true, readsStarts: readsStarts)
        #expect(try expectSame(schema, read)[0].isOpenMetrics)
    }

    @Test(arguments: [false, true]) func fromProtobufWithNativeHistograms(honorLabels: Bool) throws {
        func page(_ round: Int) -> [UInt8] {
            let series = ids(round).map { id in
                { (metric: inout ProtoMessage) in
                    metric.label("id", "\(id)")
                    if id % 3 == 0 { metric.label("zone", "other") }
                    metric.message(7) {
                        $0.varint(1, 2)
                        $0.double(2, 3)
                        if id % 4 < 2 {
                            $0.signed(5, 0)
                            $0.span(12, 0, 1)
                            $0.packed(13, signed: [2])
                        }
                    }
                }
            }
            // Each metric without native buckets is three series: bucket, sum and count.
            return ProtoBody.family("h", 4, Array(series.prefix(60)))
        }
        let schema = schema(honorLabels: honorLabels)
        let chunks = try expectSame(schema, readProtobuf(page, schema))
        let histograms = chunks[0].layout.histogramSeries
        #expect(histograms.count > 10 && histograms.count < chunks[0].seriesCount)
    }
}
