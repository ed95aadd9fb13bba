internal import Logging
internal import Platform

/// What the ended segments begin with, in one file: a start reads it instead of opening each of them.
///
/// It is a copy of what stands in the segments and may be absent, old or damaged at any time. An entry counts
/// only for a file that has the inode, the length and the time of its last change that the entry names; any
/// other segment is opened. So it is not made durable. Only segments that are durable have entries: a start
/// makes the others durable that it finds.
struct SegmentIndex {
    /// One segment's.
    struct Entry: Equatable {
        var info: SegmentInfo
        /// The file when the entry was made.
        var status: FileStatus
        /// The books at the segment's end, where the buffer was closed with everything durable: then nothing
        /// of it need be walked.
        var end: LedgerRecord?

        /// Whether it is about the file that is there now.
        func isOf(_ file: FileStatus?) -> Bool { file == status && status.isRegular }
    }

    /// A longer file is not read.
    static let mostBytes = 4 << 20
    /// The oldest segments are left out of a longer one. A variable for tests.
    var mostBytes = SegmentIndex.mostBytes

    /// Segments that were there when the file was written last, with how often they had been written anew by
    /// then. Those that were left out of a long file are among them.
    var written: [UInt64: Int] = [:]
    /// By segment: its file's status never changes once it is ended, unless it is written anew.
    var known: [UInt64: (renewals: Int, status: FileStatus)] = [:]
    var pause = RetryPause()
    /// The disk had no room for the index when all segments together took so many bytes. It is not tried
    /// again before they take less: what room there is, is the appender's.
    var fullAtBytes: UInt64?
    /// After `close` another process may own the directory: nothing is written any more.
    var isClosed = false
    /// Segments of earlier runs are left out: some of their books were damaged, which the next start is to
    /// find out by itself.
    let leavesOutEarlierRuns: Bool

    let logger: Logger

    init(leavesOutEarlierRuns: Bool, logger: Logger) {
        self.leavesOutEarlierRuns = leavesOutEarlierRuns
        self.logger = logger
    }

    /// The entries of the index in `directory`, by segment, up to the first that is damaged; none where
    /// there is no index, the disk does not give it, or another version wrote it.
    static func read(_ directory: String, files: any FileDoor) -> [UInt64: Entry] {
        var entries: [UInt64: Entry] = [:]
        do throws(FileError) {
            let path = "\(directory)/\(BufferFileName.index)"
            // A pipe of that name would be waited for.
            guard let status = try files.status(path), status.isRegular, status.length <= mostBytes else {
                return [:]
            }
            let file = try files.open(path, .read)
            // Only read from: nothing is lost if the close fails.
            defer { try? files.close(file) }
            let length = try files.length(of: file)
            var window = RecordWindow(file, files: files)
            let headerBytes = Int(min(length, UInt64(FileHeader.sizeBytes)))
            guard length <= mostBytes, try window.require(headerBytes, at: 0, limit: length) != nil,
                let header = FileHeader(window.bytes.span.extracting(0..<window.count)),
                header.kind == .segmentIndex, header.reasonNotRead(path) == nil
            else { return [:] }
            var scanner = RecordScanner(window, salt: header.salt)
            var last: UInt64?
            while let (record, place) = try scanner.nextInOrder(limit: length),
                let range = try scanner.payload(record, at: place, limit: length)
            {
                let bytes = scanner.bytes
                let payload = bytes.span.extracting(range)
                switch record.type {
                case .indexed:
                    guard let entry = entry(payload, directory) else { return entries }
                    entries[entry.info.number] = entry
                    last = entry.info.number
                case .ledger:
                    guard let last, let end = LedgerRecord(payload) else { return entries }
                    entries[last]?.end = end
                default: return entries
                }
            }
        } catch {
            // The segments themselves say all of it.
        }
        return entries
    }

    private static func entry(_ payload: Span<UInt8>, _ directory: String) -> Entry? {
        var offset = 0
        guard let number = Wire.fixed64(payload, &offset), let inode = Wire.fixed64(payload, &offset),
            let modified = Wire.fixed64(payload, &offset), let length = Wire.fixed64(payload, &offset),
            let salt = Wire.fixed32(payload, &offset), let version = Wire.fixed32(payload, &offset),
            let features = Wire.byte(payload, &offset), let newest = Wire.fixed64(payload, &offset),
            let books = LedgerRecord(payload.extracting(offset..<payload.count))
        else { return nil }
        var info = SegmentInfo(
            number: number, path: "\(directory)/\(BufferFileName.segment(number))", salt: salt,
            length: length, isActive: false, newestTimestampMs: Int64(bitPattern: newest), before: [:])
        info.books = books
        info.version = version
        info.features = features
        return Entry(
            info: info,
            status: FileStatus(
                modifiedNs: Int64(bitPattern: modified), inode: inode, length: length, isDirectory: false,
                isRegular: true))
    }
}
