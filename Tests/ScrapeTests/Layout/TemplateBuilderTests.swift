import Configuration
import MetricModel
import Platform
import Relabel
import Testing

@testable import Scrape

/// Pages from which lines cannot be left out one by one, while memory is short: known series go on.
@Suite struct TemplateBuilderTests {
    private let room = MemoryRoom(reserveBytes: 64 << 10)
    private let gate: SeriesGate

    init() { gate = SeriesGate(room: room) }

    private func scrape(
        converts: Bool = false, keepsClassic: Bool = false, details: Bool = false, readsStarts: Bool = false,
        rules: SeriesRules = SeriesRules(), relabelling: MetricRelabelling = MetricRelabelling(),
        gate: SeriesGate? = nil
    ) -> TargetScrape {
        var histograms = HistogramConfiguration()
        histograms.convertClassicToNHCB = converts
        histograms.alwaysScrapeClassic = keepsClassic
        return TargetScrape(
            target: plainTarget(), keepsDetails: details, readsStarts: readsStarts, addsStartSamples: false,
            histograms: histograms, rules: rules, relabelling: relabelling, gate: gate ?? self.gate)
    }

    private func delivered(_ frame: Frame) -> Int {
        frame.samples().count { $0.bits != StaleMarker.bits }
    }

    private func page(_ ids: some Sequence<Int>) -> String {
        "# HELP metric Help.\n" + ids.map { "metric{number=\"\($0)\"} 1\n" }.joined()
    }

    private func rpc(_ codes: some Sequence<Int>) -> String {
        "# TYPE rpc histogram\n"
            + codes.map { code in
                "rpc_bucket{code=\"\(code)\",le=\"1\"} 2\nrpc_bucket{code=\"\(code)\",le=\"+Inf\"} 5\n"
                    + "rpc_sum{code=\"\(code)\"} 7\nrpc_count{code=\"\(code)\"} 5\n"
            }.joined()
    }

    // MARK: known series go on

    @Test func knownHistogramsGoOnBesideMany() throws {
        let scrape = scrape(converts: true)
        #expect(try scrape.consume(rpc(0..<10), at: 1).histograms.count == 10)
        room.set(leftBytes: 0)
        for time in 2..<5 as Range<Int64> {
            // Those that are new stand in front, in between and behind.
            let codes = Array(100..<2_000) + (0..<10).flatMap { [$0, 5_000 + $0] } + Array(6_000..<7_000)
            let frame = try scrape.consume(rpc(codes), at: time)
            #expect(frame.histograms.count == 10 && frame.departed.isEmpty)
            #expect(scrape.shedCount == codes.count - 10)
            #expect(frame.lines(report: true).contains("scrape_samples_scraped \(Double(codes.count))"))
            #expect(scrape.lineMemory.lineBytes < 2_000 * 20)
        }
        room.set(leftBytes: 1 << 30)
        #expect(try scrape.consume(rpc(0..<2_000), at: 6).histograms.count == 2_000 && scrape.shedCount == 0)
        #expect(room.reserve.leftBytes == 64 << 10)
    }

    /// Those that rules drop need no room once it is used up.
    @Test func droppedHistogramsEndNoPage() throws {
        let rules = RelabelRules([
            try RelabelRule(.init(action: .drop, sourceLabels: ["__name__"], regex: "rpc"))
        ])
        let scrape = scrape(converts: true, relabelling: MetricRelabelling(rules: rules))
        _ = try scrape.consume(page(0..<20) + rpc(0..<10), at: 1)
        room.set(leftBytes: 0)
        for time in 2..<5 as Range<Int64> {
            let codes = Array(100..<2_000) + Array(0..<10)
            let frame = try scrape.consume(page(0..<20) + rpc(codes), at: time)
            #expect(delivered(frame) == 20 && frame.departed.isEmpty && scrape.shedCount == 0)
            #expect(frame.lines(report: true).contains("scrape_samples_scraped \(Double(20 + codes.count))"))
            #expect(scrape.lineMemory.lineBytes < 200 * 20)
        }
        // Those that were there before are not parsed each time.
        _ = try scrape.consume(page(0..<20) + rpc(0..<10), at: 5)
        let parsed = scrape.parsedLines
        _ = try scrape.consume(page(0..<20) + rpc(0..<10), at: 6)
        #expect(scrape.parsedLines == parsed)
    }

    /// Nor are lines lost that are skipped within a histogram that is passed over.
    @Test func linesSkippedInAHistogramThatIsPassedOverAreCounted() throws {
        var rules = SeriesRules()
        rules.onBadLine = .skip
        let scrape = scrape(converts: true, rules: rules)
        _ = try scrape.consume(rpc(0..<10), at: 1)
        room.set(leftBytes: 0)
        let new = rpc(10..<5_000)
        let bad = new.dropLast("rpc_count{code=\"4999\"} 5\n".count) + "?\nrpc_count{code=\"4999\"} 5\n"
        _ = try scrape.consume(rpc(0..<10) + bad.dropFirst("# TYPE rpc histogram\n".count), at: 2)
        #expect(scrape.shedCount == 4_990 && scrape.skippedLines == 1)
    }

    @Test func knownSeriesGoOnWithTheirStartsBesideMany() throws {
        let scrape = scrape(details: true, readsStarts: true)
        func page(_ ids: some Sequence<Int>) -> String {
            "# TYPE a counter\n"
                + ids.map { "a_total{n=\"\($0)\"} 1\na_created{n=\"\($0)\"} \(100 + $0)\n" }.joined()
                + "# EOF\n"
        }
        _ = try scrape.consume(page(0..<10), isOpenMetrics: true, at: 1_000_000)
        room.set(leftBytes: 0)
        for time in 1..<4 as Range<Int64> {
            let ids = Array(100..<6_000) + (0..<10).flatMap { [$0, 50_000 + $0] }
            let frame = try scrape.consume(page(ids), isOpenMetrics: true, at: 1_000_000 + time)
            #expect(delivered(frame) == 10 && frame.departed.isEmpty && scrape.shedCount == ids.count - 10)
            #expect(frame.lines(report: true).contains("scrape_samples_scraped \(Double(ids.count))"))
            let starts = frame.startTimestamps.map { start in
                let labels = frame.layout.labels(ofSeries: Int(start.series), target: frame.target)
                return "\(labels?["n"] ?? "") \(start.timestampMs)"
            }
            #expect(starts == (0..<10).map { "\($0) \((100 + $0) * 1_000)" })
        }
    }

    @Test(arguments: [false, true]) func knownSeriesOfAFamilyGoOnBesideMany(isProtobuf: Bool) throws {
        let scrape = scrape(details: true)
        func next(_ ids: [Int], _ time: Int64) throws -> Frame {
            guard isProtobuf else { return try scrape.consume(page(ids), at: time) }
            let body = ProtoBody.family(
                "metric", 1, help: "Help.",
                ids.map { id in
                    { metric in
                        metric.label("number", "\(id)")
                        metric.message(2) { $0.double(1, 1) }
                    }
                })
            return try scrape.consume(protobuf: body, at: time)
        }
        _ = try next(Array(0..<200), 1)
        room.set(leftBytes: 0)
        // New series stand in front of the known ones, with the comments of all.
        let ids = Array(1_000..<8_000) + (0..<200).flatMap { [$0, 50_000 + $0] }
        for time in 2..<5 as Range<Int64> {
            let frame = try next(ids, time)
            #expect(delivered(frame) == 200 && frame.departed.isEmpty && scrape.shedCount == ids.count - 200)
            #expect(frame.helps == ["Help."])
            #expect(scrape.lineMemory.lineBytes < 20_000)
        }
    }

    /// Comments that there is no room for say nothing, and those before are not about their series.
    @Test func aSeriesWhoseCommentsAreLeftOutHasNoFamily() throws {
        let scrape = scrape(details: true)
        let foo = "# HELP foo Help.\n# TYPE foo histogram\nfoo_bucket{le=\"+Inf\"} 1\n"
        let count = "foo_count 1\nfoo_count{a=\"b\"} 1\n"
        let first = try scrape.consume(foo + "# HELP foo_count Old.\n" + count, at: 1)
        #expect(first.helps == ["Help.", "Old."])
        room.set(leftBytes: 0)
        let page = foo + "# HELP foo_count New.\n" + count
        for time in 2..<4 as Range<Int64> {
            let frame = try scrape.consume(page, at: time)
            #expect(delivered(frame) == 3 && frame.helps == ["Help.", "none"])
            #expect(frame.details.values.count { $0.contains("Help.") } == 1)
        }
        room.set(leftBytes: .max)
        #expect(try scrape.consume(page, at: 5).helps == ["Help.", "New."])
    }

    // MARK: targets that are new

    /// A page that does not fit as a whole is taken in as far as there is room.
    @Test(arguments: [true, false]) func aNewTargetHasWhatFits(oneFamily: Bool) throws {
        let scrape = scrape(details: true)
        room.set(leftBytes: 5_000 * (SeriesAdmission.seriesBytes + 30))
        let page =
            oneFamily
            ? page(1_000_000..<1_020_000)
            : (0..<10_000).map { "# HELP m\($0) Help.\nm\($0) 1\n" }.joined()
        let some = delivered(try scrape.consume(page, at: 1))
        #expect(some > 2_000 && some < 6_000)
        #expect(scrape.shedCount == (oneFamily ? 20_000 : 10_000) - some)
        room.set(leftBytes: 0)
        #expect(delivered(try scrape.consume(page, at: 2)) == some)
    }

    /// One that cannot be taken in leaves the room to others.
    @Test func whatIsNotTakenInUsesUpNoRoom() throws {
        let scrape = scrape(details: true)
        let page = (0..<30_000).map { "# HELP m\($0) Help.\nm\($0) 1\n" }.joined()
        room.set(leftBytes: 300_000)
        for time in 1..<4 as Range<Int64> {
            let error = #expect(throws: ScrapeError.self) { try scrape.consume(page, at: time) }
            #expect(error?.code == .memory)
            #expect(room.leftBytes == 300_000 && room.reserve.leftBytes == 64 << 10)
        }
    }

    /// The bound that is left is the page's, and what the target had does not go with it as long as the
    /// reserve has room.
    @Test func linesThatCannotBeLeftOutHaveABound() throws {
        let scrape = scrape(converts: true, keepsClassic: true)
        _ = try scrape.consume(rpc(0..<10), at: 1)
        room.set(leftBytes: 0)
        // 2,000 lines: more than 1,024 and those that the target had.
        #expect(try scrape.consume(rpc(0..<500), at: 2).histograms.count == 10)
        #expect(room.reserve.leftBytes < 64 << 10)
        let error = #expect(throws: ScrapeError.self) { try scrape.consume(rpc(0..<5_000), at: 3) }
        #expect(error?.code == .memory)
        let frame = try scrape.consume(rpc(0..<500), at: 4)
        #expect(frame.histograms.count == 10)
        room.set(leftBytes: 1 << 30)
        #expect(try scrape.consume(rpc(0..<5_000), at: 5).histograms.count == 5_000)
    }

    /// Nor does a page grow by as much with each scrape.
    @Test func theBoundIsOfAllScrapesTogether() throws {
        let room = MemoryRoom(reserveBytes: 0)
        let scrape = scrape(gate: SeriesGate(room: room))
        func next(_ count: Int, known: Int = 200, at timeMs: Int64) throws -> Int {
            let new = (0..<count).map { "# TYPE n\($0) \($0 % 2 == 0 ? "summary" : "gauge")\nn\($0) 1\n" }
            return delivered(try scrape.consume(new.joined() + page(0..<known), at: timeMs))
        }
        #expect(try next(0, at: 1) == 200)
        room.set(leftBytes: 0)
        for time in 2..<4 as Range<Int64> { #expect(try next(1_000, at: time) == 200) }
        let error = #expect(throws: ScrapeError.self) { try next(2_500, at: 4) }
        #expect(error?.code == .memory)
        for time in 5..<7 as Range<Int64> { #expect(try next(1_100, at: time) == 200) }
        // Those that were kept may stay when others go.
        for known in [20, 19, 18] {
            #expect(try next(1_100, known: known, at: Int64(100 - known)) == known)
        }
        room.set(leftBytes: .max)
        #expect(try next(2_500, at: 100) == 2_700)
        room.set(leftBytes: 0)
        #expect(try next(3_500, at: 101) == 2_700)
    }

    // MARK: random pages

    /// Against a scrape that has memory: of the series that were known all is as there.
    @Test(arguments: 0..<8) func knownSeriesAreAsIfThereWereRoom(kind: Int) throws {
        var random = SeededGenerator(seed: printedSeed("template builder \(kind)"))
        for _ in 0..<5 {
            let room = MemoryRoom(reserveBytes: Bool.random(using: &random) ? 64 << 10 : 0)
            func scrape(_ gate: SeriesGate) -> TargetScrape {
                self.scrape(
                    converts: kind & 1 > 0, details: kind & 2 > 0, readsStarts: kind & 4 > 0, gate: gate)
            }
            let free = [0, 3, 64].randomElement(using: &random) ?? 0
            let scarce = scrape(SeriesGate(room: room, leastFreeShedLines: free, mostFreeShedLines: free))
            let plenty = scrape(SeriesGate())
            var known: Set<LabelSet>?
            for round in 1...40 as ClosedRange<Int64> {
                let body = randomPage(round, &random)
                let atMs = 10_000_000 + round * 1_000
                let frame = try scarce.consume(body, isOpenMetrics: true, at: atMs)
                let whole = try plenty.consume(body, isOpenMetrics: true, at: atMs)
                let given = frame.details
                let expected = whole.details.filter { known?.contains($0.key) ?? true }
                try #require(given == expected, "round \(round) of\n\(body)")
                known = Set(given.keys)
                #expect(scarce.shedCount == whole.details.count - given.count)
                let scraped = "scrape_samples_scraped"
                #expect(
                    frame.lines(report: true).first { $0.hasPrefix(scraped) }
                        == whole.lines(report: true).first { $0.hasPrefix(scraped) })
                room.set(leftBytes: Int.random(in: 0..<8, using: &random) == 0 ? .max : 0)
                if room.leftBytes == .max { known = nil }
            }
        }
    }

    private func randomPage(_ round: Int64, _ random: inout SeededGenerator) -> String {
        var text = ""
        for family in 0..<9 where Int.random(in: 0..<10, using: &random) > 0 {
            let codes = (0..<6).filter { _ in Int.random(in: 0..<4, using: &random) > 0 }
            guard !codes.isEmpty else { continue }
            let type = ["counter", "histogram", "gauge"][family % 3]
            text += "# TYPE f\(family) \(type)\n"
            if family % 2 == 0 { text += "# HELP f\(family) Help of \(family).\n" }
            for code in codes {
                let created = "f\(family)_created{code=\"\(code)\"} \(1_000 + code)\n"
                switch family % 3 {
                case 0: text += "f\(family)_total{code=\"\(code)\"} \(round)\n" + created
                case 1:
                    for bound in ["1", "2", "+Inf"] {
                        text += "f\(family)_bucket{code=\"\(code)\",le=\"\(bound)\"} \(round)\n"
                    }
                    text += "f\(family)_sum{code=\"\(code)\"} 1\n"
                    text += "f\(family)_count{code=\"\(code)\"} \(round)\n" + created
                default: text += "f\(family){code=\"\(code)\"} \(round)\n"
                }
            }
        }
        return text + "# EOF\n"
    }
}

extension Frame {
    /// The help texts that its series have.
    fileprivate var helps: Set<String> {
        Set(
            layout.chunks.dropLast().flatMap { chunk in
                (0..<chunk.seriesCount).map { chunk.metadata?.family(ofSeries: $0)?.help ?? "none" }
            })
    }

    /// All that is sent of each series that is not stale, but for the report's.
    fileprivate var details: [LabelSet: String] {
        var result: [LabelSet: String] = [:]
        let histograms = Dictionary(uniqueKeysWithValues: histograms.map { ($0.series, $0.histogram) })
        let starts = Dictionary(uniqueKeysWithValues: startTimestamps.map { ($0.series, $0.timestampMs) })
        let missing = Set(absent)
        var ordinal: UInt32 = 0
        for chunk in layout.chunks.dropLast() {
            for series in 0..<chunk.seriesCount {
                defer { ordinal += 1 }
                let bits = values[Int(ordinal)].bitPattern
                guard !missing.contains(ordinal), bits != StaleMarker.bits else { continue }
                let family = chunk.metadata?.family(ofSeries: series)
                let labels = layout.labels(ofSeries: Int(ordinal), target: target) ?? LabelSet()
                let histogram = histograms[ordinal].map { "\($0)" } ?? ""
                let said = family.map { "\($0)" } ?? ""
                result[labels] = "\(bits) \(starts[ordinal] ?? 0) \(histogram) \(said)"
            }
        }
        return result
    }
}
