import Testing

@testable import Scrape

@Suite struct PageStretchesTests {
    @Test func columnsAreAsIfEachLineWasAdded() {
        var random = SeededGenerator(seed: printedSeed("columnsAreAsIfEachLineWasAdded"))
        let before = (0..<100).map { UInt32($0) }
        let new = (0..<100).map { UInt32(1_000 + $0) }
        for _ in 0..<200 {
            var stretches = PageStretches()
            var expected: [UInt32] = []
            for _ in 0..<Int.random(in: 0...20, using: &random) {
                let start = Int.random(in: 0...100, using: &random)
                let range = start..<Int.random(in: start...min(100, start + 9), using: &random)
                let isNew = Bool.random(using: &random)
                stretches.append(range, isNew: isNew)
                expected += (isNew ? new : before)[range]
            }
            #expect(stretches.lineCount == expected.count)
            #expect(stretches.column(before, new) == expected)
        }
    }

    @Test func stretchesThatFollowEachOtherAreKeptApartByWhereTheyAreFrom() {
        var stretches = PageStretches()
        stretches.append(0..<2, isNew: false)
        stretches.append(2..<3, isNew: true)
        stretches.append(3..<4, isNew: true)
        stretches.append(4..<5, isNew: false)
        #expect(stretches.column([0, 1, 2, 3, 4], [10, 11, 12, 13, 14]) == [0, 1, 12, 13, 4])
    }
}
