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

    /// Whether a frame that stood in memory was let go, or is about to be as it stands before `dropped`.
    func isDropped(_ place: BufferPosition, before dropped: BufferPosition) -> Bool {
        // In this order: what was written down leaves memory only once the catalog says so.
        let isGone = core.catalog[place.segment]?.memory?.isGone(place.offset) ?? false
        guard let segment = core.catalog[place.segment] else { return false }
        if segment.memory != nil { return isGone || place < dropped }
        // Written down since. The file has no frame that was dropped, and all others from its first place on.
        return segment.hasPlaces && place.offset < segment.firstPlace
    }

    /// What a reader has passed of frames that are dropped.
    struct Passed: Sendable {
        let range: Range<BufferPosition>
        /// Samples of them, by job.
        let counts: [String: UInt64]
    }

    /// The oldest frames in memory are about to go. Goes on behind them, and counts those that are neither
    /// handed out nor answered for: what is handed out may still be delivered. nil where there are none.
    func pass(_ going: MemorySegment.Oldest) -> Passed? {
        reader.withLock { reader in
            guard let cursor = destination?.cursor else { return nil }
            reader.passMemory(before: going.end)
            return state.withLock { state -> Passed? in
                let begin = BufferPosition.start(of: going.segment)
                // After a rewind the mark may stand behind what was handed out: the cursor does not list the
                // ranges any more that it has passed.
                let from = max(state.handedOut, begin, cursor.mark)
                // Where the reader stands in an earlier segment it goes on there.
                if state.handedOut >= begin { state.handedOut = max(state.handedOut, going.end) }
                guard from < going.end else { return nil }
                return Passed(
                    range: from..<going.end, counts: going.open(from: from, AnsweredPlaces(cursor)))
            }
        }
    }

    /// Books what `pass` has counted, once the frames are gone. Returns how many samples that are.
    func book(_ passed: Passed?, reason: String) -> UInt64 {
        guard let passed, !passed.counts.isEmpty else { return 0 }
        var outcome = Outcomes()
        for (job, count) in passed.counts { outcome.add(JobOutcome(dropped: [reason: count]), of: job) }
        booking.withLock { _ in
            guard let (mark, places) = destination?.standing else { return }
            record(mark, [], [passed.range], outcome, places)
        }
        noteLackOfRoom(outcome.total)
        return outcome.total
    }
}
