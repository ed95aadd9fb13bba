internal import Logging
internal import Platform
import Synchronization
internal import Telemetry

/// Bounds.
extension WriteAheadBuffer {
    /// Rounds come at least so often: they look at the clock, and remove what is answered for.
    private static let roundMs: Int64 = 1_000

    /// Makes the buffer durable in the first round and then every sync interval, and keeps it within its
    /// bounds, until cancelled. What a run that was killed has not made durable is so after the first round.
    ///
    /// The task runs on the keeper's thread, so that a round wakes no other.
    public func run() async {
        await withTaskExecutorPreference(keeper) { await runOnKeeper() }
    }

    private func runOnKeeper() async {
        let intervalMs = configuration.syncIntervalMs
        var dueNs = core.clock.monotonicNs
        while !Task.isCancelled {
            let untilNs = core.clock.deadlineNs(inMs: min(intervalMs, Self.roundMs))
            // Nobody signals it. A sleep would wake the timer thread of Dispatch twice, and one of its
            // workers. A cancelled wait ends the loop.
            guard await Event().wait(untilNs: untilNs, clock: core.clock) != .cancelled else { return }
            let isDue = core.clock.monotonicNs >= dueNs
            let isDurable = await keeper.run { [self] in keep(syncs: isDue) }
            // What the disk has refused is tried again in the next round.
            if isDue, isDurable { dueNs = core.clock.deadlineNs(inMs: intervalMs) }
        }
    }

    /// One round of the keeper, which makes the buffer durable where that is due. False when that failed.
    @discardableResult
    func keep(syncs: Bool = true) -> Bool {
        // What waits in memory is not to wait for a disk that hangs.
        freeMemory()
        if !syncs { syncCursorsInDoubt() }
        let isDurable = syncs ? sync() : true
        weighLastOnDisk()
        // First, so that retention finds only what is not answered for.
        removeAnswered()
        enforceRetention()
        regainReserve()
        regainDisk()
        writeDownEnded()
        if isToLetGo.exchange(false, ordering: .relaxed) { endWhatIsPast() }
        if syncs, isDurable { updateIndex() }
        return isDurable
    }

    /// Tells the index of the segments that have ended and are durable. One that has ended since the sync is
    /// not durable: after a power loss its file may lack what the index would say of it. One that is to be
    /// cut back is noted with the length that it has then.
    private func updateIndex() {
        // In this order: a segment that ends between the two is still the active one here.
        let segments = core.catalog.all
        let dirty = syncing.withLock { syncing in
            state.withLock { state in
                Set((syncing.ended + state.ended).filter(\.isDirty).map(\.number) + syncing.earlier)
                    .union(state.torn.map(\.segment))
            }
        }
        index.withLock { $0.update(segments.filter { !dirty.contains($0.number) }, core) }
    }

    /// Writes cursors anew that the disk did not take, whatever the sync interval is.
    private func syncCursorsInDoubt() {
        guard destinations.withLock({ $0.contains { $0.isInDoubt } }) else { return }
        // What fails has been counted, and said; the next round tries again.
        _ = syncing.withLock { _ in syncCursors() }
    }

    /// Makes the reserve again when there is room. Where it was given up, as the disk was full, the segment
    /// is ended before, so that it can go once it is answered for.
    private func regainReserve() {
        guard core.reserve.isMissing else { return }
        if core.reserve.isGivenUp { endWhereFull() }
        core.reserve.regain(segmentBytes: core.catalog.totalBytes, nowNs: core.clock.monotonicNs)
    }

    private func endWhereFull() {
        let hasRotated = state.withLock { state in
            guard !state.isClosed, let writer = state.writer, !writer.jobSamples.isEmpty else { return false }
            // Where that fails it has said so; it is tried again in the next round.
            try? rotateIfPossible(&state)
            return state.writer?.number != writer.number
        }
        if hasRotated { for destination in destinations.withLock({ $0 }) { destination.raise() } }
        removeAnswered()
    }

    /// Removes the oldest segments while the buffer is above its bytes or they are above their age, counting
    /// exactly what no destination has read of them.
    public func enforceRetention() {
        // Read in each round, even where no segment is to be judged: so a clock that jumps is noticed.
        let agingMs = core.clock.agingMs
        guard let oldest = core.catalog.oldest, !oldest.isActive, excess(oldest, agingMs) != nil,
            !isKept(oldest)
        else { return }
        // What was delivered of it must not come back as damaged, and the books must be durable in a segment
        // that stays. The bounds hold on a disk that refuses this, too; it has told so.
        sync()
        let hasRetired = housekeeping.withLock { _ in
            var hasRetired = false
            while let segment = core.catalog.oldest, !segment.isActive, let reason = excess(segment, agingMs),
                !isKept(segment), retire(segment, reason)
            {
                hasRetired = true
            }
            return hasRetired
        }
        // What was booked for it, and what was delivered of it since, must not come back as damaged, either:
        // the file system may make the removal durable long before the next sync is due.
        if hasRetired { _ = syncing.withLock { _ in syncCursors() } }
    }

    func excess(_ segment: SegmentInfo, _ agingMs: Int64) -> String? {
        if core.catalog.totalBytes > configuration.retentionBytes { return BufferDropReason.retentionSize }
        let ageMs = segment.ageMs(agingMs: agingMs, nowNs: core.clock.elapsedNs)
        return ageMs > configuration.retentionAgeMs ? BufferDropReason.retentionAge : nil
    }

    /// Counts, removes, then books: were it booked before, a crash in between would bring the segment back.
    private func retire(_ segment: SegmentInfo, _ reason: String) -> Bool {
        let destinations = destinations.withLock { $0 }
        do throws(BufferError) {
            for destination in destinations { try destination.retire(segment, reason: reason) }
        } catch {
            core.metrics.faults.error("a segment cannot be retired", ["err": "\(error)"])
            return false
        }
        do throws(BufferError) {
            try remove(segment)
        } catch {
            // It is still there: nothing is booked, and the next round tries again.
            core.metrics.faults.error(
                "a segment cannot be removed", ["err": "\(error)"], isOfDisk: true)
            return false
        }
        for destination in destinations { destination.settle(gone: segment.number) }
        core.metrics.retained(reason).add()
        logger.warning(
            "a segment was removed before every destination had answered for it",
            metadata: [
                "segment": .stringConvertible(segment.number), "reason": "\(reason)",
                "bytes": .stringConvertible(segment.length),
            ])
        return true
    }

    /// Removes segments that every destination has answered for, once the cursors that say so are durable: a
    /// file system makes the removal of a file durable by itself, as ext4 does within seconds, and a cursor
    /// that is left in a segment which is gone books what was delivered of it as damaged. The segments that
    /// stay are durable then, too: without one of them a power loss would take the books of all that ever
    /// came in. Waits for the disk.
    func removeAnswered() {
        guard let known = lowestAnswered, let oldest = core.catalog.oldest,
            isAnswered(oldest, below: known), !isKept(oldest)
        else { return }
        // What fails has been told. A segment whose sync fails is written anew, and holds up nothing here.
        sync()
        // The next round tries again.
        guard syncing.withLock({ _ in syncCursors() }) else { return }
        housekeeping.withLock { _ in
            // A destination that came meanwhile begins at the oldest segment.
            guard let lowest = lowestAnswered.map({ min($0, known) }) else { return }
            while let segment = core.catalog.oldest, isAnswered(segment, below: lowest), !isKept(segment) {
                do throws(BufferError) {
                    try remove(segment)
                } catch {
                    core.metrics.faults.error(
                        "a segment cannot be removed", ["err": "\(error)"], isOfDisk: true)
                    return
                }
            }
        }
    }

    /// Where the first record stands that some destination has not answered for; nil without destinations.
    var lowestAnswered: BufferPosition? {
        destinations.withLock { $0 }.map { $0.cursor.mark }.min()
    }

    func isAnswered(_ segment: SegmentInfo, below lowest: BufferPosition) -> Bool {
        guard !segment.isActive else { return false }
        return lowest.segment > segment.number
            || (lowest.segment == segment.number && lowest.offset >= segment.end)
    }

    /// Takes a segment out of the catalog, so that nobody opens it any more, and off the disk or out of
    /// memory. One that the disk does not let go is put back.
    private func remove(_ segment: SegmentInfo) throws(BufferError) {
        core.catalog.remove(segment.number)
        if let memory = segment.memory {
            memory.remove(before: UInt64.max)
            return
        }
        do throws(FileError) {
            try core.files.remove(segment.path)
            core.metrics.removed(true)
        } catch {
            core.metrics.removed(error.errno == 2)
            guard error.errno == 2 else {  // ENOENT: somebody else has removed it
                core.catalog.putBack(segment)
                throw .io("a segment cannot be removed", error, segment: segment.number)
            }
        }
        core.names.removed()
    }
}
