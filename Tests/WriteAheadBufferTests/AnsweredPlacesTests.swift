import Testing

@testable import WriteAheadBuffer

struct AnsweredPlacesTests {
    /// A frame of ten samples in a record from 100 up to 180, of which two were consumed before.
    private func open(_ ranges: [Range<BufferPosition>], lanes: [BufferPosition] = []) -> [Range<Int>] {
        var places = AnsweredPlaces()
        places.ranges.insert(ranges)
        places.lanes = lanes
        return places.open(target: 3, from: at(100, 2), to: at(180), samples: 10)
    }

    private func at(_ offset: UInt64, _ sample: UInt32 = 0) -> BufferPosition {
        BufferPosition(segment: 2, offset: offset, sample: sample)
    }

    @Test func whatIsNotAnsweredForIsOpen() {
        #expect(open([]) == [2..<10])
        #expect(open([at(100, 4)..<at(100, 6)]) == [2..<4, 6..<10])
        #expect(open([at(90)..<at(100, 6)]) == [6..<10])
        #expect(open([at(100, 8)..<at(300)]) == [2..<8])
        #expect(open([at(90)..<at(180)]).isEmpty)
        #expect(open([at(180)..<at(300)]) == [2..<10])
    }

    @Test func aLaneAnswersForItsFramesAlone() {
        #expect(open([], lanes: [at(500), at(100, 5)]) == [5..<10])
        #expect(open([], lanes: [at(500), at(180)]).isEmpty)
        #expect(open([], lanes: [at(500), at(50)]) == [2..<10])
    }

    /// Only a forged file names a place within a record. No sample is open twice by it.
    @Test(arguments: [101, 140, 179] as [UInt64]) func aPlaceWithinARecordOpensNoSampleTwice(offset: UInt64) {
        #expect(open([at(100, 5)..<at(offset)]) == [2..<5])
        #expect(open([at(offset)..<at(300)]) == [2..<10])
        #expect(open([], lanes: [at(500), at(offset)]).isEmpty)
    }
}
