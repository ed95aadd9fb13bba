internal import Logging
internal import Platform
import Synchronization
internal import Telemetry

/// Destinations and their cursors.
extension WriteAheadBuffer {
    /// The destination's durable cursor, made when it is new: it then begins at the oldest record kept.
    /// Before the first append of a run, so that the books stand still. Throws when the cursor cannot be
    /// read, or is of another format: a new one would send all again. One that is damaged begins at the
    /// oldest record kept.
    public func openDestination(_ name: String) throws(BufferError) -> BufferDestination {
        precondition(
            !destinations.withLock { $0.contains { $0.name == name } }, "a destination is opened once")
        return try housekeeping.withLock { _ throws(BufferError) in
            let read = try knownCursor(name)
            let known = read?.state
            let totals = books.withLock { $0.jobs }
            let opening = CursorOpening(
                core: core, name: name, totals: totals, isInDoubt: booksAreInDoubt, logger: logger)
            let cursor = try opening.open(known)
            do throws(FileError) {
                let log = try core.evenIfFull { () throws(FileError) -> CursorLog in
                    try openLog(of: cursor, read)
                }
                let destination = BufferDestination(core: core, cursor: cursor, log: log)
                destinations.withLock { $0.append(destination) }
                state.withLock { state in
                    if known == nil { state.newDestinations.append(name) }
                    state.successors[name] = known?.successor
                }
                return destination
            } catch {
                throw .io("the cursor of \(name) cannot be written", error)
            }
        }
    }

    /// Goes on with the log on the disk if it says exactly what the cursor is now; so the first scrape does
    /// not wait for a sync. Else makes a new one. Its name is made durable by the first sync of the buffer:
    /// a sync of the directory now would do the same to removals of segments, which other cursors may not
    /// know of durably yet.
    private func openLog(of cursor: CursorState, _ read: CursorLog.Read?) throws(FileError) -> CursorLog {
        if let read,
            let log = CursorLog(
                goingOnWith: read, directory: core.directory, state: cursor, files: core.files)
        {
            return log
        }
        let log = try CursorLog(
            directory: core.directory, state: cursor, salt: core.newSalt(), nowMs: core.clock.wallMs,
            files: core.files)
        core.names.changed()
        return log
    }

    private func knownCursor(_ name: String) throws(BufferError) -> CursorLog.Read? {
        let path = "\(core.directory)/\(BufferFileName.cursor(name))"
        do throws(FileError) {
            guard try core.files.status(path) != nil else { return nil }
        } catch {
            throw .io("the cursor of \(name) cannot be looked at", error)
        }
        // The segment that is written to has a number above all that cursors named at the start. A mark
        // beyond it would pass what is still to come.
        let newest = core.catalog.all.last?.number ?? 0
        let read = try CursorLog.read(path, mostSegment: newest, files: core.files)
        if read.state == nil || read.end < read.length { core.metrics.damagedCursors.add() }
        if read.state == nil {
            logger.error(
                "a cursor cannot be read: all that is kept is sent again",
                metadata: ["remote_name": "\(name)", "path": "\(path)"])
        } else if read.end < read.length {
            logger.warning(
                "the end of a cursor's log is torn or damaged: what it said is sent again",
                metadata: ["remote_name": "\(name)", "path": "\(path)", "offset": "\(read.end)"])
        }
        return read
    }

    /// Removes the cursors of destinations that are not among these: nothing waits for them any more. Called
    /// when all destinations of this run are open.
    public func retire(destinationsExcept kept: [String]) throws(BufferError) {
        let keptFiles = Set(kept.map { BufferFileName.cursor($0) })
        do throws(FileError) {
            for name in try core.files.list(core.directory)
            where BufferFileName.isCursor(name) && !keptFiles.contains(name) {
                let path = "\(core.directory)/\(name)"
                let former = formerDestination(path)
                try core.files.remove(path)
                core.names.changed()
                sayRetired(former, file: name)
            }
        } catch {
            throw .io("the cursors of former destinations cannot be removed", error)
        }
    }

    /// What the cursor says that is about to be removed.
    private func formerDestination(_ path: String) -> Result<CursorState?, BufferError> {
        do throws(BufferError) {
            let newest = core.catalog.all.last?.number ?? 0
            return .success(try CursorLog.read(path, mostSegment: newest, files: core.files).state)
        } catch {
            return .failure(error)
        }
    }

    /// Says how many samples waited for a former destination, what becomes of them and what to do. The start
    /// does not fail where its cursor could not be read, as the cursor goes anyway.
    private func sayRetired(_ read: Result<CursorState?, BufferError>, file: String) {
        guard case .success(let former?) = read else {
            var metadata: Logger.Metadata = ["file": "\(file)"]
            if case .failure(let error) = read { metadata["err"] = "\(error)" }
            logger.warning(
                "a destination is no longer configured: its cursor, which cannot be read, is removed",
                metadata: metadata)
            return
        }
        if let name = sameCursor(as: former) {
            logger.info(
                """
                the agent ended while a destination was given another name: what is buffered for it is sent \
                under the name that is configured, and the cursor of the other name is removed
                """, metadata: ["remote_name": "\(name)", "other_name": "\(former.name)"])
            return
        }
        let ledger = BufferDestination.ledger(former, books.withLock { $0.jobs })
        let samples = ledger.values.reduce(UInt64(0)) { SampleCount.sum($0, $1.buffered) }
        var metadata: Logger.Metadata = [
            "remote_name": "\(former.name)", "samples": .stringConvertible(samples),
        ]
        guard samples > 0 else {
            logger.info(
                "a destination is no longer configured: no samples wait for it, and its cursor is removed",
                metadata: metadata)
            return
        }
        let new = state.withLock { $0.newDestinations }
        guard new.isEmpty else {
            metadata["new"] = "\(new.joined(separator: ", "))"
            metadata["remedy"] = "none is needed; an entry that keeps its name is sent nothing twice"
            logger.warning(
                """
                a destination is no longer configured: its cursor is removed; the samples that wait for it \
                go to the destinations that are new at this start, which are sent all that the buffer holds, \
                also what the former one has stored
                """, metadata: metadata)
            return
        }
        let others = destinations.withLock { !$0.isEmpty }
        metadata["remedy"] = "\(FormerDestination.remedy(besideOthers: others))"
        logger.warning("\(FormerDestination.isSentNoMore)", metadata: metadata)
    }

    /// The destination of this run that goes on with a former one's cursor: an earlier run ended while it
    /// renamed the one or the other, when both had a file.
    private func sameCursor(as former: CursorState) -> String? {
        let (new, successors) = state.withLock { ($0.newDestinations, $0.successors) }
        if let name = former.successor, !new.contains(name),
            destinations.withLock({ $0.contains { $0.name == name } })
        {
            return name
        }
        return successors.first { $0.value == former.name }?.key
    }

    /// The highest segment that each cursor names; `newest` is the highest there is.
    static func numbersInCursors(
        _ directory: String, newest: UInt64, files: any FileDoor
    ) throws(BufferError) -> [UInt64] {
        let most = min(newest + BufferPosition.mostSegmentsLost, BufferPosition.maxSegment)
        let names: [String]
        do throws(FileError) {
            names = try files.list(directory).filter { BufferFileName.isCursor($0) }
        } catch {
            throw .io("the storage directory cannot be listed", error)
        }
        var numbers: [UInt64] = []
        for name in names {
            let path = "\(directory)/\(name)"
            let cursor = try CursorLog.read(path, mostSegment: most, files: files).state
            if let cursor { numbers.append(cursor.newestSegment) }
        }
        return numbers
    }
}
