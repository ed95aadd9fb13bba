internal import Logging
internal import MetricModel
internal import Platform

/// What an earlier run left in the directory. Reads the last segment, and of the others no more than the beginning.
struct BufferRecovery {
    private(set) var segments: [SegmentInfo] = []
    /// The books at the end of the last segment.
    private(set) var ledger = LedgerRecord()
    /// Greater than every number met, so that none is used twice.
    private(set) var nextNumber: UInt64 = 1

    private let directory: String
    private let files: any FileDoor
    private let logger: Logger

    init(
        directory: String, files: any FileDoor, metrics: BufferMetrics, logger: Logger
    ) throws(BufferError) {
        self.directory = directory
        self.files = files
        self.logger = logger
        let names: [String]
        do throws(FileError) {
            names = try files.list(directory)
        } catch {
            throw .io("the storage directory cannot be listed", error)
        }
        for name in names {
            guard let number = BufferFileName.segmentNumber(name) else { continue }
            nextNumber = max(nextNumber, number + 1)
            if let segment = try open(number, "\(directory)/\(name)", metrics) { segments.append(segment) }
        }
        segments.sort { $0.number < $1.number }
        try readLast(metrics)
    }

    /// No segment may have a number that a cursor knows: after power loss a segment may be gone that a cursor names.
    mutating func reserve(upTo number: UInt64) { nextNumber = max(nextNumber, number + 1) }

    private func open(
        _ number: UInt64, _ path: String, _ metrics: BufferMetrics
    ) throws(BufferError) -> SegmentInfo? {
        do throws(FileError) {
            let file = try files.open(path, .read)
            // Only read from: nothing is lost if the close fails.
            defer { try? files.close(file) }
            let length = try files.length(of: file)
            var window = RecordWindow(file, files: files)
            let headerBytes = Int(min(length, UInt64(FileHeader.sizeBytes)))
            guard try window.require(headerBytes, at: 0, limit: length) != nil,
                let header = FileHeader(window.bytes.span), header.kind == .segment, header.number == number
            else {
                if length > 0 { metrics.damaged(segment: number, offset: 0, bytes: length) }
                logger.error(
                    "a segment has no readable header and is left alone",
                    metadata: ["segment": "\(number)", "path": "\(path)", "bytes": "\(length)"])
                return nil
            }
            guard header.version == FileHeader.formatVersion else {
                throw FileError(
                    operation: "read", path: path, errno: 0,
                    message: "format version \(header.version) is not \(FileHeader.formatVersion), which this "
                        + "version of Narthex writes: run the version that wrote it until it is drained, or use "
                        + "another directory")
            }
            var info = SegmentInfo(
                number: number, path: path, salt: header.salt, length: length, isActive: false,
                newestTimestampMs: Int64.min, before: [:])
            var scanner = RecordScanner(window, salt: header.salt)
            if case .record(let record, let place) = try scanner.next(limit: length), record.type == .ledger,
                let range = try scanner.payload(record, at: place, limit: length)
            {
                let bytes = scanner.bytes
                if let ledger = LedgerRecord(bytes.span.extracting(range)) {
                    info.before = ledger.jobs
                    info.newestTimestampMs = ledger.newestTimestampMs
                }
            }
            return info
        } catch {
            throw .io("a segment cannot be opened", error, segment: number)
        }
    }

    /// Walks the last segment: what is torn at its end is cut off, and the books are brought up to its end.
    private mutating func readLast(_ metrics: BufferMetrics) throws(BufferError) {
        guard let index = segments.indices.last else { return }
        // A segment's own newest timestamp is what the next one's books begin with.
        for earlier in segments.indices.dropLast() {
            segments[earlier].newestTimestampMs = segments[earlier + 1].newestTimestampMs
        }
        let last = segments[index]
        var books = LedgerRecord()
        books.jobs = last.before
        books.newestTimestampMs = last.newestTimestampMs
        var jobs: [UInt32: String] = [:]
        let core = BufferCore(
            directory: directory, catalog: SegmentCatalog(), interner: LayoutInterner(), files: files,
            clock: SystemClock(), metrics: metrics)
        let end = try core.scan(last) { header, _, payload in
            switch header.type {
            case .ledger: if let record = LedgerRecord(payload) { books = record }
            case .target: if let target = StatementCoding.target(payload) { jobs[header.subject] = target.job }
            case .frame:
                var offset = 0
                guard let prefix = FramePrefix(payload, &offset), let job = jobs[header.subject] else { return }
                books.jobs[job, default: JobTotal()].appended += UInt64(prefix.sampleCount)
                books.newestTimestampMs = max(books.newestTimestampMs, prefix.timestampMs)
            default: return
            }
        }
        if end < last.length {
            logger.warning(
                "the torn end of the last segment is cut off",
                metadata: ["segment": "\(last.number)", "offset": "\(end)", "bytes": "\(last.length - end)"])
            do throws(FileError) {
                let file = try files.open(last.path, .update)
                try files.truncate(file, to: end)
                try files.close(file)
            } catch {
                throw .io("the torn end of a segment cannot be cut off", error, segment: last.number, offset: end)
            }
        }
        segments[index].length = end
        segments[index].newestTimestampMs = books.newestTimestampMs
        ledger = books
    }
}
