import MetricModel
import Testing

@testable import Scrape

@Suite struct KnownSeriesTests {
    @Test func aSetHasWhatWasPutIn() {
        var random = SeededGenerator(seed: printedSeed("prints"))
        for count in [0, 1, 8, 9, 1_000] {
            var prints = SeriesPrints(capacity: count)
            // A hash whose upper half is zero is one as well.
            let hashes = (0..<count).map { $0 == 0 ? 7 : random.next() as UInt64 }
            for hash in hashes + hashes { prints.insert(hash) }
            #expect(hashes.allSatisfy { prints.contains($0) })
            #expect(!(0..<1_000).contains { _ in prints.contains(random.next()) })
        }
    }

    /// Three of four places are in use at most: some two and a half are looked at on average, and few more
    /// than eight for a series that is not in the set.
    @Test func aSearchIsShortInALargeSet() {
        var random = SeededGenerator(seed: printedSeed("searches"))
        let hashes = (0..<20_000).map { _ in random.next() as UInt64 }
        var prints = SeriesPrints(capacity: hashes.count)
        for hash in hashes { prints.insert(hash) }
        let found = hashes.reduce(0) { $0 + prints.searchLength(of: $1) }
        #expect(found < 4 * hashes.count)
        let missed = (0..<20_000).reduce(0) { sum, _ in sum + prints.searchLength(of: random.next()) }
        #expect(missed < 16 * 20_000)
    }

    /// Series that left a page which changes often keep their places in its chunks, and are not known.
    @Test func seriesThatHaveLeftAreNotKnown() throws {
        let scrape = plainScrape()
        func page(_ round: Int) -> String {
            (0..<60).map { "m{n=\"\($0 == 30 ? round * 1_000 : $0)\"} 1\n" }.joined()
        }
        var round: Int64 = 0
        while scrape.holeCount == 0, round < 20 {
            round += 1
            _ = try scrape.consume(page(Int(round)), at: round)
        }
        #expect(scrape.holeCount == 1)
        let other = plainScrape()
        _ = try other.consume(page(Int(round)), at: 1)
        _ = try other.consume(page(Int(round)), at: 2)
        let hasher = SegmentHasher.process
        func hash(_ number: Int) -> UInt64 {
            [("__name__", "m"), ("n", "\(number)"), ("instance", "i"), ("job", "j")].reduce(0) {
                $0 &+ hasher.labelHash(name: Array($1.0.utf8), value: Array($1.1.utf8))
            }
        }
        for prints in [scrape.known.prints(), other.known.prints()] {
            #expect(prints.contains(hash(0)) && prints.contains(hash(59)))
            #expect(prints.contains(hash(Int(round) * 1_000)))
            #expect(!prints.contains(hash(Int(round - 1) * 1_000)) && !prints.contains(hash(30)))
        }
        // The same without a table.
        for known in [scrape.known, other.known] {
            #expect(known.contains(hash(0)) && known.contains(hash(59)))
            #expect(known.contains(hash(Int(round) * 1_000)))
            #expect(!known.contains(hash(Int(round - 1) * 1_000)) && !known.contains(hash(30)))
        }
    }
}
