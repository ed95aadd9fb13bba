/// A place in the buffer, exact to the sample.
public struct BufferPosition: Comparable, Hashable, Sendable {
    public var segment: UInt64
    /// Where a record starts, in bytes of the segment's file; 0 stands for the segment's beginning.
    public var offset: UInt64
    /// Samples of that record that are consumed: layout ordinals ascending without the absent ones, then the
    /// departed series in their order.
    public var sample: UInt32

    public init(segment: UInt64, offset: UInt64, sample: UInt32 = 0) {
        self.segment = segment
        self.offset = offset
        self.sample = sample
    }

    public static func < (left: BufferPosition, right: BufferPosition) -> Bool {
        if left.segment != right.segment { return left.segment < right.segment }
        if left.offset != right.offset { return left.offset < right.offset }
        return left.sample < right.sample
    }

    /// No segment has a greater number, so that the next one's never overflows.
    static let maxSegment = UInt64(Int64.max)

    /// A cursor may name segments that are gone, as its log was durable when the power failed and they were
    /// not. So many are never gone: one that names a higher number above the newest there is was forged or
    /// damaged.
    static let mostSegmentsLost: UInt64 = 1 << 20

    /// The beginning of a segment.
    static func start(of segment: UInt64) -> BufferPosition { BufferPosition(segment: segment, offset: 0) }
}

extension BufferPosition: CustomStringConvertible {
    public var description: String { "\(segment):\(offset)" + (sample > 0 ? "+\(sample)" : "") }
}
