internal import Platform
import Synchronization

/// What goes before it was answered for.
extension DestinationReader {
    /// Counts what of `segment` is neither handed out nor answered for, and goes on behind the segment.
    /// `settle` books it once the segment is gone: were it booked before, a crash in between would bring it
    /// back.
    func retire(_ segment: SegmentInfo, reason: String) throws(BufferError) {
        let behind = BufferPosition.start(of: segment.number + 1)
        try reader.withLock { current throws(BufferError) in
            // Where the next segment could not be opened, the reader has left this one and nobody noted it.
            let handedOut = max(state.withLock { $0.handedOut }, current.position)
            guard handedOut < behind, let cursor = destination?.cursor else { return }
            let from = max(handedOut, .start(of: segment.number))
            var places = AnsweredPlaces(cursor)
            // What was answered for before this start is not handed out again. Once the mark has passed it,
            // the cursor does not list its range any more.
            if from < cursor.mark { places.ranges.insert([from..<cursor.mark]) }
            var counting = core.reader(
                from: from, places, countingThrough: segment.number, isLastLook: true)
            defer { counting.close() }
            var (counts, damaged) = try counting.countAll()
            // What the disk does not give now is not lost where it was handed out before.
            if let rest = current.rest(of: segment, before: core.catalog.first(from: segment.number + 1)) {
                for (job, count) in damaged {
                    let most = rest[job, default: 0] - min(rest[job, default: 0], counts[job, default: 0])
                    damaged[job] = count > most ? (most > 0 ? most : nil) : count
                }
            }
            current.skip(to: behind)
            state.withLock { state in
                state.lose(counts, at: behind, reason)
                state.lose(damaged, at: behind, BufferDropReason.damaged)
                state.handedOut = behind
                state.retiredReason = reason
            }
        }
    }

    /// Whether a frame that stood in memory was let go.
    func isDropped(_ place: BufferPosition) -> Bool {
        core.catalog[place.segment]?.memory?.isGone(place.offset) ?? false
    }

    /// Frames were let go that were in memory alone. Books those that are neither handed out nor answered
    /// for, and passes them: what is handed out may still be delivered. Returns how many samples that are.
    func lose(_ removed: MemorySegment.Removed, reason: String) -> UInt64 {
        // Nobody reads meanwhile, and what was removed is found by nobody after.
        typealias Lost = (range: Range<BufferPosition>, counts: [String: UInt64])
        let lost = reader.withLock { _ -> Lost? in
            guard let cursor = destination?.cursor else { return nil }
            return state.withLock { state -> Lost? in
                let begin = BufferPosition.start(of: removed.segment)
                let from = max(state.handedOut, begin)
                guard from < removed.end else { return nil }
                // Where the reader stands in an earlier segment it goes on there.
                if state.handedOut >= begin { state.handedOut = removed.end }
                let counts = removed.open(from: from, AnsweredPlaces(cursor))
                return (range: from..<removed.end, counts: counts)
            }
        }
        guard let lost, !lost.counts.isEmpty else { return 0 }
        var outcome = Outcomes()
        for (job, count) in lost.counts { outcome.add(JobOutcome(dropped: [reason: count]), of: job) }
        booking.withLock { _ in
            guard let (mark, places) = destination?.standing else { return }
            record(mark, [], [lost.range], outcome, places)
        }
        return outcome.total
    }
}
