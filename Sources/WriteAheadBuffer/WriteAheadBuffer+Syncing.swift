internal import Logging
internal import Platform
import Synchronization
internal import Telemetry

/// What is to be made durable.
struct Syncing {
    /// Segments that were ended and are not durable yet, oldest first.
    var ended: [UnsyncedTail] = []
    /// Segments of earlier runs that may not be durable, oldest first: a run that was killed has written to
    /// them, or the index does not have them.
    var earlier: [UInt64] = []
    /// When segments in doubt are written anew.
    var renewals = RetryPause()
    /// When what was written was made durable last, or that was begun, by the monotonic clock.
    var beganNs: UInt64 = 0

    /// Takes over the segments that were ended since.
    mutating func take(from state: inout WriteAheadBuffer.State) {
        ended += state.ended
        state.ended = []
        state.handedOver = ended
    }
}

/// Durability.
extension WriteAheadBuffer {
    /// Copies of ended segments, at most: as much again as the segment written to may have.
    private static let heldBytes = UnsyncedTail.limitBytes

    /// Makes durable what was written so far. True when all of it is; what is not has been told and counted,
    /// is held in memory, and is tried again by the next round.
    @discardableResult
    func sync() -> Bool {
        syncing.withLock { syncing in
            let active = state.withLock { state in
                syncing.take(from: &state)
                return state.writer?.tail
            }
            let beganNs = core.clock.monotonicNs
            syncing.beganNs = beganNs
            let dirty = (syncing.ended + [active].compactMap { $0 }).filter { $0.isDirty && !$0.isInDoubt }
            for tail in dirty {
                do throws(FileError) {
                    try tail.sync()
                } catch {
                    // It has been told and counted; the segment is written anew.
                    core.catalog.doubt(tail.number)
                    // Some file systems find out only now that there is no room for what they have taken.
                    if error.isNoSpace { _ = core.reserve.giveUp(error) }
                }
            }
            if !dirty.isEmpty {
                core.metrics.fsyncSeconds.observe(Double(core.clock.monotonicNs - beganNs) / 1e9)
            }
            let hasEarlier = syncEarlier(&syncing)
            letGo(&syncing)
            let isWritten = renew(&syncing, active) && hasEarlier
            let hasNames = syncNames()
            let hasCursors = syncCursors()
            return isWritten && hasNames && hasCursors
        }
    }

    /// Notes a segment that was ended just now. Where ended segments have too many copies, since the keeper
    /// waits for the disk, the appender makes this one durable before it goes on; while the disk refuses
    /// that, its copies are let go, and a renewal reads it from the old file.
    static func hold(_ tail: UnsyncedTail, _ state: inout State, _ catalog: SegmentCatalog) {
        let others = (state.handedOver + state.ended).reduce(0) { $0 + $1.heldBytes }
        state.ended.append(tail)
        // A record that is longer than the bound is copied when it is the only one.
        guard others > 0, others + tail.heldBytes > heldBytes else { return }
        do throws(FileError) {
            try tail.sync()
        } catch {
            // It has been told and counted.
            tail.forgetCopies()
            catalog.doubt(tail.number)
        }
    }

    /// Closes the files of ended segments that are durable, or gone.
    private func letGo(_ syncing: inout Syncing) {
        syncing.ended.removeAll { tail in
            guard !tail.isDirty || core.catalog[tail.number] == nil else { return false }
            // Nothing is left to be written; a descriptor that does not close is the kernel's.
            try? core.files.close(tail.file)
            return true
        }
        var held = 0
        for tail in syncing.ended {
            held += tail.heldBytes
            if held > Self.heldBytes, tail.isInDoubt { tail.forgetCopies() }
        }
    }

    /// Writes segments in doubt anew, the oldest first; true when none is left. The one that is written to
    /// is ended before, unless an older one shows that the disk still fails.
    private func renew(_ syncing: inout Syncing, _ active: UnsyncedTail?) -> Bool {
        let isActiveInDoubt = active?.isInDoubt ?? false
        guard isActiveInDoubt || !syncing.ended.isEmpty else {
            state.withLock { $0.verdict.renewed() }
            return true
        }
        let nowNs = core.clock.monotonicNs
        // A full disk has no room for a second copy: cursors need what there is.
        guard !core.reserve.isGivenUp, syncing.renewals.isDue(nowNs) else { return false }
        var isDone = renewEnded(&syncing)
        if isDone, isActiveInDoubt, let active {
            isDone = end(active, &syncing) && renewEnded(&syncing)
        }
        if isDone {
            syncing.renewals.succeeded()
            state.withLock { $0.verdict.renewed() }
        } else {
            syncing.renewals.failed(nowNs)
        }
        return isDone
    }

    private func renewEnded(_ syncing: inout Syncing) -> Bool {
        while let tail = syncing.ended.first(where: { $0.isInDoubt }) {
            do throws(FileError) {
                // Nobody may remove the segment meanwhile: the fresh file would bring it back.
                try housekeeping.withLock { _ throws(FileError) in
                    try SegmentRenewal(core: core, tail: tail).run()
                }
            } catch {
                core.metrics.syncFailed(error)
                state.withLock { $0.verdict.renewalFailed(error, nowNs: core.clock.monotonicNs) }
                return false
            }
            logger.info(
                "a segment that could not be made durable was written anew",
                metadata: ["segment": .stringConvertible(tail.number)])
            // What it held is durable in the fresh file.
            try? core.files.close(tail.file)
            syncing.ended.removeAll { $0 === tail }
        }
        return syncing.ended.isEmpty
    }

    /// Ends the segment that is written to, so that it can be written anew; false when that fails.
    private func end(_ active: UnsyncedTail, _ syncing: inout Syncing) -> Bool {
        let isEnded = state.withLock { state in
            // Copies of those written anew meanwhile count no more.
            syncing.take(from: &state)
            guard state.writer?.tail === active else { return true }
            // A closed buffer is appended to no more.
            if state.isClosed {
                syncing.ended.append(active)
                state.writer = nil
                return true
            }
            // It has told why not.
            try? rotateIfPossible(&state)
            return state.writer?.tail !== active
        }
        state.withLock { syncing.take(from: &$0) }
        if isEnded { for destination in destinations.withLock({ $0 }) { destination.raise() } }
        return isEnded
    }

    /// Segments first, then their names, then cursors: a durable cursor that stands behind what is durable
    /// costs nothing, but it costs a warning and counting anew. Where segments were removed the cursors come
    /// first, too: one that stands in a segment which is gone books what was delivered of it as damaged.
    private func syncNames() -> Bool {
        guard core.names.owesRemovals else { return core.names.sync() }
        // Nobody removes another segment between the two.
        return housekeeping.withLock { _ in
            // What fails here has been told, and is tried again behind the names: what was appended must not
            // wait for a cursor's log.
            _ = syncCursorLogs()
            return core.names.sync()
        }
    }

    /// Makes the cursors durable. For whoever holds `syncing`.
    func syncCursors() -> Bool {
        let isDone = syncCursorLogs()
        // A cursor's log that was made anew has taken the name of the old one.
        return core.names.sync() && isDone
    }

    private func syncCursorLogs() -> Bool {
        var isDone = true
        for destination in destinations.withLock({ $0 }) {
            do throws(FileError) {
                try destination.sync()
            } catch {
                core.metrics.syncFailed(error)
                isDone = false
            }
        }
        return isDone
    }
}
