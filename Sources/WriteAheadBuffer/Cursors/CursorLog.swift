internal import Platform

/// A cursor's file: a snapshot, then changes, each a record. Compacted by writing a new file and renaming it.
struct CursorLog {
    /// A log longer than this is compacted.
    static let compactAboveBytes: UInt64 = 1 << 20

    let path: String
    private let files: any FileDoor
    private let directory: String
    private var file: OpenFile
    private var isClosed = false
    private var salt: UInt32
    private(set) var length: UInt64
    private var scratch = RecordBuffer(capacity: 1_024)
    /// Records were written since the last sync.
    private(set) var isDirty = false
    /// A sync failed: what was written since the one before is in doubt, whatever a later sync says. The log
    /// is to be made anew.
    var isInDoubt = false
    /// A change could not be written, so the log says less than the cursor. Nothing is written behind it:
    /// what a crash leaves has to be a state that the cursor has had. The log is in doubt as well.
    private(set) var lacksChanges = false
    /// An earlier run has written it. What that run wrote last may not be durable, and a sync of it may have
    /// failed: the first sync of this run makes the log anew.
    private(set) var isOfEarlierRun = false
    /// Whether the next sync is to make it anew.
    var isDueAnew: Bool { isInDoubt || isOfEarlierRun || length > Self.compactAboveBytes }

    /// What an existing log says.
    struct Read {
        /// nil when nothing in it can be read.
        var state: CursorState?
        /// Where its last good record ends; what is behind is torn or damaged, and left out.
        var end: UInt64
        var length: UInt64
        /// The salt of its checksums; nil for a log of version 1 or 2, to which nothing may be appended.
        var salt: UInt32?
    }

    /// Reads an existing log; throws when the disk does, or another version of Narthex wrote it. A record
    /// that names a segment above `mostSegment` is damage.
    static func read(
        _ path: String, mostSegment: UInt64 = BufferPosition.maxSegment, files: any FileDoor
    ) throws(BufferError) -> Read {
        let refused: BufferError?
        do throws(FileError) {
            let file = try files.open(path, .read)
            // A descriptor that only read has nothing to lose on close.
            defer { try? files.close(file) }
            var read = Read(state: nil, end: 0, length: try files.length(of: file))
            var window = RecordWindow(file, files: files)
            // One copy of the header is enough.
            let headerBytes = Int(min(read.length, UInt64(FileHeader.sizeBytes)))
            guard try window.require(headerBytes, at: 0, limit: read.length) != nil,
                let header = FileHeader(window.bytes.span.extracting(0..<window.count)),
                header.kind == .cursorLog
            else { return read }
            refused = header.refusal(path)
            if refused == nil {
                let scanner = RecordScanner(window, salt: header.salt)
                if header.version < 3 {
                    try readLanes(scanner, mostSegment, into: &read)
                } else {
                    try self.read(scanner, mostSegment, into: &read)
                    read.salt = header.salt
                }
                return read
            }
        } catch {
            throw .io("the cursor cannot be read", error)
        }
        if let refused { throw refused }
        preconditionFailure("what is not refused was read")
    }

    private static func read(
        _ scanner: RecordScanner, _ mostSegment: UInt64, into read: inout Read
    ) throws(FileError) {
        var scanner = scanner
        var replay = CursorReplay(mostSegment: mostSegment)
        defer { (read.state, read.end) = replay.finish() }
        while case .record(let header, let place) = try scanner.next(limit: read.length) {
            guard let range = try scanner.payload(header, at: place, limit: read.length) else { return }
            let bytes = scanner.bytes
            let payload = bytes.span.extracting(range)
            switch header.type {
            case .snapshot:
                guard let snapshot = CursorCoding.state(payload), replay.begin(snapshot) else { return }
            case .progress:
                guard let change = CursorCoding.change(payload), replay.apply(change) else { return }
            default: return
            }
            guard replay.isRead(upTo: place + UInt64(header.recordBytes)) else { return }
        }
    }

    /// The same as versions 1 and 2 have it. The state is made of the lanes once, at the end: for each record
    /// it would cost as much as there are lanes.
    private static func readLanes(
        _ scanner: RecordScanner, _ mostSegment: UInt64, into read: inout Read
    ) throws(FileError) {
        var scanner = scanner
        var lanes: LaneCursor?
        defer { read.state = lanes?.state }
        while case .record(let header, let place) = try scanner.next(limit: read.length) {
            guard let range = try scanner.payload(header, at: place, limit: read.length) else { return }
            let bytes = scanner.bytes
            let payload = bytes.span.extracting(range)
            switch header.type {
            case .snapshot:
                guard let next = LaneCursor(payload, mostSegment: mostSegment),
                    lanes.map({ next.mayFollow($0) }) ?? true
                else { return }
                lanes = next
            case .progress: guard lanes?.apply(payload) ?? false else { return }
            default: return
            }
            read.end = place + UInt64(header.recordBytes)
        }
    }

    /// Begins a new log that holds `state`, in the place of whatever is there. What it says is durable, its
    /// name only once the directory is synced, by who called: removals of segments become durable with it.
    init(
        directory: String, state: CursorState, salt: UInt32, nowMs: Int64, files: any FileDoor
    ) throws(FileError) {
        self.directory = directory
        self.files = files
        self.salt = salt
        path = "\(directory)/\(BufferFileName.cursor(state.name))"
        let fresh = try Fresh(state, directory: directory, salt: salt, nowMs: nowMs, files: files)
        file = fresh.file
        length = fresh.length
        do throws(FileError) {
            try files.rename(fresh.temporary, to: path)
        } catch {
            // The old log stands; that the new one cannot be closed changes nothing.
            try? files.close(file)
            throw error
        }
    }

    /// Goes on with the log that is there, without waiting for the disk; nil where it says something else
    /// than `state`, is damaged at its end, is another version's, or cannot be written.
    init?(goingOnWith read: Read, directory: String, state: CursorState, files: any FileDoor) {
        let path = "\(directory)/\(BufferFileName.cursor(state.name))"
        // A log that may be read and not written is replaced by a new one; what is wrong shows there.
        guard let salt = read.salt, read.state == state, read.end == read.length,
            let file = try? files.open(path, .update)
        else { return nil }
        self.directory = directory
        self.files = files
        self.salt = salt
        self.path = path
        self.file = file
        length = read.length
        isOfEarlierRun = true
    }

    /// Appends a change; after a throw the log is as before.
    mutating func append(_ change: CursorChange) throws(FileError) {
        scratch.removeAll()
        let start = scratch.begin(.progress)
        CursorCoding.put(change, into: &scratch)
        scratch.end(start, salt: salt)
        // Safety: UInt8 has no padding, so every byte of the span may be read.
        try unsafe files.write(scratch.storage.span.bytes.extracting(0..<scratch.count), to: file, at: length)
        length += UInt64(scratch.count)
        isDirty = true
    }

    /// A change is in the cursor and not in the log.
    mutating func lackChange() {
        lacksChanges = true
        isInDoubt = true
    }

    /// Takes a new file for the log. It is durable but for what changed since it was made: `state` is written
    /// behind it, with all of that.
    mutating func take(_ fresh: Fresh, _ state: CursorState) throws(FileError) {
        scratch.removeAll()
        let start = scratch.begin(.snapshot)
        CursorCoding.put(state, into: &scratch)
        scratch.end(start, salt: fresh.salt)
        do throws(FileError) {
            // Safety: UInt8 has no padding, so every byte of the span may be read.
            try unsafe files.write(
                scratch.storage.span.bytes.extracting(0..<scratch.count), to: fresh.file, at: fresh.length)
            try files.rename(fresh.temporary, to: path)
        } catch {
            // The old log stands; that the new one cannot be closed changes nothing.
            try? files.close(fresh.file)
            throw error
        }
        // The old file has no name any more; what it held stands in the new one.
        try? files.close(file)
        file = fresh.file
        length = fresh.length + UInt64(scratch.count)
        salt = fresh.salt
        isDirty = true
        isInDoubt = false
        lacksChanges = false
        isOfEarlierRun = false
    }

    /// What `sync` outside a lock needs; taking it marks the log as clean. nil when there is nothing to sync.
    mutating func takeForSync() -> OpenFile? {
        guard isDirty, !isInDoubt else { return nil }
        isDirty = false
        return file
    }

    mutating func close() throws(FileError) {
        guard !isClosed else { return }
        isClosed = true
        try files.close(file)
    }

    /// A new log beside the one there is, durable but without its name.
    struct Fresh {
        let file: OpenFile
        let length: UInt64
        let salt: UInt32
        let temporary: String

        init(
            _ state: CursorState, directory: String, salt: UInt32, nowMs: Int64, files: any FileDoor
        ) throws(FileError) {
            var buffer = RecordBuffer()
            let number = BufferFileName.hash(state.name)
            FileHeader(kind: .cursorLog, salt: salt, number: number, createdMs: nowMs).put(into: &buffer)
            let start = buffer.begin(.snapshot)
            CursorCoding.put(state, into: &buffer)
            buffer.end(start, salt: salt)
            self.salt = salt
            length = UInt64(buffer.count)
            temporary = "\(directory)/\(BufferFileName.cursor(state.name)).new"
            file = try files.open(temporary, .update)
            do throws(FileError) {
                try files.truncate(file, to: 0)
                // Safety: UInt8 has no padding, so every byte of the span may be read.
                try unsafe files.write(
                    buffer.storage.span.bytes.extracting(0..<buffer.count), to: file, at: 0)
                // A name may point at the file only once its bytes are durable.
                try files.sync(file)
            } catch {
                // Nothing has this file's name; the next attempt begins it anew.
                try? files.close(file)
                throw error
            }
        }
    }
}
