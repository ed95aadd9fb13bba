internal import Platform

/// Asks a disk that has refused frames whether it takes them again: makes a file as a segment is made, makes
/// it durable and removes it. So the appender need not find out, and no segment is begun on a disk that
/// takes its beginning and nothing more.
struct DiskProbe {
    /// What is written; no file system keeps so much in the file's inode.
    private static let writtenBytes = 8 << 10

    private let path: String
    private let files: any FileDoor

    init(directory: String, files: any FileDoor) {
        path = "\(directory)/\(BufferFileName.probe)"
        self.files = files
    }

    /// Removes a file that a killed run has left: it may take as much room as a segment's beginning.
    func clear() {
        // Whatever cannot be looked at or removed now is tried again by the next start.
        guard (try? files.status(path)) != nil else { return }
        try? files.remove(path)
    }

    /// Throws what the disk says. `bytes` is how much room there has to be.
    func run(bytes: UInt64) throws(FileError) {
        let file = try files.open(path, .update)
        do throws(FileError) {
            try files.truncate(file, to: 0)
            if bytes > 0 { try files.allocate(file, length: bytes) }
            let content = FillerBytes.make(count: Self.writtenBytes)
            // Safety: UInt8 has no padding, so every byte of the span may be read.
            try unsafe files.write(content.span.bytes, to: file, at: 0)
            try files.sync(file)
        } catch {
            // What failed is thrown. A file that stays is written over by the next attempt.
            try? files.close(file)
            try? files.remove(path)
            throw error
        }
        // It has taken all of it. A file that stays is written over by the next attempt.
        try? files.close(file)
        try? files.remove(path)
    }
}
