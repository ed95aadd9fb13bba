internal import MetricModel
internal import Platform

extension SegmentInfo {
    /// What a walk over a whole segment finds.
    struct Walked {
        /// Where the last intact record ends.
        var end: UInt64
        /// The books there.
        var books: LedgerRecord
        /// Something before `end` could not be read.
        var isDamaged = false
    }

    /// Reads every intact record. `books` are those at the segment's beginning; a ledger record in it
    /// overrules them. Samples that a damage took are in the books where a later frame of the job says so, as
    /// for `FrameReader`.
    func walk(books: LedgerRecord, files: any FileDoor) throws(BufferError) -> Walked {
        var walked = Walked(end: UInt64(FileHeader.sizeBytes), books: books)
        let before = books.jobs
        var jobs: [UInt32: String] = [:]
        do throws(FileError) {
            let file = try files.open(path, .read)
            // Only read from: nothing is lost if the close fails.
            defer { try? files.close(file) }
            var scanner = RecordScanner(RecordWindow(file, files: files), salt: salt)
            while true {
                switch try scanner.next(limit: length) {
                case .end: return walked
                case .damage(_, let end): if end < length { walked.isDamaged = true }
                case .record(let header, let place):
                    guard let range = try scanner.payload(header, at: place, limit: length) else {
                        if place + UInt64(header.recordBytes) < length { walked.isDamaged = true }
                        continue
                    }
                    let bytes = scanner.bytes
                    walked.take(header, bytes.span.extracting(range), before, &jobs, hasPlaces: hasPlaces)
                    walked.end = place + UInt64(header.recordBytes)
                }
            }
        } catch {
            throw .io("a segment cannot be read", error, segment: number)
        }
    }
}

extension SegmentInfo.Walked {
    fileprivate mutating func take(
        _ header: RecordHeader, _ payload: Span<UInt8>, _ before: [String: JobTotal],
        _ jobs: inout [UInt32: String], hasPlaces: Bool
    ) {
        switch header.type {
        case .ledger: if let record = LedgerRecord(payload) { books = record }
        case .target: if let target = StatementCoding.target(payload) { jobs[header.subject] = target.job }
        case .frame:
            var offset = 0
            guard let prefix = FramePrefix(payload, &offset, hasPlace: hasPlaces),
                let job = jobs[header.subject]
            else { return }
            let inSegment = prefix.jobBefore + UInt64(prefix.sampleCount)
            let atEnd = SampleCount.sum(before[job]?.appended ?? 0, inSegment)
            books.jobs[job, default: JobTotal()].appended = max(atEnd, books.jobs[job]?.appended ?? 0)
            books.newestTimestampMs = max(books.newestTimestampMs, prefix.timestampMs)
        default: return
        }
    }
}
