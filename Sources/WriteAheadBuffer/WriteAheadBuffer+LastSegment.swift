internal import Platform
import Synchronization

/// The last segment on the disk, which has the books, while frames go to memory.
extension WriteAheadBuffer {
    /// Whether a segment that could be removed has to stay. The last segment on the disk stays while frames
    /// go to memory: it alone has the books of all samples that ever came in, and without them the next start
    /// would count from zero. It is removed once a later segment is begun.
    ///
    /// There are two exceptions, both in a round in which the disk is asked again at once: the disk is so
    /// full that only the room of this segment lets the next one begin, or what a failed write has left at
    /// the end of this segment cannot be cut off.
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
