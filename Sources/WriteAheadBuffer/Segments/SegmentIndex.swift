internal import Logging
internal import Platform

/// What the ended segments begin with, in one file: a start reads it instead of opening each of them.
///
/// It is a copy of what stands in the segments and may be absent, old or damaged at any time. An entry counts
/// only for a file that has the inode, the length and the time of its last change that the entry names; any
/// other segment is opened. So it is not made durable.
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
    /// The oldest segments are left out of a longer one.
    var mostBytes = SegmentIndex.mostBytes

    /// Segments that the file on the disk is about, with how often they had been written anew by then.
    private var written: [UInt64: Int] = [:]
    /// By segment: its file's status never changes once it is ended, unless it is written anew.
    private var known: [UInt64: (renewals: Int, status: FileStatus)] = [:]
    private var pause = RetryPause()
    /// The directory may be another process'.
    private(set) var isClosed = false
    /// Segments of earlier runs are left out: some of their books were damaged, which the next start is to
    /// find out by itself.
    private let leavesOutEarlierRuns: Bool

    private let logger: Logger

    init(leavesOutEarlierRuns: Bool, logger: Logger) {
        self.leavesOutEarlierRuns = leavesOutEarlierRuns
        self.logger = logger
    }

    // MARK: writing

    /// Writes the file anew where a segment has ended, or was written anew, since the last time. What the
    /// disk refuses is tried again later; nothing depends on it. Waits for the disk.
    mutating func update(_ core: BufferCore) {
        guard !isClosed, !core.reserve.isGivenUp, pause.isDue(core.clock.monotonicNs) else { return }
        let ended = core.catalog.all.filter(belongs)
        guard ended.contains(where: { written[$0.number] != $0.renewals }) else { return }
        write(ended, nil, core)
    }

    /// Nothing is written from now on. `end`, the books where the buffer was closed, is noted with the last
    /// segment; nil where not everything is durable.
    mutating func close(_ core: BufferCore, end: LedgerRecord?) {
        defer { isClosed = true }
        guard !isClosed, let end, !core.reserve.isGivenUp, let last = core.catalog.all.last, !last.isInDoubt
        else { return }
        write(core.catalog.all.dropLast().filter(belongs) + [last], end, core)
    }

    private func belongs(_ segment: SegmentInfo) -> Bool {
        !segment.isActive && !segment.isInDoubt && !(segment.isOfEarlierRun && leavesOutEarlierRuns)
    }

    private mutating func write(_ segments: [SegmentInfo], _ end: LedgerRecord?, _ core: BufferCore) {
        let path = "\(core.directory)/\(BufferFileName.index)"
        let fresh = BufferFileName.unfinished(path)
        do throws(FileError) {
            let content = try content(segments, end, core)
            let file = try core.files.open(fresh, .update)
            do throws(FileError) {
                try core.files.truncate(file, to: 0)
                // Safety: UInt8 has no padding, so every byte of the span may be read.
                try unsafe core.files.write(
                    content.storage.span.bytes.extracting(0..<content.count), to: file, at: 0)
            } catch {
                // Nothing has this file's name; the next attempt begins it anew, and the disk may be full.
                try? core.files.close(file)
                try? core.files.remove(fresh)
                throw error
            }
            try core.files.close(file)
            try core.files.rename(fresh, to: path)
            written = Dictionary(
                segments.map { ($0.number, $0.renewals) }, uniquingKeysWith: { _, last in last })
            pause.succeeded()
        } catch {
            pause.failed(core.clock.monotonicNs)
            logger.debug(
                "the index of segments cannot be written: without it the next start opens each of them",
                metadata: ["err": "\(error)"])
        }
    }

    /// The newest come first, so that a long one lacks the oldest.
    private mutating func content(
        _ segments: [SegmentInfo], _ end: LedgerRecord?, _ core: BufferCore
    ) throws(FileError) -> RecordBuffer {
        let salt = core.newSalt()
        var buffer = RecordBuffer()
        FileHeader(kind: .segmentIndex, salt: salt, number: 0, createdMs: core.clock.wallMs)
            .put(into: &buffer)
        var former = known
        known = [:]
        for segment in segments.reversed() {
            let earlier = former.removeValue(forKey: segment.number)
            var status = earlier?.renewals == segment.renewals ? earlier?.status : nil
            if status == nil { status = try core.files.status(segment.path) }
            guard let status else { continue }
            known[segment.number] = (segment.renewals, status)
            let isLast = segment.number == segments.last?.number
            // Bytes behind the end are the rest of a write that failed: the next start cuts them off.
            let ends = isLast && segment.length == status.length
            let length = buffer.count
            Self.put(
                Entry(info: segment, status: status, end: ends ? end : nil), salt: salt, into: &buffer)
            guard buffer.count <= mostBytes else {
                buffer.removeLast(buffer.count - length)
                break
            }
        }
        return buffer
    }

    /// An entry is a record; the books at the segment's end are one behind it.
    private static func put(_ entry: Entry, salt: UInt32, into buffer: inout RecordBuffer) {
        let start = buffer.begin(.indexed)
        buffer.putFixed64(entry.info.number)
        buffer.putFixed64(entry.status.inode)
        buffer.putFixed64(UInt64(bitPattern: entry.status.modifiedNs))
        buffer.putFixed64(entry.status.length)
        buffer.putFixed32(entry.info.salt)
        buffer.putFixed64(UInt64(bitPattern: entry.info.newestTimestampMs))
        entry.info.books.put(into: &buffer)
        buffer.end(start, salt: salt)
        guard let end = entry.end else { return }
        let books = buffer.begin(.ledger)
        end.put(into: &buffer)
        buffer.end(books, salt: salt)
    }

    // MARK: reading

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
            while case .record(let record, let place) = try scanner.next(limit: length),
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
            let salt = Wire.fixed32(payload, &offset), let newest = Wire.fixed64(payload, &offset),
            let books = LedgerRecord(payload.extracting(offset..<payload.count))
        else { return nil }
        var info = SegmentInfo(
            number: number, path: "\(directory)/\(BufferFileName.segment(number))", salt: salt,
            length: length, isActive: false, newestTimestampMs: Int64(bitPattern: newest), before: [:])
        info.books = books
        return Entry(
            info: info,
            status: FileStatus(
                modifiedNs: Int64(bitPattern: modified), inode: inode, length: length, isDirectory: false,
                isRegular: true))
    }
}
