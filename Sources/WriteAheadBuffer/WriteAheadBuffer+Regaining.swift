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
    /// in memory, which is written down before. After the disk was full, it is asked only once the reserve
    /// could be made again. Called by the keeper; with `isLast`, when the buffer is closed, without a pause.
    func regainDisk(isLast: Bool = false) {
        wayBack.withLock { _ in goBack(isLast: isLast) }
    }

    private func goBack(isLast: Bool) {
        let nowNs = core.clock.monotonicNs
        let wanted = state.withLock { state -> (torn: [TornEnd], bytes: UInt64)? in
            guard !state.isClosed, let spell = state.verdict.spell,
                isLast || state.verdict.isDue(nowNs: nowNs)
            else { return nil }
            return (state.torn, spell.cause.isNoSpace ? state.restatedBytes : 0)
        }
        guard let wanted, isLast || !core.reserve.isGivenUp else { return }
        // At the end the file in memory is written even where no segment can be begun behind it.
        guard isReady(wanted.torn, roomBytes: isLast ? 0 : wanted.bytes) else { return }
        var file = fileOfMemory(isLast: isLast)
        // Cursors may have needed its room meanwhile.
        guard isLast || !core.reserve.isGivenUp else {
            if let file { discard(file) }
            return
        }
        let (spell, isTaken) = state.withLock { state -> (DiskVerdict.Spell?, Bool) in
            guard !state.isClosed, let memory = state.memory, memory.number == file?.number ?? memory.number
            else { return (nil, false) }
            guard finish(&file) else {
                state.memoryWaits = true
                return (nil, false)
            }
            guard begin(&state, behind: file, isLast: isLast) else {
                // With its name the file is what the next start finds last, and so nothing of it is lost.
                guard isLast, let file, take(file, &state) else { return (nil, false) }
                state.memory = nil
                return (nil, true)
            }
            let isTaken = file.map { take($0, &state) } ?? false
            state.torn = []
            // Before another append can begin the next spell.
            core.isDiskRefusing.store(false, ordering: .relaxed)
            core.refusal.withLock { $0 = nil }
            core.metrics.faults.isHushed.store(false, ordering: .relaxed)
            return (state.verdict.succeeded(nowNs: core.clock.monotonicNs), isTaken)
        }
        if let file { isTaken ? file.letGo() : discard(file) }
        guard let spell else { return }
        for destination in destinations.withLock({ $0 }) { destination.raise() }
        logger.info(
            "the disk takes samples again",
            metadata: [
                "samples": .stringConvertible(spell.samples), "dropped": .stringConvertible(spell.dropped),
                "written_bytes": .stringConvertible(file?.length ?? 0),
                "seconds": .stringConvertible((nowNs - min(nowNs, spell.sinceNs)) / 1_000_000_000),
            ])
    }

    /// Begins the segment behind the one in memory, which is written down in `file`. False where the disk
    /// does not take it: the next round tries again.
    private func begin(_ state: inout State, behind file: MemoryFile?, isLast: Bool) -> Bool {
        let books = books.withLock { $0 }
        do throws(FileError) {
            do throws(FileError) {
                try Self.rotate(&state, books, core, writtenBytes: file?.length)
            } catch {
                guard isLast, error.isNoSpace, core.reserve.giveUp(error) else { throw error }
                try Self.rotate(&state, books, core, writtenBytes: file?.length)
            }
            return true
        } catch {
            // The next round tries without the file. Beside one that has just taken room and a descriptor,
            // the refusal says nothing of the disk.
            if file != nil || error.isNoSpace { state.memoryWaits = true }
            if file == nil, error.isNoSpace, !core.reserve.giveUp(error) {
                state.verdict.refusedToReturn(lackedBeside: core.catalog.totalBytes)
            }
            return false
        }
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
