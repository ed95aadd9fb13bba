import MetricModel
import Testing

@testable import WriteAheadBuffer

struct HandedFramesTests {
    private func at(_ offset: UInt64, _ sample: UInt32 = 0) -> BufferPosition {
        BufferPosition(segment: 1, offset: offset, sample: sample)
    }

    /// The mark may stand in the middle of a frame: what lies before it is answered for.
    @Test func whatIsOpenOfFramesInSegmentsThatAreGone() {
        let layout = Layout([TestFrames.chunk("m", count: 10)])
        var handed = HandedFrames()
        for (number, job) in ["a", "b", "a"].enumerated() {
            let start = UInt64(number) * 100
            handed.append(
                StoredFrame(
                    frame: TestFrames.frame(TestFrames.target(job: job), layout, at: 0), start: at(start),
                    end: at(start + 100)))
        }
        var places = AnsweredPlaces()
        #expect(handed.samples(before: 2, mark: at(0), places) == ["a": 20, "b": 10])
        #expect(handed.samples(before: 1, mark: at(0), places) == [:])
        places.ranges.insert(at(200, 7)..<at(300))
        handed.answered(upTo: at(0, 4), places)
        #expect(handed.samples(before: 2, mark: at(0, 4), places) == ["a": 13, "b": 10])
        handed.answered(upTo: at(100), places)
        #expect(handed.samples(before: 2, mark: at(100), places) == ["a": 7, "b": 10])
        #expect(!handed.isAnswered(upTo: at(200)) && handed.isAnswered(upTo: at(300)))
    }
}
