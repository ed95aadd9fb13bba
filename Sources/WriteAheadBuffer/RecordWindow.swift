internal import Platform

/// A file seen through a sliding piece of it, so that reading costs the piece's memory and no more.
struct RecordWindow: Sendable {
    /// Read at a time; a longer record makes the window as long as itself.
    static let pieceBytes = 128 << 10

    let file: OpenFile
    private let files: any FileDoor
    private(set) var bytes: [UInt8] = []
    /// Where in the file `bytes` begins.
    private(set) var start: UInt64 = 0

    init(_ file: OpenFile, files: any FileDoor) {
        self.file = file
        self.files = files
    }

    /// Makes the `count` bytes at `offset` part of the window and returns where in `bytes` they begin; nil when the
    /// file (of which `limit` bytes count) does not have them.
    mutating func require(_ count: Int, at offset: UInt64, limit: UInt64) throws(FileError) -> Int? {
        guard count >= 0, offset <= limit, UInt64(count) <= limit - offset else { return nil }
        if offset >= start, offset + UInt64(count) <= start + UInt64(bytes.count) { return Int(offset - start) }
        let wanted = Int(min(limit - offset, UInt64(max(count, Self.pieceBytes))))
        if bytes.count != wanted {
            if wanted < bytes.count, bytes.count <= Self.pieceBytes {
                bytes.removeLast(bytes.count - wanted)
            } else {
                bytes = Array(repeating: 0, count: wanted)
            }
        }
        let (door, source) = (files, file)
        var span = bytes.mutableSpan
        // Safety: UInt8 has no bit pattern that is not a value.
        var raw = unsafe span.mutableBytes
        let done = try door.read(into: &raw, from: source, at: offset)
        start = offset
        if done < bytes.count { bytes.removeLast(bytes.count - done) }
        return done >= count ? 0 : nil
    }

    /// Forgets what it read: the file may have grown where it ended.
    mutating func forget() {
        bytes.removeAll(keepingCapacity: true)
        start = 0
    }
}
