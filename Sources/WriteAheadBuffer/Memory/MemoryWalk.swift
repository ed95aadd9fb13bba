/// Where a reader stands in a segment that is in memory alone.
struct MemoryWalk: Sendable {
    enum Item: Sendable {
        case frame(MemorySegment.Entry, at: BufferPosition)
        /// There is nothing more; `info` tells whether more may come.
        case end
    }

    /// Taken before the frames are looked at: where it says that the segment has ended, its length is final.
    private(set) var info: SegmentInfo
    private let memory: MemorySegment
    private var offset: UInt64

    /// Begins at `position`, or with the first frame where that lies before the segment.
    init(_ info: SegmentInfo, _ memory: MemorySegment, from position: BufferPosition) {
        self.info = info
        self.memory = memory
        offset = position.segment == info.number ? position.offset : 0
    }

    /// Samples of each job in the segment. Final once the segment has ended.
    var jobSamples: [String: UInt64] { memory.jobSamples }

    /// Where the next frame to come will stand. Final once the segment has ended.
    var length: UInt64 { memory.length }

    /// Frames before this place of the segment are not handed out.
    mutating func pass(before place: BufferPosition) {
        if place.segment == info.number { offset = max(offset, place.offset) }
    }

    /// The next frame. Those that were let go are passed over: they are answered for, or booked as dropped.
    mutating func next(_ catalog: SegmentCatalog) -> Item {
        if let fresh = catalog[info.number] {
            info = fresh
        } else {
            // It has gone as a whole, so it has ended before.
            info.isActive = false
        }
        guard let (place, entry) = memory.entry(from: offset), place < info.length else { return .end }
        offset = place + 1
        return .frame(entry, at: BufferPosition(segment: info.number, offset: place))
    }
}
