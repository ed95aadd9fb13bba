/// Applies the changes of a cursor's file one after the other. Their ranges are joined when they are as many
/// as the state holds already: one by one each would cost as much as there are, and a file may say any
/// number.
struct CursorReplay {
    /// What was read with all its ranges, and where in the file it ends.
    private var known: (state: CursorState?, end: UInt64) = (nil, 0)
    /// What was read since; the ranges of its changes are in `ranges`.
    private var state: CursorState?
    private var end: UInt64 = 0
    private var ranges: [Range<BufferPosition>] = []
    /// `state` is a snapshot that no change was applied to.
    private var isSnapshot = false
    private let mostRanges: Int
    private let mostSegment: UInt64

    private static let leastJoined = 1_024

    /// `mostSegment`: what names a higher one is damage. Else one mark far away would pass every sample to
    /// come, and no later mark could bring it back.
    init(mostRanges: Int = AnsweredRanges.mostInFile, mostSegment: UInt64 = BufferPosition.maxSegment) {
        self.mostRanges = mostRanges
        self.mostSegment = mostSegment
    }

    /// A snapshot: what stood before says nothing any more. False, and nothing changed, where no writer
    /// writes such: a later one is of the same destination, and its mark is never lower.
    mutating func begin(_ snapshot: CursorState) -> Bool {
        let isLater = state.map { $0.name == snapshot.name && $0.mark <= snapshot.mark } ?? true
        guard isLater, snapshot.newestSegment <= mostSegment else { return false }
        state = snapshot
        ranges = []
        isSnapshot = true
        return true
    }

    /// A change; false, and nothing changed, where no writer writes such.
    mutating func apply(_ change: CursorChange) -> Bool {
        guard change.newestSegment <= mostSegment else { return false }
        isSnapshot = false
        // In its place: a copy of the state for each change would cost as much as all of it.
        guard case .answered(let place, let requests, let added, let outcome) = change else {
            return state?.apply(change) ?? false
        }
        ranges += added
        return state?.apply(.answered(upTo: place, requests: requests, outcome: outcome)) ?? false
    }

    /// The record that ends here was applied. False where it leaves more ranges than any writer: it, and
    /// what was read since ranges were joined last, is damage.
    mutating func isRead(upTo end: UInt64) -> Bool {
        self.end = end
        if isSnapshot { known = (state, end) }
        guard ranges.count >= max(Self.leastJoined, state?.answered.count ?? 0) else { return true }
        return join()
    }

    private mutating func join() -> Bool {
        if ranges.isEmpty { return true }
        guard var next = state, next.apply(.answered(upTo: next.mark, ranges: ranges)),
            next.answered.count <= mostRanges
        else {
            (state, end, ranges) = (known.state, known.end, [])
            return false
        }
        ranges = []
        state = next
        known = (next, end)
        return true
    }

    /// What the file says, and where the last record ends that is part of it.
    mutating func finish() -> (CursorState?, UInt64) {
        guard state != nil else { return known }
        _ = join()
        return (state, end)
    }
}
