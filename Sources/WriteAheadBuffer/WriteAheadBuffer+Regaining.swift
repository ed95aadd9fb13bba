internal import Logging
internal import Platform
import Synchronization

/// The way back to a disk that has refused frames.
extension WriteAheadBuffer {
    /// A segment whose file may have more than was written in full: a write has failed, and the file could
    /// not be cut back.
    struct TornEnd: Sendable {
        let segment: UInt64
        let path: String
        let length: UInt64
    }

    /// Asks a disk that takes no frames whether it takes them again, and then begins a segment behind the one
    /// in memory. After the disk was full, it is asked only once the reserve could be made again. Called by
    /// the keeper; with `isLast`, when the buffer is closed, without a pause.
    func regainDisk(isLast: Bool = false) {
        let nowNs = core.clock.monotonicNs
        let wanted = state.withLock { state -> (torn: [TornEnd], bytes: UInt64)? in
            guard !state.isClosed, let spell = state.verdict.spell,
                isLast || state.verdict.isDue(nowNs: nowNs)
            else { return nil }
            return (state.torn, spell.cause.isNoSpace ? state.restatedBytes : 0)
        }
        guard let wanted, !core.reserve.isGivenUp else { return }
        guard isReady(wanted.torn, roomBytes: wanted.bytes) else { return }
        let spell = state.withLock { state -> DiskVerdict.Spell? in
            guard !state.isClosed, state.memory != nil else { return nil }
            do throws(FileError) {
                try Self.rotate(&state, books.withLock { $0 }, core)
            } catch {
                // The next round tries again.
                if error.isNoSpace, !core.reserve.giveUp(error) {
                    state.verdict.refusedToReturn(lackedBeside: core.catalog.totalBytes)
                }
                return nil
            }
            state.torn = []
            // Before another append can begin the next spell.
            core.isDiskRefusing.store(false, ordering: .relaxed)
            core.refusal.withLock { $0 = nil }
            core.metrics.faults.isHushed.store(false, ordering: .relaxed)
            return state.verdict.succeeded(nowNs: core.clock.monotonicNs)
        }
        guard let spell else { return }
        for destination in destinations.withLock({ $0 }) { destination.raise() }
        logger.info(
            "the disk takes samples again",
            metadata: [
                "samples": .stringConvertible(spell.samples), "dropped": .stringConvertible(spell.dropped),
                "seconds": .stringConvertible((nowNs - min(nowNs, spell.sinceNs)) / 1_000_000_000),
            ])
    }

    /// Cuts the torn segments and asks the disk for room; where it refuses, the verdict remembers why. It was
    /// said when the disk refused first.
    private func isReady(_ torn: [TornEnd], roomBytes: UInt64) -> Bool {
        // First, as it makes room. Where it fails the disk is asked all the same: the segment may have to go.
        var isUncut = false
        do throws(FileError) { try cut(torn) } catch { isUncut = true }
        do throws(FileError) {
            try DiskProbe(directory: core.directory, files: core.files).run(bytes: roomBytes)
        } catch {
            let beside = error.isNoSpace ? core.catalog.totalBytes : nil
            state.withLock { $0.verdict.refusedToReturn(lackedBeside: beside) }
            return false
        }
        if isUncut { state.withLock { $0.verdict.refusedToReturn(isUncut: true) } }
        return !isUncut
    }

    /// Cuts off what a failed write may have left behind the end of a segment. The ledger record of the next
    /// segment names the one in memory, so a later start would not know where this one ends.
    private func cut(_ torn: [TornEnd]) throws(FileError) {
        // Nobody removes the segment meanwhile: opened, it would be there again.
        try housekeeping.withLock { _ throws(FileError) in
            for end in torn where core.catalog[end.segment] != nil {
                // Opened, a file that somebody has removed would be made again, and full of zeros.
                guard try core.files.status(end.path) != nil else { continue }
                let file = try core.files.open(end.path, .update)
                // What counts is the truncation; a descriptor that does not close is the kernel's.
                defer { try? core.files.close(file) }
                try core.files.truncate(file, to: end.length)
                // Once the next segment is begun, no record tells the length after a power loss.
                try core.files.sync(file)
            }
        }
    }

    /// Tells what the end of the process takes.
    func sayWhatMemoryHolds() {
        let samples = samplesInMemory
        guard samples > 0 else { return }
        logger.warning(
            "the agent ends with samples that the disk has not taken: they are lost",
            metadata: ["samples": .stringConvertible(samples)])
    }
}
