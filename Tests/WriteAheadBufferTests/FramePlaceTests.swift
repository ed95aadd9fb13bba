import Testing

@testable import WriteAheadBuffer

struct FramePlaceTests {
    /// A frame of ten samples, of which four were consumed before, in a record from 100 up to 180.
    private let place = FramePlace(
        start: BufferPosition(segment: 2, offset: 100, sample: 4),
        end: BufferPosition(segment: 2, offset: 180), sampleCount: 10)

    private func at(_ segment: UInt64, _ offset: UInt64, _ sample: UInt32 = 0) -> BufferPosition {
        BufferPosition(segment: segment, offset: offset, sample: sample)
    }

    @Test func aSampleStandsInTheRecordAndTheLastOneEndsIt() {
        #expect(place.start == at(2, 100))
        #expect(place.position(of: 0) == at(2, 100))
        #expect(place.position(of: 4) == at(2, 100, 4))
        #expect(place.position(of: 10) == at(2, 180))
        #expect(place.position(of: 11) == at(2, 180))
        #expect(place.position(of: -1) == at(2, 100))
    }

    @Test func samplesLieBeforeAPosition() {
        #expect(place.samples(before: at(1, 500)) == 0)
        #expect(place.samples(before: at(2, 99, 7)) == 0)
        #expect(place.samples(before: at(2, 100)) == 0)
        #expect(place.samples(before: at(2, 100, 7)) == 7)
        #expect(place.samples(before: at(2, 100, 70)) == 10)
        // No record begins within another: such a position is behind all of it.
        #expect(place.samples(before: at(2, 101)) == 10)
        #expect(place.samples(before: at(2, 180)) == 10)
        #expect(place.samples(before: at(3, 0)) == 10)
    }

    @Test func aRangeCoversWhatLiesBetweenItsEnds() {
        #expect(place.samples(in: at(1, 0)..<at(3, 0)) == 0..<10)
        #expect(place.samples(in: at(2, 100, 3)..<at(2, 100, 5)) == 3..<5)
        #expect(place.samples(in: at(2, 100, 8)..<at(2, 180)) == 8..<10)
        #expect(place.samples(in: at(1, 0)..<at(2, 100)).isEmpty)
        #expect(place.samples(in: at(2, 180)..<at(3, 0)).isEmpty)
    }

    @Test func eachSampleIsFoundAgainAtItsPosition() {
        for sample in 0...10 { #expect(place.samples(before: place.position(of: sample)) == sample) }
    }
}
