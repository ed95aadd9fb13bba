import Testing

@testable import Scrape

@Suite struct SeriesTableTests {
    @Test func theFirstNumberOfASeriesStays() {
        var random = SeededGenerator(seed: printedSeed("theFirstNumberOfASeriesStays"))
        var table = SeriesTable(capacity: 500)
        var model: [UInt64: UInt32] = [:]
        for number in 0..<UInt32(500) {
            // Few distinct low bits, so that slots collide; 0 and 1 stand for each other.
            let hash = UInt64.random(in: 2...255, using: &random) << 56 | UInt64(number & 3)
            #expect(table.insert(hash, number) == model[hash])
            if model[hash] == nil { model[hash] = number }
        }
        for (hash, number) in model { #expect(table.number(of: hash) == number) }
        #expect(table.number(of: 0xFFFF) == nil)
    }

    @Test func zeroIsAHashLikeAnyOther() {
        var table = SeriesTable(capacity: 2)
        #expect(table.number(of: 0) == nil)
        #expect(table.insert(0, 7) == nil)
        #expect(table.insert(0, 8) == 7)
    }
}
