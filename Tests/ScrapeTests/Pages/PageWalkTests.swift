import Configuration
import MetricModel
import Testing

@testable import Scrape

/// What a changed page costs is counted in steps, not in time: twice the lines cost twice as much, whatever a
/// target does to its page.
@Suite struct PageWalkTests {
    /// The lines of a page of `count` series in a round.
    typealias Kind = @Sendable (_ count: Int, _ round: Int) -> [String]

    private static func line(_ id: Int, _ more: String = "") -> String {
        "requests{id=\"\(id)\"\(more)} \(id)\n"
    }

    static let kinds: [(name: String, lines: Kind, most: Int)] = [
        (
            "a tenth new",
            { count, round in
                (0..<count).map { line($0, $0 % 10 == 9 ? ",build=\"\(round)\"" : "") }
            }, 6
        ),
        ("all new", { count, round in (0..<count).map { line($0, ",build=\"\(round)\"") } }, 26),
        (
            "a tenth more at the front",
            { count, round in
                (0..<count).map { line($0 - round * count / 10) }
            }, 8
        ),
        ("one more at the front", { count, round in ((1 - round)..<count).map { line($0) } }, 8),
        (
            "a histogram's buckets grow",
            { count, round in
                (0..<count).flatMap { id in
                    [line(id)] + (id % 20 == 0 ? (0..<round).map { line(id, ",le=\"\($0)\"") } : [])
                }
            }, 8
        ),
        (
            "shuffled",
            { count, round in
                var random = SeededGenerator(seed: UInt64(round))
                return (0..<count).map { line($0) }.shuffled(using: &random)
            }, 26
        ),
        (
            "reversed",
            { count, round in
                let lines = (0..<count).map { line($0) }
                return round % 2 == 0 ? lines : lines.reversed()
            }, 26
        ),
        (
            "every second line away and back",
            { count, round in
                (0..<count).filter { round % 2 == 0 || $0 % 2 == 0 }.map { line($0) }
            }, 8
        ),
        (
            "each line moved by one",
            { count, round in
                (0..<count).map { line(($0 + round) % count) }
            }, 8
        ),
        (
            "blocks away that are longer than the look ahead",
            { count, round in
                (0..<count).filter { ($0 / 20 + round) % 3 > 0 }.map { line($0) }
            }, 26
        ),
        (
            "lines that differ in one character",
            { count, round in
                (0..<count).map { "r{id=\"\(String(repeating: "a", count: 30))\($0 + round)\"} 1\n" }
            }, 26
        ),
        (
            "one long line that leaves and many new ones behind it",
            { count, round in
                let long = "r{id=\"\(String(repeating: "x", count: 100_000))\(round)\"} 1\n"
                return [long] + (0..<count).map { line($0, ",build=\"\(round)\"") }
            }, 26
        ),
    ]

    /// Steps of eight changed pages, for each line of a page.
    private func steps(_ kind: Kind, count: Int) throws -> Double {
        let scrape = plainScrape()
        var steps = 0
        var pages = 0
        for round in 1...12 {
            _ = try scrape.consume(kind(count, round).joined(), at: Int64(round) * 1_000)
            guard let work = scrape.pageWork else { continue }
            pages += 1
            steps += work.tries + work.parsedLines + work.encodedLines + work.copiedSeries
            // Whatever comes and goes, there are few chunks, and few holes in them.
            #expect(scrape.chunkCount <= 16 + count * 4 / TemplateBuilder.minLines)
            #expect(scrape.holeCount <= count)
        }
        // Two changes are met before the order is made.
        #expect(pages >= 8, "\(pages) pages were read by their order")
        return Double(steps) / Double(count * max(1, pages))
    }

    @Test(arguments: kinds.indices)
    func workGrowsWithTheLines(kind index: Int) throws {
        let kind = Self.kinds[index]
        let few = try steps(kind.lines, count: 1_000)
        let many = try steps(kind.lines, count: 4_000)
        print("\(kind.name): \(few) steps a line of 1,000, \(many) of 4,000")
        #expect(many <= 1.3 * few + 0.1, "\(kind.name): \(few) steps a line, then \(many)")
        #expect(many <= Double(kind.most), "\(kind.name): \(many) steps a line")
    }

    /// An hour of a page of which a tenth is new at each scrape.
    @Test func nothingGrowsUnderChurn() throws {
        let interner = LayoutInterner()
        let scrape = TargetScrape(target: plainTarget(), interner: interner)
        var chunks: [Int] = []
        for round in 1...360 {
            let lines = Self.kinds[0].lines(1_000, round)
            let frame = try scrape.consume(
                "# TYPE requests counter\n" + lines.joined(), at: Int64(round) * 10_000)
            #expect(frame.layout.seriesCount < 1_300)
            if round > 60 { chunks.append(interner.count) }
        }
        #expect(chunks.max() ?? 0 <= (chunks.min() ?? 0) + 16, "\(chunks)")
        #expect(scrape.metadata.count == 1)
    }

    /// A page that is as it was is read without a list being made.
    @Test func aCalmPageReturnsToItsChunks() throws {
        let scrape = plainScrape()
        let kind = Self.kinds[0].lines
        for round in 1...6 { _ = try scrape.consume(kind(100, round).joined(), at: Int64(round)) }
        #expect(scrape.pageWork != nil)
        for round in 7...90 { _ = try scrape.consume(kind(100, 6).joined(), at: Int64(round)) }
        #expect(scrape.pageWork == nil)
        #expect(scrape.holeCount == 0)
        let frame = try scrape.consume(kind(100, 6).joined(), at: 91)
        #expect(frame.absent.isEmpty && frame.values.count == 105)
    }

    /// A page counts as changed only against one before it.
    @Test func aPageThatChangedOnceKeepsItsChunks() throws {
        let scrape = plainScrape()
        let kind = Self.kinds[0].lines
        for round in 1...8 {
            _ = try scrape.consume(kind(100, round == 1 ? 1 : 2).joined(), at: Int64(round))
            #expect(scrape.pageWork == nil, "round \(round)")
        }
    }

    /// A page that goes on breaking a limit is read by chunks alone, and not by its order before that.
    @Test func aPageThatGoesOnBreakingALimitIsReadOnce() throws {
        var rules = SeriesRules()
        rules.limits.samples = 110
        let scrape = TargetScrape(target: plainTarget(), rules: rules)
        let kind = Self.kinds[0].lines
        for round in 1...6 { _ = try scrape.consume(kind(100, round).joined(), at: Int64(round)) }
        #expect(scrape.pageWork != nil)
        func breakLimit(_ rounds: ClosedRange<Int>) throws {
            for round in rounds {
                let error = #expect(throws: ScrapeError.self) {
                    try scrape.consume(kind(200, round).joined(), at: Int64(round))
                }
                _ = try scrape.fail(at: Int64(round), error: error)
            }
        }
        // Once may be by chance.
        try breakLimit(7...7)
        _ = try scrape.consume(kind(100, 8).joined(), at: 8)
        #expect(scrape.pageWork != nil)
        try breakLimit(9...11)
        _ = try scrape.consume(kind(100, 12).joined(), at: 12)
        #expect(scrape.pageWork == nil)
        // The order is made again after a while.
        for round in 13...40 { _ = try scrape.consume(kind(100, round).joined(), at: Int64(round)) }
        #expect(scrape.pageWork != nil)
    }

    /// Where lines of the target have moved before, a table of all lines is made for a line that has moved
    /// far, and not for one whose neighbour has left.
    @Test func theTableIsMadeForWhatIsNotNear() throws {
        let hasher = SegmentHasher()
        let schema = TargetSchema(plainTarget(), honorLabels: false, hasher: hasher)
        let lines = (0..<200).map { Self.line($0) }
        var reader = BodyReader(
            schema: schema, isOpenMetrics: false, hasher: hasher, layouts: LayoutInterner(),
            templates: TemplateInterner())
        reader.record = PageRecord()
        try reader.read(lines.joined(), expected: [])
        let record = try #require(reader.record)
        let parsed = try #require(PageOrder(parsed: reader.chunks, record, isOpenMetrics: false))
        let order = PageOrder(
            hashes: parsed.hashes, lengths: parsed.lengths, types: parsed.types, ordinals: parsed.ordinals,
            debts: parsed.debts, comments: parsed.comments, isOpenMetrics: false, looksUp: true)
        func walk(_ lines: [String]) -> PageWalk {
            var walk = PageWalk(order, schema: schema, hasher: hasher, layouts: LayoutInterner())
            let isRead = walk.read(lines.joined())
            #expect(isRead)
            return walk
        }
        var some = lines
        some.removeSubrange(50..<60)
        let near = walk(some)
        #expect(!near.lookedUp && near.work.encodedLines == 0)
        let far = walk(Array(lines[100...] + lines[..<100]))
        #expect(far.lookedUp && far.work.encodedLines == 0)
        // Once there is a table, the next lines are not looked at one by one.
        #expect(walk(Array(lines.reversed())).work.tries < 5 * lines.count)
    }

    /// A page whose lines only move keeps its chunks, and changes nevertheless.
    @Test func aPageOfMovingLinesKeepsItsOrder() throws {
        let scrape = plainScrape()
        for round in 1...90 {
            _ = try scrape.consume(Self.kinds[8].lines(100, round).joined(), at: Int64(round))
            #expect((scrape.pageWork != nil) == (round > 4), "round \(round)")
        }
    }
}
