internal import Logging
internal import Platform
import Synchronization
internal import Telemetry

/// The end of one segment and the beginning of the next.
extension WriteAheadBuffer {
    func needsRotation(_ state: inout State) -> Bool {
        let maxAgeNs = UInt64(configuration.segmentMaxAgeMs) * 1_000_000
        // In its place: a copy would be another holder of its targets.
        if state.writer?.isTorn ?? true { return true }
        if state.writer?.isOld(nowNs: core.clock.elapsedNs, maxAgeNs: maxAgeNs) ?? true { return true }
        if state.writer?.isMostlyOfTheGone() ?? false { return true }
        return state.writer?.isFull(configuration) ?? true
    }

    /// Where a new segment cannot be begun, the old one goes on as long as it takes writes.
    func rotateIfPossible(_ state: inout State) throws(FileError) {
        do throws(FileError) {
            try Self.rotate(&state, books.withLock { $0 }, core)
        } catch {
            guard let writer = state.writer, !writer.isTorn else { throw error }
            core.metrics.faults.error(
                "a segment cannot be begun; the one before goes on",
                ["segment": .stringConvertible(writer.number), "err": "\(error)"], isOfDisk: true)
        }
    }

    /// Begins a new segment on the disk, whether frames went to the disk or to memory before. When it throws,
    /// they go on to where they went. `writtenBytes`: the length of the file that the one in memory has by
    /// now.
    static func rotate(
        _ state: inout State, _ soFar: LedgerRecord, _ core: BufferCore, writtenBytes: UInt64? = nil
    ) throws(FileError) {
        let number = state.nextNumber
        let path = "\(core.directory)/\(BufferFileName.segment(number))"
        // Only a forged name comes so far. A later start would not know the file, nor the places in it.
        guard number <= BufferPosition.maxSegment else {
            throw FileError(
                operation: "begin", path: path, errno: 0,
                message: "no number is left for a segment: move the one with the highest number away")
        }
        if let writer = state.writer { state.previous = (writer.number, writer.length) }
        if let memory = state.memory { state.previous = (memory.number, writtenBytes ?? memory.length) }
        var books = soFar
        books.previousSegment = state.previous.number
        books.previousLength = state.previous.length
        let nowMs = core.clock.wallMs
        let writer: SegmentWriter
        do throws(FileError) {
            writer = try SegmentWriter(
                number: number, path: path, salt: core.newSalt(), nowMs: nowMs, nowNs: core.clock.elapsedNs,
                ledger: books, files: core.files, metrics: core.metrics, memory: core.memory)
        } catch {
            // A file that is left keeps its number. Else the number is used again: a disk that refuses for
            // days would use up those that a start takes for possible.
            if isThere(path, core) { state.nextNumber += 1 }
            throw error
        }
        state.nextNumber += 1
        core.names.changed()
        if let ended = state.writer { hold(ended.tail, &state, core.catalog) }
        state.writer = writer
        state.memory?.end()
        state.memory = nil
        state.owesBooks = false
        core.metrics.writtenBytes.add(writer.length)
        core.metrics.segment.set(Double(number))
        var info = SegmentInfo(
            number: number, path: path, salt: writer.salt, length: writer.length, isActive: true,
            newestTimestampMs: nowMs, before: [:], lastNs: writer.createdNs)
        info.books = books
        core.catalog.add(info)
    }

    /// Whether a file of this name may be there.
    private static func isThere(_ path: String, _ core: BufferCore) -> Bool {
        do throws(FileError) { return try core.files.status(path) != nil } catch { return true }
    }
}
