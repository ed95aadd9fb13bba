internal import Platform
import Synchronization

/// The last segment on the disk, which has the books, while frames go to memory.
extension WriteAheadBuffer {
    /// Whether a segment stays though its time has come: it is the last one on the disk, and frames go to
    /// memory, so no later one has the books of all that ever came in. Without them the next start would
    /// count from zero. It goes once a later segment is begun.
    ///
    /// On a full disk its room may be all that the way back needs, and one that cannot be cut back is in its
    /// way: then it goes in a round that asks the disk at once.
    func isKept(_ segment: SegmentInfo) -> Bool {
        guard lastOnDisk?.number == segment.number else { return false }
        let nowNs = core.clock.monotonicNs
        return state.withLock { state in
            let verdict = state.verdict
            guard !state.isClosed, verdict.isDue(nowNs: nowNs) else { return true }
            if verdict.isUncut, state.torn.contains(where: { $0.segment == segment.number }) { return false }
            return verdict.makesRoom != segment.number
        }
    }

    /// While frames go to memory, the segment on the disk where there is but one.
    private var lastOnDisk: SegmentInfo? {
        let segments = core.catalog.all
        guard segments.last?.memory != nil else { return nil }
        let files = segments.filter { $0.memory == nil }
        return files.count == 1 ? files[0] : nil
    }

    /// Where the way back found no room beside the last segment on the disk, whose time has come: asks
    /// whether its room is enough with what is free, and notes that.
    func weighLastOnDisk() {
        guard let last = lastOnDisk,
            lowestAnswered.map({ isAnswered(last, below: $0) }) ?? false
                || excess(last, core.clock.agingMs) != nil
        else { return }
        let nowNs = core.clock.monotonicNs
        let (verdict, restatedBytes) = state.withLock { ($0.verdict, $0.restatedBytes) }
        guard verdict.isDue(nowNs: nowNs) else { return }
        let reserveLacks = core.reserve.hasNoRoom(besideSegmentBytes: last.length)
        var makesRoom = reserveLacks || verdict.lackedBeside.map { last.length >= $0 } ?? false
        let wanted = restatedBytes + (reserveLacks ? UInt64(configuration.reserveBytes) : 0)
        if makesRoom, wanted > last.length {
            let probe = DiskProbe(directory: core.directory, files: core.files)
            makesRoom = (try? probe.run(bytes: wanted - last.length)) != nil
        }
        state.withLock { $0.verdict.makesRoom = makesRoom ? last.number : nil }
    }
}
