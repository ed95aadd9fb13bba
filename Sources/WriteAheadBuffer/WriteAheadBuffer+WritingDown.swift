internal import Logging
internal import Platform
import Synchronization
internal import Telemetry

/// What stands in memory and is not answered for is written down once the disk takes samples again. For
/// whoever holds `wayBack`.
extension WriteAheadBuffer {
    /// The file of the segment in memory that frames go to, written but for a few at its end; nil where there
    /// is nothing to write, or the disk does not take it: then the segment stays in memory for now. Without
    /// another lock.
    func fileOfMemory(isLast: Bool) -> MemoryFile? {
        let (memory, waits) = state.withLock { ($0.memory, $0.memoryWaits) }
        guard let memory, isLast || !waits else { return nil }
        do throws(FileError) {
            return try makeFile(of: memory, isLast: isLast)
        } catch {
            // It is tried again once new samples go to the disk, and then it is told.
            state.withLock { $0.memoryWaits = true }
            return nil
        }
    }

    /// Writes the rest and gives the file its name, where there is one. False where the disk does not take
    /// it.
    func finish(_ file: inout MemoryFile?) -> Bool {
        guard file != nil else { return true }
        do throws(FileError) {
            return try file?.finish(books.withLock { $0 }) ?? true
        } catch {
            return false
        }
    }

    /// The file is the segment from now on: readers go on there, and its memory is to be let go. False where
    /// the segment is gone.
    func take(_ file: MemoryFile, _ state: inout State) -> Bool {
        guard core.catalog.writtenDown(file) else { return false }
        // Not `hold`: that may wait for the disk. It has few copies.
        state.ended.append(file.tail)
        state.strays.remove(file.number)
        core.names.changed()
        core.metrics.writtenBytes.add(file.length)
        return true
    }

    /// Closes and removes a file of which no use is made. What the disk does not let go is removed later.
    func discard(_ file: MemoryFile) {
        if !file.discard() { state.withLock { _ = $0.strays.insert(file.number) } }
        core.names.removed()
    }

    /// Writes down segments in memory that have ended: those for which the disk had no room when it took
    /// samples again. Called by the keeper; with `isLast`, when the buffer is closed, without a pause.
    func writeDownEnded(isLast: Bool = false) {
        wayBack.withLock { _ in
            removeStrays()
            guard isLast || !isDiskRefusing && !core.reserve.isGivenUp else { return }
            guard !state.withLock({ $0.isClosed }) else { return }
            let nowNs = core.clock.monotonicNs
            for info in core.catalog.inMemory where !info.isActive {
                guard isLast || state.withLock({ $0.writingDown.isDue(nowNs) }) else { return }
                guard let memory = info.memory, !isPassed(memory) else { continue }
                let isDone = writeDown(memory, isLast: isLast)
                state.withLock { isDone ? $0.writingDown.succeeded() : $0.writingDown.failed(nowNs) }
                guard isDone || isLast else { return }
            }
        }
    }

    /// False where the disk does not take it, or the segment is gone.
    private func writeDown(_ memory: MemorySegment, isLast: Bool) -> Bool {
        var made: MemoryFile?
        var hasName = false
        do throws(FileError) {
            made = try makeFile(of: memory, isLast: isLast)
            hasName = try made?.finish(nil) ?? false
        } catch {
            // The disk takes what comes, and may have no room for this alone. It is tried again.
            core.metrics.faults.error(
                "samples that stand in memory cannot be written to the disk yet",
                ["segment": .stringConvertible(memory.number), "err": "\(error)"], isOfDisk: true)
        }
        guard let file = made else { return false }
        guard hasName, state.withLock({ take(file, &$0) }) else {
            discard(file)
            return false
        }
        file.letGo()
        logger.info(
            "samples that stood in memory are on the disk now",
            metadata: [
                "segment": .stringConvertible(file.number), "written_bytes": .stringConvertible(file.length),
            ])
        // Those that have read it in memory go on.
        for destination in destinations.withLock({ $0 }) { destination.raise() }
        return true
    }

    /// Removes files that an attempt has left with the name of a segment that stands in memory, or that is
    /// gone since: a start would take them for the segment. Those without the name only take room.
    private func removeStrays() {
        for number in state.withLock({ $0.strays }) {
            let path = "\(core.directory)/\(BufferFileName.segment(number))"
            guard MemoryFile.remove(BufferFileName.unfinished(path), core.files),
                MemoryFile.remove(path, core.files)
            else { continue }
            state.withLock { _ = $0.strays.remove(number) }
            core.names.removed()
        }
    }

    /// Whether every destination has answered for all of it.
    private func isPassed(_ memory: MemorySegment) -> Bool {
        let end = BufferPosition(segment: memory.number, offset: memory.length)
        return lowestAnswered.map { $0 >= end } ?? false
    }

    /// nil where there is nothing to write, or frames went that were to be written.
    private func makeFile(of memory: MemorySegment, isLast: Bool) throws(FileError) -> MemoryFile? {
        // Read before the cursors are made durable: frames that go after this read end the attempt anyway.
        let front = memory.front
        guard !isPassed(memory), let info = core.catalog[memory.number] else { return nil }
        // What has gone is not in the file: the cursors have to say durably that it is answered for, or a
        // crash would book what was delivered of it as damaged. At the end that is better than losing it all.
        let isSaid = front.gone.isEmpty || syncing.withLock { _ in syncCursors() }
        guard isSaid || isLast else { return nil }
        let restatedBytes = state.withLock { $0.writer?.restatedBytes ?? $0.restatedBytes }
        let marginBytes = max(UInt64(configuration.reserveBytes), restatedBytes)
        var file = try MemoryFile(info, memory, front, marginBytes: isLast ? nil : marginBytes, core)
        do throws(FileError) {
            if try file.write(inBetween: keepMeanwhile) { return file }
        } catch {
            discard(file)
            throw error
        }
        discard(file)
        return nil
    }

    /// Does what is not to wait until a file is written: lets go of memory, and makes durable what others
    /// write, as often as ever. Frames above their age wait for the file: each of them that is dropped would
    /// end the attempt.
    private func keepMeanwhile() {
        freeMemory(dropsAged: false)
        let nowNs = core.clock.monotonicNs
        let syncedNs = syncing.withLock { $0.beganNs }
        guard nowNs - min(nowNs, syncedNs) >= UInt64(configuration.syncIntervalMs) * 1_000_000 else { return }
        // What fails has been told and counted; the next round tries again.
        sync()
    }
}
