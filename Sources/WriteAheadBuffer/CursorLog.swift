internal import Platform

/// A cursor's file: a snapshot, then changes, each a record. Compacted by writing a new file and renaming it.
struct CursorLog {
    /// A log longer than this is compacted.
    static let compactAboveBytes: UInt64 = 1 << 20

    let path: String
    private let files: any FileDoor
    private let directory: String
    private var file: OpenFile
    private var salt: UInt32
    private(set) var length: UInt64
    private var scratch = RecordBuffer(capacity: 1_024)
    /// Records were written since the last sync.
    private(set) var isDirty = false

    /// What an existing log says; nil when nothing in it can be read. A torn or damaged tail is left out.
    static func read(_ path: String, files: any FileDoor) throws(BufferError) -> CursorState? {
        let file: OpenFile
        let limit: UInt64
        do throws(FileError) {
            file = try files.open(path, .read)
            limit = try files.length(of: file)
        } catch {
            throw .io("the cursor cannot be opened", error)
        }
        // A descriptor that only read has nothing to lose on close.
        defer { try? files.close(file) }
        do throws(FileError) {
            var window = RecordWindow(file, files: files)
            guard try window.require(FileHeader.sizeBytes, at: 0, limit: limit) != nil,
                let header = FileHeader(window.bytes.span), header.kind == .cursorLog
            else { return nil }
            guard header.version == FileHeader.formatVersion else {
                throw FileError(
                    operation: "read", path: path, errno: 0,
                    message: "format version \(header.version) is not \(FileHeader.formatVersion), which this "
                        + "version of Narthex writes: run the version that wrote it, or use another directory")
            }
            return try read(RecordScanner(window, salt: header.salt), limit: limit)
        } catch {
            throw .io("the cursor cannot be read", error)
        }
    }

    private static func read(_ scanner: RecordScanner, limit: UInt64) throws(FileError) -> CursorState? {
        var scanner = scanner
        var state: CursorState?
        while case .record(let header, let place) = try scanner.next(limit: limit) {
            guard let range = try scanner.payload(header, at: place, limit: limit) else { return state }
            let bytes = scanner.bytes
            let payload = bytes.span.extracting(range)
            switch header.type {
            case .snapshot:
                guard let snapshot = CursorCoding.state(payload) else { return state }
                state = snapshot
            case .progress:
                guard var next = state, let change = CursorCoding.change(payload), next.apply(change) else {
                    return state
                }
                state = next
            default: return state
            }
        }
        return state
    }

    /// Begins a new log that holds `state`, in the place of whatever is there.
    init(
        directory: String, state: CursorState, salt: UInt32, nowMs: Int64, files: any FileDoor
    ) throws(FileError) {
        self.directory = directory
        self.files = files
        self.salt = salt
        path = "\(directory)/\(BufferFileName.cursor(state.name))"
        (file, length) = try Self.write(
            state, path: path, directory: directory, salt: salt, nowMs: nowMs, files: files)
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

    /// Writes `state` to a new file and takes it for the log.
    mutating func compact(_ state: CursorState, salt: UInt32, nowMs: Int64) throws(FileError) {
        let (fresh, freshLength) = try Self.write(
            state, path: path, directory: directory, salt: salt, nowMs: nowMs, files: files)
        // The old file has no name any more; what it held stands in the new one.
        try? files.close(file)
        file = fresh
        length = freshLength
        self.salt = salt
        isDirty = false
    }

    /// What `sync` outside a lock needs; taking it marks the log as clean.
    mutating func takeForSync() -> OpenFile? {
        guard isDirty else { return nil }
        isDirty = false
        return file
    }

    func close() throws(FileError) { try files.close(file) }

    private static func write(
        _ state: CursorState, path: String, directory: String, salt: UInt32, nowMs: Int64, files: any FileDoor
    ) throws(FileError) -> (OpenFile, UInt64) {
        var buffer = RecordBuffer()
        let number = BufferFileName.hash(state.name)
        FileHeader(kind: .cursorLog, salt: salt, number: number, createdMs: nowMs).put(into: &buffer)
        let start = buffer.begin(.snapshot)
        CursorCoding.put(state, into: &buffer)
        buffer.end(start, salt: salt)
        let temporary = path + ".new"
        let file = try files.open(temporary, .update)
        do throws(FileError) {
            try files.truncate(file, to: 0)
            // Safety: UInt8 has no padding, so every byte of the span may be read.
            try unsafe files.write(buffer.storage.span.bytes.extracting(0..<buffer.count), to: file, at: 0)
            // The name may point at the file only once its bytes are durable.
            try files.sync(file)
            try files.rename(temporary, to: path)
            try files.syncDirectory(directory)
        } catch {
            // The old log stands; that the new one cannot be closed changes nothing.
            try? files.close(file)
            throw error
        }
        return (file, UInt64(buffer.count))
    }
}
