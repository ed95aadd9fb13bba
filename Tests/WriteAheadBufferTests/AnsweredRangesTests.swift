import Testing

@testable import WriteAheadBuffer

struct AnsweredRangesTests {
    private func place(_ number: Int) -> BufferPosition {
        BufferPosition(
            segment: UInt64(number / 40), offset: UInt64(number % 40 / 4), sample: UInt32(number % 4))
    }

    /// Against a list of flags, one a place.
    @Test(arguments: 1...20 as ClosedRange<UInt64>) func rangesAreASetOfPlaces(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var ranges = AnsweredRanges()
        var flags = Array(repeating: false, count: 200)
        for _ in 0..<150 {
            let from = generator.below(190)
            let to = from + generator.below(10)
            // Now and then many at once, in any order.
            var added = [place(from)..<place(to)]
            for index in from..<to { flags[index] = true }
            if generator.chance(10) {
                for _ in 0..<20 {
                    let from = generator.below(190)
                    let to = from + generator.below(4)
                    added.append(place(from)..<place(to))
                    for index in from..<to { flags[index] = true }
                }
            }
            ranges.insert(added)
            if generator.chance(10) {
                let mark = generator.below(200)
                let passed = ranges.pass(place(mark))
                var expected = mark
                while expected < 200, flags[expected] { expected += 1 }
                #expect(passed == place(expected))
                for index in 0..<expected { flags[index] = false }
            }
            #expect(AnsweredRanges(ranges.ranges) == ranges, "they ascend and none touches the next")
            let (low, high) = (generator.below(100), 100 + generator.below(100))
            var gaps: [Range<BufferPosition>] = []
            var index = low
            while index < high {
                let start = index
                while index < high, !flags[index] { index += 1 }
                if index > start { gaps.append(place(start)..<place(index)) }
                while index < high, flags[index] { index += 1 }
            }
            #expect(ranges.gaps(in: place(low)..<place(high)) == gaps)
        }
    }

    @Test func rangesEndWhereTheLogEnds() {
        var ranges = AnsweredRanges()
        ranges.insert([place(3)..<place(5), place(10)..<place(20), place(44)..<place(47)])
        ranges.cut { min($0, place(12)) }
        #expect(ranges.ranges == [place(3)..<place(5), place(10)..<place(12)])
    }

    /// A million ranges of a file are no work of minutes.
    @Test(.timeLimit(.minutes(1))) func manyRangesAtOnceAreJoinedInOneGo() {
        var ranges = AnsweredRanges()
        ranges.insert(
            (0..<1_000_000).reversed().map {
                BufferPosition(
                    segment: 1, offset: UInt64($0) * 2)..<BufferPosition(
                        segment: 1, offset: UInt64($0) * 2 + 1)
            })
        #expect(ranges.count == 1_000_000)
    }

    @Test func whatNoWriterWritesIsRefused() {
        #expect(AnsweredRanges([place(3)..<place(5), place(5)..<place(6)]) == nil, "they touch")
        #expect(AnsweredRanges([place(3)..<place(3)]) == nil, "empty")
        #expect(AnsweredRanges([place(7)..<place(8), place(5)..<place(6)]) == nil, "they do not ascend")
    }
}
