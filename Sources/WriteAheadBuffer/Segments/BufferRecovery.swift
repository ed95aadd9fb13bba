internal import Logging
internal import MetricModel
internal import Platform

/// What an earlier run left in the directory. Takes from the index what segments begin with, and opens those
/// that it does not have. Of these it reads no more than the beginning, unless that is damaged. The last
/// segment is walked, unless the buffer was closed in order.
struct BufferRecovery {
    private struct Opened {
        var info: SegmentInfo
        /// The books it begins with; nil when they are damaged.
        var books: LedgerRecord?
        /// Those at its end, where the index has them.
        var end: LedgerRecord?
        /// The index has it: it was durable when it was noted there, and has not changed since.
        var isProven = false
    }

    private(set) var segments: [SegmentInfo] = []
    /// The books at the end of the last segment.
    private(set) var ledger = LedgerRecord()
    /// Damage may have taken samples from the books that cursors have counted: they are to be counted anew.
    private(set) var isInDoubt = false
    /// A segment's first ledger record was damaged.
    private(set) var hasLostBooks = false
    /// Segments that may not be durable, oldest first: all that the index does not have.
    private(set) var unproven: [UInt64] = []
    /// Greater than every number met, so that none is used twice.
    private(set) var nextNumber: UInt64 = 1

    /// Segments whose file was there and empty.
    private var emptied: Set<UInt64> = []

    private let files: any FileDoor
    private let metrics: BufferMetrics
    private let logger: Logger

    init(
        directory: String, files: any FileDoor, metrics: BufferMetrics, logger: Logger
    ) throws(BufferError) {
        self.files = files
        self.metrics = metrics
        self.logger = logger
        let names: [String]
        do throws(FileError) {
            names = try files.list(directory)
        } catch {
            throw .io("the storage directory cannot be listed", error)
        }
        let index = SegmentIndex.read(directory, files: files)
        var opened: [Opened] = []
        for name in names {
            if BufferFileName.isUnfinished(name) {
                // It was never renamed to its place, so nothing is lost with it. If it cannot be removed, the
                // next start tries again.
                try? files.remove("\(directory)/\(name)")
            }
            guard let number = BufferFileName.segmentNumber(name) else { continue }
            nextNumber = max(nextNumber, number + 1)
            let path = "\(directory)/\(name)"
            if let entry = index[number], isCurrent(entry, path) {
                opened.append(
                    Opened(info: entry.info, books: entry.info.books, end: entry.end, isProven: true))
            } else if let segment = try open(number, path) {
                opened.append(segment)
            }
        }
        opened.sort { $0.info.number < $1.info.number }
        try chain(&opened)
        segments = opened.map(\.info)
        unproven = opened.filter { !$0.isProven }.map(\.info.number)
        guard let last = opened.last else { return }
        guard let end = last.end else {
            try readLast(last.info, last.books ?? LedgerRecord())
            return
        }
        let newestMs = max(last.info.newestTimestampMs, end.newestTimestampMs)
        segments[segments.count - 1].newestTimestampMs = newestMs
        ledger = end
    }

    /// Whether the entry is about the file that is there, and this version can read that.
    private func isCurrent(_ entry: SegmentIndex.Entry, _ path: String) -> Bool {
        // What cannot be read is opened, which refuses it.
        let info = entry.info
        guard
            FileHeader.reasonNotRead(path, .segment, version: info.version, features: info.features) == nil
        else { return false }
        // A file that cannot be looked at is opened, which says why.
        return entry.isOf(try? files.status(path))
    }

    /// No segment may have a number that a cursor knows: after power loss a segment may be gone that a cursor
    /// names.
    mutating func reserve(upTo number: UInt64) { nextNumber = max(nextNumber, number + 1) }

    private mutating func open(_ number: UInt64, _ path: String) throws(BufferError) -> Opened? {
        let refused: BufferError?
        do throws(FileError) {
            let file = try files.open(path, .read)
            // Only read from: nothing is lost if the close fails.
            defer { try? files.close(file) }
            let length = try files.length(of: file)
            var window = RecordWindow(file, files: files)
            // The header and the books behind it are seldom longer than a page.
            window.reach = .page
            let headerBytes = Int(min(length, UInt64(FileHeader.sizeBytes)))
            guard try window.require(headerBytes, at: 0, limit: length) != nil,
                headerBytes == FileHeader.sizeBytes,
                let header = FileHeader(window.bytes.span.extracting(0..<window.count)),
                header.kind == .segment,
                header.number == number
            else {
                let isZero = window.bytes.prefix(headerBytes).allSatisfy { $0 == 0 }
                let isBlank = headerBytes < FileHeader.sizeBytes || (isZero && window.count >= headerBytes)
                passOver(number, path, length, isBlank: isBlank)
                return nil
            }
            refused = header.refusal(path)
            if refused == nil {
                var info = SegmentInfo(
                    number: number, path: path, salt: header.salt, length: length, isActive: false,
                    newestTimestampMs: header.createdMs, before: [:])
                info.version = header.version
                info.features = header.features
                return try beginning(info, window)
            }
        } catch {
            throw .io("a segment cannot be opened", error, segment: number)
        }
        if let refused { throw refused }
        preconditionFailure("what is not refused was opened")
    }

    /// A segment whose header cannot be read, and so nothing else. `isBlank`: there are only zeros in its
    /// place, or the file ends within it. Every sync makes the header durable with the rest, so nothing in
    /// the file was: a power loss has left its length, or a few sectors.
    private mutating func passOver(_ number: UInt64, _ path: String, _ length: UInt64, isBlank: Bool) {
        if length > 0 { metrics.damaged(segment: number, offset: 0, bytes: length) }
        guard !isBlank else {
            // Begun right before a crash. If it cannot go it is met again.
            if length == 0 { emptied.insert(number) }
            try? files.remove(path)
            return
        }
        logger.error(
            "a segment has no readable header and is left alone",
            metadata: [
                "segment": .stringConvertible(number), "path": "\(path)", "bytes": .stringConvertible(length),
            ])
    }

    private func beginning(_ info: SegmentInfo, _ window: RecordWindow) throws(FileError) -> Opened {
        var opened = Opened(info: info)
        var scanner = RecordScanner(window, salt: info.salt)
        if case .record(let record, let place) = try scanner.next(limit: info.length), record.type == .ledger,
            place == UInt64(FileHeader.sizeBytes),
            let range = try scanner.payload(record, at: place, limit: info.length)
        {
            let bytes = scanner.bytes
            opened.books = LedgerRecord(bytes.span.extracting(range))
            if info.hasPlaces {
                let next = place + UInt64(record.recordBytes)
                opened.info.firstPlace = try firstPlace(info, at: next, &scanner)
            }
        }
        return opened
    }

    /// Where the first frame stood, when the file was begun, of a segment that stood in memory: its second
    /// books say so. 0 where they are damaged.
    private func firstPlace(
        _ info: SegmentInfo, at next: UInt64, _ scanner: inout RecordScanner
    ) throws(FileError) -> UInt64 {
        guard case .record(let record, let place) = try scanner.next(limit: info.length), place == next,
            record.type == .ledger, let range = try scanner.payload(record, at: place, limit: info.length)
        else { return 0 }
        let bytes = scanner.bytes
        guard let books = LedgerRecord(bytes.span.extracting(range)), books.previousSegment == info.number,
            books.previousLength <= UInt64(Int64.max)
        else { return 0 }
        return books.previousLength
    }

    /// Fits each segment to its neighbours: its length and newest timestamp are what the following one's
    /// books say, and books that are damaged are made from a neighbour's.
    private mutating func chain(_ opened: inout [Opened]) throws(BufferError) {
        for index in opened.indices {
            if opened[index].books == nil {
                isInDoubt = true
                hasLostBooks = true
                opened[index].books = try index > 0 ? booksBehind(opened[index - 1]) : booksBefore(opened)
            }
            guard let books = opened[index].books else { continue }
            opened[index].info.books = books
            // Something was in it after all.
            if emptied.contains(books.previousSegment), books.previousLength > 0 {
                metrics.damaged(segment: books.previousSegment, offset: 0, bytes: books.previousLength)
            }
            guard index > 0 else { continue }
            // Older than its own creation it cannot be by more than its frames' timestamps say.
            opened[index - 1].info.newestTimestampMs = max(
                opened[index - 1].info.newestTimestampMs, books.newestTimestampMs)
            // A write that failed may have left bytes behind the end: they were never part of it.
            if books.previousSegment == opened[index - 1].info.number, books.previousLength > 0 {
                let length = opened[index - 1].info.length
                // One that stood in memory got its name once it was written in full, so it has no such rest.
                if opened[index - 1].info.hasPlaces {
                    let firstPlace = opened[index - 1].info.firstPlace
                    if Self.mayLackItsEnd(length, books.previousLength, firstPlace) { isInDoubt = true }
                    continue
                }
                opened[index - 1].info.length = min(length, books.previousLength)
                // Where it was cut between two records, nobody who reads it would notice.
                if length < books.previousLength {
                    metrics.damaged(
                        segment: books.previousSegment, offset: length, bytes: books.previousLength - length)
                }
            }
        }
    }

    /// Whether the power may have taken the end of a file whose frames say their places: `length` is what it
    /// has, `stated` what the next segment's books say. No cursor shows by its place that it stands behind
    /// that end, so they are counted anew. What is stated may as well be the length in memory, which is a
    /// place, and no less than the first one. Where even the first one is greater than the file, it is taken
    /// for that: the power takes a few frames only.
    private static func mayLackItsEnd(_ length: UInt64, _ stated: UInt64, _ firstPlace: UInt64) -> Bool {
        length < stated && (stated < firstPlace || firstPlace <= length)
    }

    private func booksBehind(_ earlier: Opened) throws(BufferError) -> LedgerRecord {
        try earlier.info.walk(books: earlier.books ?? LedgerRecord(), files: files).books
    }

    /// The oldest segment's: what the second begins with, less what the first holds.
    private func booksBefore(_ opened: [Opened]) throws(BufferError) -> LedgerRecord {
        var books = LedgerRecord()
        guard opened.count > 1, let second = opened[1].books else { return books }
        let held = try opened[0].info.walk(books: LedgerRecord(), files: files).books
        for (job, total) in second.jobs {
            let own = held.jobs[job]?.appended ?? 0
            books.jobs[job] = JobTotal(
                appended: total.appended - min(own, total.appended), failed: total.failed)
        }
        return books
    }

    /// Walks the last segment: what is torn at its end is cut off, and the books are brought up to its end.
    private mutating func readLast(_ last: SegmentInfo, _ books: LedgerRecord) throws(BufferError) {
        let walked = try last.walk(books: books, files: files)
        // A cursor may have answered for frames that came behind the file, or that the power took.
        if walked.isDamaged || last.hasPlaces { isInDoubt = true }
        if walked.end < last.length {
            logger.warning(
                "the torn end of the last segment is cut off",
                metadata: [
                    "segment": .stringConvertible(last.number), "offset": .stringConvertible(walked.end),
                    "bytes": .stringConvertible(last.length - walked.end),
                ])
            do throws(FileError) {
                let file = try files.open(last.path, .update)
                // What is cut is past any reader; a descriptor that does not close is the kernel's.
                defer { try? files.close(file) }
                try files.truncate(file, to: walked.end)
                if unproven.last != last.number { unproven.append(last.number) }
            } catch {
                throw .io(
                    "the torn end of a segment cannot be cut off", error, segment: last.number,
                    offset: walked.end)
            }
        }
        let index = segments.count - 1
        segments[index].length = walked.end
        segments[index].newestTimestampMs = max(
            segments[index].newestTimestampMs, walked.books.newestTimestampMs)
        ledger = walked.books
    }
}
