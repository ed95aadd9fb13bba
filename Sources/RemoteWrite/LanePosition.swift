/// A place in a lane of the buffer: the start of a record, and how many of its samples are consumed
/// already.
///
/// Samples of a frame are counted in the order of the layout, absent series left out, then the departed
/// ones.
public struct LanePosition: Sendable, Hashable, Comparable {
    public let segment: UInt64
    /// Bytes from the segment's start to the record's.
    public let offset: UInt64
    public let sample: UInt32

    public init(segment: UInt64, offset: UInt64, sample: UInt32 = 0) {
        self.segment = segment
        self.offset = offset
        self.sample = sample
    }

    public static func < (left: LanePosition, right: LanePosition) -> Bool {
        (left.segment, left.offset, left.sample) < (right.segment, right.offset, right.sample)
    }
}
