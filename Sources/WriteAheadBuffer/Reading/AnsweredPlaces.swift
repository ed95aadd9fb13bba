/// What of the log beyond a cursor's mark is answered for, seen from a frame.
struct AnsweredPlaces: Sendable {
    var ranges = AnsweredRanges()
    /// Frames of target `id` are answered for before the place with the index id mod count; empty: no such
    /// rule.
    var lanes: [BufferPosition] = []

    init() {}

    init(_ cursor: CursorState) {
        ranges = cursor.answered
        lanes = cursor.lanes
    }

    /// The samples of a frame of target `id` that are not answered for, ascending. The frame has `samples`
    /// and its record ends at `end`; what is before `start`, a place in the record, is answered for.
    func open(
        target id: UInt64, from start: BufferPosition, to end: BufferPosition, samples: Int
    ) -> [Range<Int>] {
        var from = start
        if !lanes.isEmpty { from = max(from, lanes[Int(id % UInt64(lanes.count))]) }
        guard from < end else { return [] }
        let place = FramePlace(start: start, end: end, sampleCount: samples)
        if ranges.isEmpty {
            let first = place.samples(before: from)
            return first < samples ? [first..<samples] : []
        }
        return ranges.gaps(in: from..<end).map { place.samples(in: $0) }.filter { !$0.isEmpty }
    }
}
