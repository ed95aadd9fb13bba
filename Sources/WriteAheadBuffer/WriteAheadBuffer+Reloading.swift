internal import Logging
internal import Platform
import Synchronization

/// Destinations that come, go and are renamed while frames are appended. All of it works on the disk, and so
/// on the buffer's own thread, between two rounds of its keeper.
extension WriteAheadBuffer {
    /// The cursor of a destination that begins now: with the first frame appended from here on. Made anew
    /// where one of that name is left from before.
    public func beginDestination(_ name: String) async throws(BufferError) -> BufferDestination {
        try await onKeeper { buffer throws(BufferError) in try buffer.begin(name) }
    }

    /// Goes on with a destination's cursor under another name: what was buffered for the one is sent for the
    /// other. Nobody may use the reader of the old one any more. After a throw it is as before.
    public func renameDestination(
        _ name: String, to newName: String
    ) async throws(BufferError) -> BufferDestination {
        try await onKeeper { buffer throws(BufferError) in try buffer.rename(name, to: newName) }
    }

    /// Takes a destination away with its cursor. Returns how many samples it has not answered for, by job: it
    /// will never get them. Nobody may use its reader any more.
    public func retireDestination(_ name: String) async -> [String: UInt64] {
        await keeper.run { [self] in retire(name) }
    }

    private func onKeeper(
        _ body: @escaping @Sendable (WriteAheadBuffer) throws(BufferError) -> BufferDestination
    ) async throws(BufferError) -> BufferDestination {
        let result: Result<BufferDestination, BufferError> = await keeper.run { [self] in
            do throws(BufferError) { return .success(try body(self)) } catch { return .failure(error) }
        }
        return try result.get()
    }

    func begin(_ name: String) throws(BufferError) -> BufferDestination {
        // No segment goes before the cursor that may need it is known.
        try housekeeping.withLock { _ throws(BufferError) in
            precondition(find(name) == nil, "a destination is opened once")
            let cursor = try state.withLock { state throws(BufferError) -> CursorState in
                guard !state.isClosed else { throw BufferError(.closed, "the buffer is closed") }
                // No frame is appended meanwhile, so the books stand at this position.
                let tail =
                    state.memory.map { BufferPosition(segment: $0.number, offset: $0.length) }
                    ?? state.writer.map { BufferPosition(segment: $0.number, offset: $0.length) }
                    ?? .start(of: state.nextNumber)
                var cursor = CursorState(name: name, mark: tail)
                for (job, total) in books.withLock({ $0.jobs }) {
                    cursor.jobs[job] = CursorState.Job(
                        baseAppended: Int64(clamping: total.appended),
                        baseFailed: Int64(clamping: total.failed))
                }
                return cursor
            }
            let destination = BufferDestination(core: core, cursor: cursor, log: try log(of: cursor))
            destinations.withLock { $0.append(destination) }
            return destination
        }
    }

    func rename(_ name: String, to newName: String) throws(BufferError) -> BufferDestination {
        try housekeeping.withLock { _ throws(BufferError) in
            guard let old = find(name) else { preconditionFailure("what is renamed is there") }
            precondition(find(newName) == nil, "a destination is opened once")
            // Samples that were read for the old name and not answered for are read again for the new one.
            // Samples whose segment was removed meanwhile are counted as dropped now.
            old.takeBack()
            // The new receiver never got the requests that were in flight.
            var cursor = old.cursor
            cursor.rename(to: newName)
            old.willGoOn(as: newName)
            let destination: BufferDestination
            do throws(BufferError) {
                destination = BufferDestination(core: core, cursor: cursor, log: try log(of: cursor))
            } catch {
                old.goesOn()
                throw error
            }
            destinations.withLock { destinations in
                for index in destinations.indices where destinations[index] === old {
                    destinations[index] = destination
                }
            }
            removeCursor(of: old)
            return destination
        }
    }

    func retire(_ name: String) -> [String: UInt64] {
        housekeeping.withLock { _ -> [String: UInt64] in
            guard let old = find(name) else { return [:] }
            destinations.withLock { $0.removeAll { $0 === old } }
            let cursor = old.cursor
            let books = BufferDestination.ledger(cursor, books.withLock { $0.jobs })
            removeCursor(of: old)
            return books.mapValues(\.buffered).filter { $0.value > 0 }
        }
    }

    private func find(_ name: String) -> BufferDestination? {
        destinations.withLock { $0.first { $0.name == name } }
    }

    private func log(of cursor: CursorState) throws(BufferError) -> CursorLog {
        do throws(FileError) {
            let log = try core.evenIfFull { () throws(FileError) in
                try CursorLog(
                    directory: core.directory, state: cursor, salt: core.newSalt(), nowMs: core.clock.wallMs,
                    files: core.files)
            }
            core.names.changed()
            do throws(FileError) {
                // Before the former destination's file goes.
                try core.files.syncDirectory(core.directory)
            } catch {
                var log = log
                // Nobody uses it.
                try? log.close()
                throw error
            }
            return log
        } catch {
            // The name may be there though the folder could not be made durable. No destination has it, so
            // a later one of that name would find a cursor that stood still.
            let path = "\(core.directory)/\(BufferFileName.cursor(cursor.name))"
            do throws(FileError) {
                if try core.files.status(path) != nil { try core.files.remove(path) }
            } catch {
                logger.error(
                    "a cursor that is not used cannot be removed",
                    metadata: ["remote_name": "\(cursor.name)", "err": "\(error)"])
            }
            core.names.changed()
            throw .io("the cursor of \(cursor.name) cannot be written", error)
        }
    }

    /// A file that does not go is removed by the next start: no destination has its name.
    private func removeCursor(of destination: BufferDestination) {
        do throws(FileError) {
            try destination.close()
            try core.files.remove(destination.logPath)
            core.names.changed()
        } catch {
            logger.error(
                "the cursor of a former destination cannot be removed",
                metadata: ["remote_name": "\(destination.name)", "err": "\(error)"])
        }
    }
}
