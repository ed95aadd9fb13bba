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

    private func chunk(_ hashes: Range<UInt64>, dropped: [UInt32] = []) -> TemplateChunk {
        var layout = LayoutChunkBuilder()
        let kept = hashes.enumerated().filter { !dropped.contains(UInt32($0.offset)) }.map(\.element)
        for hash in kept {
            layout.appendLabel(name: Array("n".utf8).span, value: Array("\(hash)".utf8).span)
            layout.endSeries()
        }
        return TemplateChunk(
            hashes: Array(hashes), lengths: hashes.map { UInt32($0) }, droppedLines: dropped, ownHashes: kept,
            exclusions: [], layout: layout.finish(), before: FamilyContext(), after: FamilyContext())
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
}
