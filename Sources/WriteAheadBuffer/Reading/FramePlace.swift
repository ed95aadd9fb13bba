/// Where a frame stands in the log, and so where each of its samples does.
public struct FramePlace: Sendable, Equatable {
    /// The start of its record: no sample is consumed.
    public let start: BufferPosition
    /// The start of the record after it: the position once all of the frame is consumed.
    public let end: BufferPosition
    /// Samples of the whole frame.
    public let sampleCount: Int

    /// `start` is a position in the record, whatever of the frame is consumed there.
    public init(start: BufferPosition, end: BufferPosition, sampleCount: Int) {
        self.start = BufferPosition(segment: start.segment, offset: start.offset)
        self.end = end
        self.sampleCount = sampleCount
    }

    /// The position once the samples before `sample` are consumed.
    public func position(of sample: Int) -> BufferPosition {
        sample >= sampleCount
            ? end
            : BufferPosition(segment: start.segment, offset: start.offset, sample: UInt32(max(0, sample)))
    }

    /// How many of the frame's samples lie before a position of the log.
    public func samples(before position: BufferPosition) -> Int {
        if position >= end { return sampleCount }
        let isInside = position.segment == start.segment && position.offset == start.offset
        return isInside ? min(Int(position.sample), sampleCount) : position < start ? 0 : sampleCount
    }

    /// Which of the frame's samples a range of the log covers; empty where it covers none.
    public func samples(in range: Range<BufferPosition>) -> Range<Int> {
        let first = samples(before: range.lowerBound)
        return first..<max(first, samples(before: range.upperBound))
    }
}
