internal import Platform

/// A file seen through a sliding piece of it, so that reading costs the piece's memory and no more.
struct RecordWindow: Sendable {
    /// Read at a time; a longer record makes the window as long as itself.
    static let pieceBytes = 128 << 10

    /// The kernel reads from the disk by pages of this many bytes, and gives a page or nothing.
    static let pageBytes: UInt64 = 4_096

    enum Reach: Sendable {
        /// A whole piece.
        case piece
        /// Up to the end of the last page that is wanted: to search a file that cannot be read everywhere.
        case page
        /// No more than what is wanted: for a place that could not be read.
        case wanted
    }

    let file: OpenFile
    private let files: any FileDoor
    /// The room; only the first `count` bytes have a meaning. Places in it hold until the next `require`;
    /// whoever keeps the array beyond that makes it copy itself.
    private(set) var bytes: [UInt8] = []
    private(set) var count = 0
    /// How much a read takes beyond what is wanted.
    var reach = Reach.piece
    /// Where in the file the window begins.
    private var start: UInt64 = 0

    init(_ file: OpenFile, files: any FileDoor) {
        self.file = file
        self.files = files
    }

    /// Makes the `wanted` bytes at `offset` part of the window and returns where in `bytes` they begin; nil
    /// when the file (of which `limit` bytes count: they are written and stay as they are) does not have
    /// them.
    mutating func require(_ wanted: Int, at offset: UInt64, limit: UInt64) throws(FileError) -> Int? {
        guard wanted >= 0, offset <= limit, UInt64(wanted) <= limit - offset else { return nil }
        if offset >= start, offset - start <= UInt64(count), wanted <= count - Int(offset - start) {
            return Int(offset - start)
        }
        let piece = min(Int(limit - offset), reach(wanted, at: offset))
        // One long record must not cost its size for ever. A read fills the room.
        let isLarge = bytes.count > Self.pieceBytes && piece <= Self.pieceBytes
        if piece > bytes.count || isLarge || reach != .piece {
            bytes = Array(repeating: 0, count: piece)
        }
        count = 0
        start = offset
        let (door, source) = (files, file)
        var span = bytes.mutableSpan
        // Safety: UInt8 has no bit pattern that is not a value.
        var raw = unsafe span.mutableBytes
        // Bytes beyond the limit may not be final: they are read and not counted.
        count = min(piece, try door.read(into: &raw, from: source, at: offset))
        return count >= wanted ? 0 : nil
    }

    private func reach(_ wanted: Int, at offset: UInt64) -> Int {
        switch reach {
        case .piece: return max(wanted, Self.pieceBytes)
        case .page:
            let beyond = Int((offset + UInt64(wanted)) % Self.pageBytes)
            return beyond == 0 ? wanted : wanted + Int(Self.pageBytes) - beyond
        case .wanted: return wanted
        }
    }
}
