import Configuration
import MetricModel
import Relabel
import Testing

@testable import Scrape

/// Pages under random edits, read by the order of their lines and by chunks: both give the same samples,
/// stale markers, report and errors.
@Suite struct PageChangeTests {
    /// A page as a list of blocks, each with its comments and lines.
    private struct Page {
        struct Line {
            var labels: [(String, String)]
            var spelling = 0
            var hasTimestamp = false

            func text(_ name: String, value: Int, at timestampMs: Int64?) -> String {
                let order = spelling % 2 == 0 ? labels : labels.reversed()
                let inner = order.map { "\($0)=\"\($1)\"" }.joined(separator: spelling % 3 == 0 ? "," : " , ")
                let time = hasTimestamp ? timestampMs.map { " \($0)" } ?? "" : ""
                return "\(name){\(inner)} \(value)\(time)"
            }
        }

        struct Family {
            var name: String
            var comments: [String]
            var lines: [Line]
        }

        var families: [Family] = []
        var nextID = 0
        var isBroken = false

        mutating func newLine(_ random: inout SeededGenerator) -> Line {
            nextID += 1
            let bound = ["1", "1.0", "2", "+Inf"].randomElement(using: &random) ?? "1"
            var labels = [("id", "\(nextID)"), ("zone", "z\(nextID % 3)")]
            if Int.random(in: 0..<4, using: &random) == 0 { labels.append(("le", bound)) }
            // A label of the target's own name, and one that the rules know.
            if Int.random(in: 0..<12, using: &random) == 0 { labels.append(("instance", "other")) }
            if Int.random(in: 0..<8, using: &random) == 0 { labels.append(("drop", "yes")) }
            return Line(labels: labels, hasTimestamp: Int.random(in: 0..<40, using: &random) == 0)
        }

        init(families count: Int, _ random: inout SeededGenerator) {
            for number in 0..<count {
                let types = ["counter", "gauge", "histogram", "summary"]
                let type = types.randomElement(using: &random) ?? "gauge"
                var family = Family(
                    name: "family_\(number)",
                    comments: ["# HELP family_\(number) Text.", "# TYPE family_\(number) \(type)"], lines: [])
                if Int.random(in: 0..<5, using: &random) == 0 { family.comments = [] }
                for _ in 0..<Int.random(in: 1...40, using: &random) { family.lines.append(newLine(&random)) }
                families.append(family)
            }
        }

        func text(_ random: inout SeededGenerator, at timestampMs: Int64) -> String {
            var result = ""
            for family in families where !family.lines.isEmpty {
                for comment in family.comments { result += comment + "\n" }
                for line in family.lines {
                    let value = Int.random(in: 0..<1_000_000, using: &random)
                    result += line.text(family.name, value: value, at: timestampMs) + "\n"
                }
            }
            return isBroken ? result + "broken{" : result
        }

        mutating func edit(_ random: inout SeededGenerator) {
            isBroken = Int.random(in: 0..<40, using: &random) == 0
            guard Int.random(in: 0..<6, using: &random) > 0 else { return }
            for _ in 0..<Int.random(in: 1...4, using: &random) { editOnce(&random) }
        }

        private mutating func editOnce(_ random: inout SeededGenerator) {
            let index = Int.random(in: families.indices, using: &random)
            let kind = Int.random(in: 0..<16, using: &random)
            let share = [1, 2, 10].randomElement(using: &random) ?? 10
            switch kind {
            case 0, 1, 2, 3:
                // New label values all over the page.
                for family in families.indices {
                    for line in families[family].lines.indices
                    where Int.random(in: 0..<share * 4, using: &random) == 0 {
                        families[family].lines[line] = newLine(&random)
                    }
                }
            case 4:
                let count = Int.random(in: 1...30, using: &random)
                for _ in 0..<count { families[index].lines.insert(newLine(&random), at: 0) }
            case 5: families[index].lines.removeFirst(families[index].lines.count / share)
            case 6: families[index].lines.shuffle(using: &random)
            case 7: families.shuffle(using: &random)
            case 8: families[index].lines.reverse()
            case 9:
                // The same series in another spelling.
                for line in families[index].lines.indices { families[index].lines[line].spelling += 1 }
            case 10: families[index].comments = families[index].comments.isEmpty ? ["# a comment"] : []
            case 11:
                let type = ["histogram", "gauge"].randomElement(using: &random) ?? "gauge"
                families[index].comments = ["# TYPE \(families[index].name) \(type)"]
            case 12:
                // A line twice, now and then.
                if let line = families[index].lines.randomElement(using: &random),
                    Int.random(in: 0..<6, using: &random) == 0
                {
                    families[index].lines.append(line)
                }
            case 13: families[index].lines = families[index].lines.filter { _ in Bool.random(using: &random) }
            case 14:
                for line in families[index].lines.indices
                where Int.random(in: 0..<share, using: &random) == 0 {
                    families[index].lines[line].hasTimestamp.toggle()
                }
            default:
                let other = Int.random(in: families.indices, using: &random)
                if let line = families[index].lines.popLast() { families[other].lines.append(line) }
            }
        }
    }

    private static func scrape(
        byOrder: Bool, honorTimestamps: Bool, tracksStaleness: Bool, limit: Int
    ) throws -> TargetScrape {
        let rules = try RelabelRules([
            RelabelRule(.init(action: .drop, sourceLabels: ["drop"], regex: "yes"))
        ])
        var seriesRules = SeriesRules()
        seriesRules.limits.samples = limit
        return TargetScrape(
            target: plainTarget(), honorTimestamps: honorTimestamps, rules: seriesRules,
            tracksStaleness: tracksStaleness, relabelling: MetricRelabelling(rules: rules),
            readsByOrder: byOrder)
    }

    private static func words(_ frame: Frame, report: Bool) -> [String] {
        frame.samples(report: report).map(\.description).sorted()
    }

    /// What both made of one body.
    private static func result(
        _ scrape: TargetScrape, _ text: String, at timestampMs: Int64
    ) throws -> [String] {
        do {
            let frame = try scrape.consume(text, at: timestampMs)
            #expect(frame.values.count == frame.layout.seriesCount)
            #expect(frame.absent == frame.absent.sorted() && Set(frame.absent).count == frame.absent.count)
            return words(frame, report: true) + ["\(scrape.leftOut[.duplicate])"]
        } catch let error as ScrapeError {
            let frame = try scrape.fail(at: timestampMs, error: error)
            return ["\(error)"] + words(frame, report: true)
        }
    }

    /// Pages that are compared at least, and at most.
    private static let rounds = 150
    private static let mostRounds = 1_500
    /// Pages read by their order that are compared at least. A page may hold a line twice for many rounds,
    /// and is read by chunks all that time.
    private static let leastByOrder = rounds / 4 + 1

    @Test(arguments: [0, 1, 2, 3, 4, 5, 6, 7])
    func randomEditsReadAsByChunks(variant: Int) throws {
        let seed = printedSeed("randomEditsReadAsByChunks(\(variant))")
        var random = SeededGenerator(seed: seed)
        var page = Page(families: [3, 12, 30][variant % 3], &random)
        let honors = variant & 1 == 1
        let limit = variant == 6 ? 300 : 0
        func make(_ byOrder: Bool) throws -> TargetScrape {
            try Self.scrape(
                byOrder: byOrder, honorTimestamps: honors, tracksStaleness: variant & 2 == 2, limit: limit)
        }
        let scrape = try make(true)
        let byChunks = try make(false)
        var byOrder = 0
        let wanted = variant == 6 ? 0 : Self.leastByOrder
        for round in 1...Self.mostRounds where round <= Self.rounds || byOrder < wanted {
            let timestampMs = 1_700_000_000_000 + Int64(round) * 1_000
            let text = page.text(&random, at: timestampMs)
            let found = try Self.result(scrape, text, at: timestampMs)
            let expected = try Self.result(byChunks, text, at: timestampMs)
            let missing = Set(expected).subtracting(found).sorted()
            let extra = Set(found).subtracting(expected).sorted()
            try #require(
                found == expected,
                "seed \(seed), round \(round): missing \(missing.prefix(5)), extra \(extra.prefix(5))")
            if scrape.pageWork != nil { byOrder += 1 }
            page.edit(&random)
        }
        #expect(byOrder >= wanted, "\(byOrder) in \(Self.mostRounds) rounds")
    }

    /// The sender need not look for series that stand twice where the scrape has.
    @Test func aFrameSaysWhetherEachSeriesStandsOnce() throws {
        let scrape = plainScrape()
        #expect(try scrape.consume("a 1\nb 1\n", at: 1).statesEachOnce)
        #expect(try !scrape.consume("a 1\nb 1\na 1\n", at: 2).statesEachOnce)
        #expect(try !scrape.fail(at: 3).statesEachOnce)
        #expect(try scrape.consume("a 1\n", at: 4).statesEachOnce)
    }

    /// Descriptions of families are kept once, whichever line carries them and however often it is new.
    @Test func commentsOfNewLinesAreKeptOnce() throws {
        let scrape = plainScrape()
        for round in 1...40 {
            var text = ""
            for family in 0..<20 {
                text += "# HELP f\(family) Text \(family).\n# TYPE f\(family) counter\n"
                text += "f\(family){id=\"\(round)\"} 1\n"
                for id in 0..<4 { text += "f\(family){id=\"x\(id)\"} 1\n" }
            }
            _ = try scrape.consume(text, at: Int64(round))
            #expect(scrape.metadata.count == 20)
            #expect(scrape.metadata.allSatisfy { $0.type == "counter" && $0.help.hasPrefix("Text") })
            #expect(scrape.commentCount <= 60, "round \(round)")
        }
        #expect(scrape.pageWork != nil)
    }

    /// What comments say of series that go on is taken in, and the last word holds, whatever becomes of the
    /// lines that it came with.
    @Test func changedCommentsOfSeriesThatGoOnHold() throws {
        let scrape = plainScrape()
        func consume(_ round: Int, _ help: String, other: Int? = nil, extra: String = "") throws {
            var text = "# HELP f \(help)\n"
            for id in 0..<200 { text += "f{id=\"\(id)\"} 1\n" }
            text += "g{round=\"\(other ?? round)\"} 1\n"
            _ = try scrape.consume(text + extra, at: Int64(round))
            #expect(scrape.metadata.first { $0.family == "f" }?.help == help, "round \(round)")
        }
        for round in 1...5 { try consume(round, "A") }
        #expect(scrape.pageWork != nil)
        // No series is new.
        for (round, help) in zip(6..., ["B", "B", "A", "B", "A"]) { try consume(round, help, other: 5) }
        for (round, help) in zip(11..., ["B", "A", "A"]) { try consume(round, help) }
        // One more series with each text, so that the text comes with a chunk that goes.
        for round in 14...40 {
            try consume(round, round % 3 == 0 ? "A" : "B", extra: "f{extra=\"\(round)\"} 1\n")
            #expect(scrape.commentCount <= 12, "round \(round)")
        }
        #expect(scrape.pageWork != nil)
    }

    @Test func theTextsOfManyNewFamiliesAreKept() throws {
        let scrape = plainScrape()
        let help = String(repeating: "h", count: 16 << 10)
        for round in 1...7 {
            var text = ""
            for id in 0..<200 { text += "f{id=\"\(id)\"} 1\n" }
            text += "g{round=\"\(round)\"} 1\n"
            if round == 7 {
                for family in 0..<100 { text += "# HELP n\(family) \(help)\nn\(family) 1\n" }
            }
            _ = try scrape.consume(text, at: Int64(round))
        }
        #expect(scrape.pageWork != nil)
        #expect(scrape.metadata.count { $0.help == help } == 100)
    }

    /// A target may bring new comments with every page.
    @Test func commentsOfAChangingPageHaveABound() throws {
        let scrape = plainScrape()
        let help = String(repeating: "h", count: 16 << 10)
        let lines = (0..<8_000).map { "f{id=\"\($0)\"} 1\n" }.joined()
        for round in 1...8 {
            var text = lines + "g{round=\"\(round)\"} 1\n"
            // Twice nearly all that may be kept, with series that are gone in the next page.
            for family in 0..<(round < 7 ? 0 : 480) {
                text += "# HELP n\(round)_\(family) \(help)\nn\(round)_\(family) 1\n"
            }
            _ = try scrape.consume(text, at: Int64(round))
        }
        #expect(scrape.pageWork != nil)
        #expect(scrape.commentBytes <= TemplateBuilder.maxMetadataBytes + (32 << 10))
        #expect(scrape.commentBytes >= TemplateBuilder.maxMetadataBytes)
    }
}
