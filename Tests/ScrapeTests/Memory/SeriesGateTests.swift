import Configuration
import MetricModel
import Platform
import Relabel
import Testing

@testable import Scrape

/// A job that sheds new series because memory is short.
@Suite struct SeriesGateTests {
    private let gate = SeriesGate()

    private func scrape(
        details: FrameSwitch? = nil, histograms: HistogramConfiguration = HistogramConfiguration(),
        keepsExemplars: Bool = false, readsStarts: Bool = false,
        relabelling: MetricRelabelling = MetricRelabelling()
    ) -> TargetScrape {
        TargetScrape(
            target: plainTarget(), keepsExemplars: keepsExemplars, details: details, readsStarts: readsStarts,
            histograms: histograms, rules: SeriesRules(), relabelling: relabelling, gate: gate)
    }

    @Test func knownSeriesStayAndNewOnesComeWhenItEnds() throws {
        let scrape = scrape()
        #expect(try scrape.consume("a 1\nb 1\nc 1\n", at: 1).lines() == ["a 1.0", "b 1.0", "c 1.0"])
        gate.shedsNewSeries = true
        let page = "x{n=\"1\"} 5\na 2\nx{n=\"2\"} 6\nb 2\n"
        let frame = try scrape.consume(page, at: 2)
        #expect(frame.lines() == ["a 2.0", "b 2.0", "c stale"])
        #expect(scrape.shedCount == 2)
        // up, samples scraped, samples kept, series added; a duration stands in between.
        let report = frame.lines(report: true)
        #expect(report.contains("up 1.0") && report.contains("scrape_samples_scraped 4.0"))
        #expect(report.contains("scrape_samples_post_metric_relabeling 2.0"))
        #expect(report.contains("scrape_series_added 0.0"))
        // A page of the same lines is not parsed, and counts what it exposes.
        let parsed = scrape.parsedLines
        #expect(try scrape.consume(page, at: 3).lines() == ["a 2.0", "b 2.0"])
        #expect(scrape.parsedLines == parsed && scrape.shedCount == 2)
        gate.shedsNewSeries = false
        let after = try scrape.consume(page, at: 4)
        #expect(after.lines() == ["x{n=\"1\"} 5.0", "a 2.0", "x{n=\"2\"} 6.0", "b 2.0"])
        #expect(after.lines(report: true).contains("scrape_series_added 2.0") && scrape.shedCount == 0)
        // Now they are known.
        gate.shedsNewSeries = true
        let last = try scrape.consume("b 3\nx{n=\"2\"} 7\n", at: 5).lines()
        #expect(last == ["b 3.0", "x{n=\"2\"} 7.0", "x{n=\"1\"} stale", "a stale"])
    }

    @Test func aFailureForgetsNothingAndWhatLeftIsNew() throws {
        let scrape = scrape()
        _ = try scrape.consume("a 1\nb 1\n", at: 1)
        gate.shedsNewSeries = true
        _ = try scrape.fail(at: 2)
        #expect(try scrape.consume("new 1\nb 1\na 1\n", at: 3).lines() == ["b 1.0", "a 1.0"])
        #expect(try scrape.consume("a 1\n", at: 4).lines() == ["a 1.0", "b stale"])
        #expect(try scrape.consume("a 1\nb 1\n", at: 5).lines() == ["a 1.0"])
    }

    /// What a target had is known by its labels, however its lines are written.
    @Test func linesWrittenInAnotherWayAreKnown() throws {
        let scrape = scrape()
        _ = try scrape.consume("# HELP a One.\na{x=\"1\",y=\"2\"} 1\nb 1\n", at: 1)
        gate.shedsNewSeries = true
        let text = try scrape.consume("b 2\n# HELP a Another.\na{y=\"2\", x=\"1\"}  2\nc 1\n", at: 2)
        #expect(text.lines() == ["b 2.0", "a{x=\"1\", y=\"2\"} 2.0"])
        let openMetrics = "# TYPE a gauge\na{x=\"1\",y=\"2\"} 3\na{x=\"9\"} 1\n# TYPE b gauge\nb 3\n# EOF\n"
        let other = try scrape.consume(openMetrics, isOpenMetrics: true, at: 3)
        #expect(other.lines() == ["a{x=\"1\", y=\"2\"} 3.0", "b 3.0"])
        #expect(scrape.shedCount == 1)
    }

    /// A page that repeats a known series must not grow by that.
    @Test func repeatedSeriesComeInAsOftenAsBefore() throws {
        let scrape = scrape()
        func page(_ time: Int) -> String { "a 1 \(time)\nb 1\na 2 \(time + 1)\n" }
        #expect(try scrape.consume(page(1), at: 10).samples().count == 3)
        gate.shedsNewSeries = true
        #expect(try scrape.consume("n 1\n" + page(3), at: 11).samples().count == 3)
        let bytes = scrape.lineMemory.lineBytes
        _ = try scrape.consume(page(5) + String(repeating: "b 1\n", count: 500), at: 12)
        #expect(scrape.shedCount >= 494)
        #expect(scrape.lineMemory.lineBytes < bytes + 500 * 24)
    }

    @Test func aTargetThatIsNewHasAllOfItsSeries() throws {
        gate.shedsNewSeries = true
        let scrape = scrape()
        #expect(try scrape.consume("a 1\nb 1\n", at: 1).lines() == ["a 1.0", "b 1.0"])
        #expect(try scrape.consume("a 1\nb 1\nc 1\n", at: 2).lines() == ["a 1.0", "b 1.0"])
    }

    @Test(arguments: [false, true]) func histogramsMadeOfLinesAreShedAsOne(keepsClassic: Bool) throws {
        let scrape = scrape(
            histograms: HistogramConfiguration(
                alwaysScrapeClassic: keepsClassic, convertClassicToNHCB: true))
        func rpc(_ code: String) -> String {
            "rpc_bucket{code=\"\(code)\",le=\"1\"} 2\nrpc_bucket{code=\"\(code)\",le=\"+Inf\"} 5\n"
                + "rpc_sum{code=\"\(code)\"} 7\nrpc_count{code=\"\(code)\"} 5\n"
        }
        let type = "# TYPE rpc histogram\n"
        let known = try scrape.consume(type + rpc("a") + "b 1\n", at: 1).lines()
        gate.shedsNewSeries = true
        let frame = try scrape.consume(type + rpc("n") + rpc("a") + rpc("o") + "b 1\n", at: 2)
        #expect(frame.lines() == known)
        #expect(frame.histograms.count == 1 && frame.histograms.first?.series == 0)
        #expect(scrape.shedCount == (keepsClassic ? 10 : 2))
        #expect(
            frame.lines(report: true).contains("scrape_samples_scraped \(keepsClassic ? 16.0 : 4.0)"))
        gate.shedsNewSeries = false
        let after = try scrape.consume(type + rpc("n") + rpc("a") + rpc("o") + "b 1\n", at: 3)
        #expect(after.histograms.count == 3 && scrape.shedCount == 0)
    }

    @Test func startsAndExemplarsOfKnownSeriesGoOn() throws {
        let scrape = scrape(details: FrameSwitch(true), keepsExemplars: true, readsStarts: true)
        func counter(_ code: String, _ value: Int) -> String {
            "c_total{code=\"\(code)\"} \(value) # {trace_id=\"\(code)\(value)\"} 1 1\n"
                + "c_created{code=\"\(code)\"} 1.5\n"
        }
        _ = try scrape.consume(
            "# TYPE c counter\n" + counter("a", 1) + "# EOF\n", isOpenMetrics: true, at: 5_000)
        gate.shedsNewSeries = true
        let page = "# TYPE c counter\n" + counter("0", 1) + counter("a", 2) + counter("b", 1) + "# EOF\n"
        for time: Int64 in [6_000, 7_000] {
            let frame = try scrape.consume(page, isOpenMetrics: true, at: time)
            #expect(frame.lines() == ["c_total{code=\"a\"} 2.0"])
            #expect(frame.startTimestamps == [Frame.StartTimestamp(series: 0, timestampMs: 1_500)])
            #expect(frame.exemplars.count == (time == 6_000 ? 1 : 0))
            #expect(scrape.shedCount == 2)
        }
        #expect(scrape.metadata.map(\.family) == ["c"])
    }

    /// Five hundred scrapes, each with a label that is new: what is kept stays as it was, but for the lines
    /// that the page has more.
    @Test(arguments: [0, 1, 50]) func newLabelsWithEachScrapeGrowNothing(newLines: Int) throws {
        let scrape = scrape()
        func page(_ round: Int) -> String {
            (0..<400).map { line in
                let isNew = newLines > 0 && line % (400 / newLines) == 7
                return "m{n=\"\(line)\"} \(round)\n" + (isNew ? "m{id=\"\(round)-\(line)\"} 1\n" : "")
            }.joined()
        }
        let plain = try scrape.consume((0..<400).map { "m{n=\"\($0)\"} 0\n" }.joined(), at: 1)
        let before = scrape.lineMemory
        gate.shedsNewSeries = true
        var bytes: Set<Int> = []
        for round in 1...500 {
            let frame = try scrape.consume(page(round), at: Int64(round + 2))
            #expect(frame.values.count == plain.values.count && scrape.shedCount == newLines)
            #expect(frame.values.prefix(400).allSatisfy { $0 == Double(round) })
            #expect(frame.absent.isEmpty && frame.departed.isEmpty)
            // Nothing of what is shed reaches the buffer: the layout is the same one.
            #expect(frame.layout.seriesCount == plain.layout.seriesCount)
            bytes.insert(scrape.lineMemory.lineBytes)
        }
        #expect(scrape.holeCount == 0)
        // A hash, a length and two indices for each line that is shed.
        #expect(bytes.allSatisfy { $0 <= before.lineBytes + 20 * newLines })
        #expect(scrape.chunkCount <= before.chunks + 1 + newLines / 4)
    }

    /// A page that was read by the order of its lines is read by chunks while new series are shed.
    @Test func aPageThatChangesOftenGoesOn() throws {
        let scrape = scrape()
        func page(_ round: Int) -> String {
            (0..<200).map { "m{n=\"\($0 % 10 == 3 ? $0 + round * 1_000 : $0)\"} \(round)\n" }.joined()
        }
        for round in 1...12 { _ = try scrape.consume(page(round), at: Int64(round)) }
        #expect(scrape.pageWork != nil)
        gate.shedsNewSeries = true
        // Without a new line the page is read as before.
        _ = try scrape.consume(page(12), at: 13)
        #expect(scrape.pageWork != nil && scrape.shedCount == 0)
        for round in 13...40 {
            let frame = try scrape.consume(page(round), at: Int64(round + 1))
            #expect(scrape.pageWork == nil && scrape.shedCount == 20)
            let delivered = frame.samples().filter { $0.bits != StaleMarker.bits }
            #expect(delivered.count == 180)
            #expect(frame.samples().count == (round == 13 ? 200 : 180))
        }
        gate.shedsNewSeries = false
        for round in 41...80 {
            let frame = try scrape.consume(page(round), at: Int64(round + 1))
            #expect(frame.samples().count { $0.bits != StaleMarker.bits } == 200)
        }
        #expect(scrape.pageWork != nil)
    }
}

/// Random pages of two targets with equal lines, in any format, while the job sheds, while there is little
/// room, or neither; against a model that knows only which series a target has and which were delivered last.
@Suite struct SeriesGateModelTests {
    enum Format: CaseIterable {
        case text, openMetrics, protobuf
    }

    private struct Model {
        var known: Set<Int> = []
        /// Series that still await a stale marker.
        var live: Set<Int> = []
    }

    /// What a page shows beside its series: lines that rules drop, in front of them.
    private static let droppedCount = 600

    private static func lines(_ ids: [Int], _ format: Format, value: Int, hasDropped: Bool) -> [UInt8] {
        let dropped = hasDropped ? droppedCount : 0
        guard format != .protobuf else {
            let front = ProtoBody.family(
                "other", 1,
                (0..<dropped).map { id in
                    { metric in
                        metric.label("id", "\(id)")
                        metric.message(2) { $0.double(1, 1) }
                    }
                })
            return (hasDropped ? front : [])
                + ProtoBody.family(
                    "m", 1,
                    ids.map { id in
                        { metric in
                            metric.label("id", "\(id)")
                            if id % 7 == 3 { metric.label("drop", "yes") }
                            if id % 5 == 2 { metric.label("instance", "own") }
                            metric.message(2) { $0.double(1, Double(value)) }
                        }
                    })
        }
        var text = ""
        if hasDropped {
            text += "# TYPE other gauge\n" + (0..<dropped).map { "other{id=\"\($0)\"} 1\n" }.joined()
        }
        text += "# TYPE m gauge\n"
        for id in ids {
            text += "m{id=\"\(id)\"\(id % 7 == 3 ? ",drop=\"yes\"" : "")"
            text += "\(id % 5 == 2 ? ",instance=\"own\"" : "")} \(value)\n"
        }
        return Array((text + (format == .openMetrics ? "# EOF\n" : "")).utf8)
    }

    private static func ids(_ samples: [SampleText], stale: Bool) -> [Int] {
        samples.filter { ($0.bits == StaleMarker.bits) == stale }.compactMap { Int($0.labels["id"] ?? "") }
    }

    /// What the next page has.
    private static func change(_ ids: inout [Int], _ next: inout Int, _ random: inout SeededGenerator) {
        switch Int.random(in: 0..<6, using: &random) {
        case 0: break
        case 1: ids.shuffle(using: &random)
        case 2: ids.removeAll { _ in Int.random(in: 0..<9, using: &random) == 0 }
        case 3:
            // A series that left comes back, where there is one.
            let id = Int.random(in: 0..<max(1, next), using: &random)
            if !ids.contains(id) { ids.insert(id, at: Int.random(in: 0...ids.count, using: &random)) }
        default:
            for _ in 0..<Int.random(in: 1...20, using: &random) {
                ids.insert(next, at: Int.random(in: 0...ids.count, using: &random))
                next += 1
            }
        }
    }

    /// Checks one frame of a page with the series `page` after a target that is as `model` says.
    private func check(
        _ frame: Frame, _ page: Set<Int>, _ model: inout Model, value: Int, sheds: Bool, roomBytes: Int
    ) -> Int {
        let samples = frame.samples()
        let list = Self.ids(samples, stale: false)
        let given = Set(list)
        let known = page.intersection(model.known)
        #expect(list.count == given.count && given.isSubset(of: page) && known.isSubset(of: given))
        if sheds && !model.known.isEmpty || roomBytes == 0 {
            #expect(given == known)
        } else if roomBytes == .max {
            #expect(given == page)
        }
        #expect(Set(Self.ids(samples, stale: true)) == model.live.subtracting(given))
        #expect(
            samples.allSatisfy {
                $0.bits == StaleMarker.bits || $0.bits == Double(value).bitPattern
            })
        (model.known, model.live) = (given, given)
        return given.count
    }

    @Test(arguments: Format.allCases, [false, true]) func pages(_ format: Format, keepsDetails: Bool) throws {
        var random = SeededGenerator(seed: printedSeed("series gate \(format) \(keepsDetails)"))
        let drop = RelabelRules([try RelabelRule(.init(action: .drop, sourceLabels: ["drop"], regex: "yes"))])
        let keep = RelabelRules([
            try RelabelRule(.init(action: .keep, sourceLabels: ["__name__", "drop"], regex: "m;"))
        ])
        for _ in 0..<6 {
            let room = MemoryRoom()
            let freeLines = [0, 5, 4_096].randomElement(using: &random) ?? 0
            let gate = SeriesGate(room: room, mostFreeShedLines: freeLines)
            let keeps = Bool.random(using: &random)
            let honorsLabels = Bool.random(using: &random)
            let (templates, layouts) = (TemplateInterner(), LayoutInterner())
            let names = ["one", "two"]
            let scrapes = names.map { instance in
                TargetScrape(
                    target: Target(job: "j", own: LabelSet([Label("instance", instance)])),
                    honorLabels: honorsLabels, keepsDetails: keepsDetails, rules: SeriesRules(),
                    relabelling: MetricRelabelling(rules: keeps ? keep : drop), gate: gate,
                    interner: layouts, templates: templates)
            }
            var models = [Model(), Model()]
            var ids = Array(0..<Int.random(in: 1...400, using: &random))
            var next = ids.count
            for round in 1...60 {
                if Int.random(in: 0..<8, using: &random) == 0 { gate.shedsNewSeries.toggle() }
                switch Int.random(in: 0..<12, using: &random) {
                case 0: room.set(leftBytes: 0)
                case 1: room.set(leftBytes: Int.random(in: 0..<40_000, using: &random))
                case 2: room.set(leftBytes: .max)
                default: break
                }
                Self.change(&ids, &next, &random)
                let page = Set(ids.filter { $0 % 7 != 3 })
                let body = Self.lines(ids, format, value: round, hasDropped: keeps)
                for (index, scrape) in scrapes.enumerated() {
                    if Int.random(in: 0..<15, using: &random) == 0 {
                        let failed = try scrape.fail(at: Int64(round))
                        #expect(Set(Self.ids(failed.samples(), stale: true)) == models[index].live)
                        models[index].live = []
                        continue
                    }
                    let roomBytes = room.leftBytes
                    let frame =
                        format == .protobuf
                        ? try scrape.consume(protobuf: body, at: Int64(round))
                        : try scrape.consume(body, isOpenMetrics: format == .openMetrics, at: Int64(round))
                    let given = check(
                        frame, page, &models[index], value: round, sheds: gate.shedsNewSeries,
                        roomBytes: roomBytes)
                    #expect(scrape.shedCount == page.count - given)
                    let report = frame.lines(report: true)
                    let labels = "{instance=\"\(names[index])\"}"
                    let count = ids.count + (keeps ? Self.droppedCount : 0)
                    #expect(report.contains("scrape_samples_scraped\(labels) \(Double(count))"))
                    #expect(
                        report.contains("scrape_samples_post_metric_relabeling\(labels) \(Double(given))"))
                }
            }
        }
    }
}
