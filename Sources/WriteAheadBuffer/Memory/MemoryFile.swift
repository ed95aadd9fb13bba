internal import Platform

/// The file of a segment that stands in memory: written from its frames once the disk takes them again.
///
/// It has the segment's number, and each frame says the place that it has in memory. So cursors, readers and
/// requests in flight mean the same by a place before and after, and whatever a crash leaves of the two, none
/// of them need be changed. What has gone from the beginning of the segment is in the file's second books.
///
/// It gets its name once all of it is written, and only if none of its frames was dropped meanwhile: those
/// are booked, and must not be found again. Used by one thread.
struct MemoryFile {
    /// So many are written at a time, or as many as have `pieceBytes` in memory.
    private static let framesAtOnce = 64
    /// After so many bytes the disk is asked again for room.
    private static let pieceBytes: UInt64 = 1 << 20
    /// With no more that are left, the rest is written under the appender's lock.
    private static let mostRest: UInt64 = 16

    private let memory: MemorySegment
    private let files: any FileDoor
    private let directory: String
    private let marginBytes: UInt64?
    private let books: LedgerRecord
    private var writer: SegmentWriter
    /// The place in memory of the frame that is written next.
    private var next: UInt64
    /// The length at which the disk is asked for room.
    private var nextAsked: UInt64 = 0
    /// Whether the file may have its name: a rename that failed may have taken effect.
    private var mayHaveName = false
    let path: String
    /// Frames before it are not in the file.
    let firstPlace: UInt64

    var number: UInt64 { memory.number }
    var salt: UInt32 { writer.salt }
    var length: UInt64 { writer.length }
    var tail: UnsyncedTail { writer.tail }

    /// Begins the file, under a name that has no meaning to a start. `front`: what has gone from the segment.
    /// `marginBytes`: room on the disk that is left to others; nil where nobody needs any.
    init(
        _ info: SegmentInfo, _ memory: MemorySegment, _ front: MemorySegment.Front, marginBytes: UInt64?,
        _ core: BufferCore
    ) throws(FileError) {
        self.memory = memory
        self.marginBytes = marginBytes
        files = core.files
        directory = core.directory
        books = info.books
        path = "\(core.directory)/\(BufferFileName.segment(info.number))"
        let temporary = BufferFileName.unfinished(path)
        // One that an earlier attempt could not remove.
        if try core.files.status(temporary) != nil { try core.files.remove(temporary) }
        firstPlace = front.place
        next = front.place
        writer = try SegmentWriter(
            number: info.number, path: temporary, salt: core.newSalt(), nowMs: core.clock.wallMs,
            nowNs: core.clock.elapsedNs, ledger: info.books, front: front, files: core.files,
            metrics: core.metrics, memory: core.memory)
    }

    /// Writes the frames and makes them durable; those that come meanwhile, too, but for a few at the end.
    /// False where frames went before they were written, where some that may be in the file were dropped, and
    /// where more come than the disk takes: there is nothing to gain by this file. Throws also where the room
    /// on the disk is about to end. Without the appender's lock. `inBetween` is called now and then: a slow
    /// disk takes its time.
    mutating func write(inBetween: () -> Void) throws(FileError) -> Bool {
        // Whoever appends faster than the disk writes does not hold this up for ever.
        let most = 2 * memory.length
        while memory.length > next, next < most {
            try askForRoom()
            guard try writeSome() else { return false }
            inBetween()
        }
        try tail.sync()
        while memory.length > next + Self.mostRest, next < most {
            try askForRoom()
            guard try writeSome() else { return false }
        }
        try askForRoom(besideBytes: 0)
        // What is left is written under the appender's lock.
        return hasNoneDropped && memory.length <= next + UInt64(Self.framesAtOnce)
    }

    /// False where a frame was dropped that may be in the file.
    private var hasNoneDropped: Bool { memory.droppedBefore <= firstPlace }

    /// Throws where a piece of the file would take room that others need: the appender, who may write to a
    /// later segment already, and cursors.
    private mutating func askForRoom() throws(FileError) {
        guard writer.length >= nextAsked else { return }
        // The last frames before it is asked again may be beyond one piece.
        try askForRoom(besideBytes: 2 * Self.pieceBytes)
        nextAsked = writer.length + Self.pieceBytes
    }

    /// Throws where the disk has not so much room beside what is left to others. It only looks: a probe that
    /// takes the room would take it from them.
    private func askForRoom(besideBytes bytes: UInt64) throws(FileError) {
        guard let marginBytes else { return }
        guard let free = files.freeBytes(directory) else {
            // Who does not tell has to be tried.
            return try DiskProbe(directory: directory, files: files).run(bytes: marginBytes + bytes)
        }
        guard free >= marginBytes + bytes else {
            throw FileError(
                operation: "write down", path: path, errno: 28,
                message: "the room that is left is for others")
        }
    }

    /// False where the frames that are to be written have gone, or some that may be in the file were dropped.
    private mutating func writeSome() throws(FileError) -> Bool {
        guard hasNoneDropped,
            let entries = memory.entries(
                from: next, atMost: Self.framesAtOnce, bytes: Int(Self.pieceBytes))
        else { return false }
        for entry in entries {
            try writer.append(entry.frame)
            next += 1
        }
        // The writer leaves a failed sync to a renewal, which a file without a name does not have.
        if tail.isInDoubt { try tail.sync() }
        return true
    }

    /// Writes the rest and gives the file its name. `end`: the books there, where the segment ends now. False
    /// as in `write`. Nobody appends to the segment meanwhile.
    mutating func finish(_ end: LedgerRecord?) throws(FileError) -> Bool {
        while memory.length > next {
            guard try writeSome() else { return false }
        }
        if var end {
            (end.previousSegment, end.previousLength) = (books.previousSegment, books.previousLength)
            try writer.append(end)
        }
        guard hasNoneDropped else { return false }
        mayHaveName = true
        try files.rename(BufferFileName.unfinished(path), to: path)
        return true
    }

    /// Frees the memory of the frames, once the file stands for the segment. There may be many frames, so the
    /// caller must not hold the appender's lock.
    func letGo() { memory.remove(before: UInt64.max) }

    /// Closes and removes the file, which is of no use. False where it may still be there, with its name or
    /// without: then it is to be removed later. Under its name it holds less than memory and nothing wrong.
    func discard() -> Bool {
        // Nothing of it is needed; a descriptor that does not close is the kernel's.
        try? files.close(tail.file)
        let isGone = Self.remove(BufferFileName.unfinished(path), files)
        return (!mayHaveName || Self.remove(path, files)) && isGone
    }

    /// False where the file may still be there.
    static func remove(_ path: String, _ files: any FileDoor) -> Bool {
        do throws(FileError) {
            if try files.status(path) != nil { try files.remove(path) }
            return true
        } catch {
            return false
        }
    }
}
