internal import Logging
internal import Platform

/// Writing the index.
extension SegmentIndex {
    /// Writes the file anew where a segment has ended, or was written anew, since the last time. Of
    /// `segments` those that have ended are durable. What the disk refuses is tried again later; nothing
    /// depends on it. Waits for the disk.
    mutating func update(_ segments: [SegmentInfo], _ core: BufferCore) {
        guard !isClosed, !core.reserve.isGivenUp, pause.isDue(core.clock.monotonicNs) else { return }
        if let fullAtBytes, core.catalog.totalBytes >= fullAtBytes { return }
        let ended = segments.filter(belongs)
        guard ended.contains(where: { written[$0.number] != $0.renewals }) else { return }
        write(ended, nil, core)
    }

    /// Notes `end`, the books where the buffer was closed, with the last segment. Where `end` is nil, as not
    /// everything is durable, the file stays as it is. Nothing is written afterwards.
    mutating func close(_ core: BufferCore, end: LedgerRecord?) {
        defer { isClosed = true }
        guard !isClosed, let end, !core.reserve.isGivenUp, let last = core.catalog.all.last, !last.isInDoubt,
            last.memory == nil
        else { return }
        write(core.catalog.all.dropLast().filter(belongs) + [last], end, core)
    }

    private func belongs(_ segment: SegmentInfo) -> Bool {
        // One that stood in memory is opened: it says more than the index has of it.
        segment.memory == nil && !segment.hasPlaces && !segment.isActive && !segment.isInDoubt
            && !(segment.isOfEarlierRun && leavesOutEarlierRuns)
    }

    private mutating func write(_ segments: [SegmentInfo], _ end: LedgerRecord?, _ core: BufferCore) {
        let path = "\(core.directory)/\(BufferFileName.index)"
        let fresh = BufferFileName.unfinished(path)
        do throws(FileError) {
            let content = content(segments, end, core)
            let file = try core.files.open(fresh, .update)
            do throws(FileError) {
                do throws(FileError) {
                    try core.files.truncate(file, to: 0)
                    // Safety: UInt8 has no padding, so every byte of the span may be read.
                    try unsafe core.files.write(
                        content.storage.span.bytes.extracting(0..<content.count), to: file, at: 0)
                } catch {
                    // What failed is thrown.
                    try? core.files.close(file)
                    throw error
                }
                try core.files.close(file)
                try core.files.rename(fresh, to: path)
            } catch {
                // It has no meaning, and the disk may be full. If it cannot go the next attempt begins it
                // anew.
                try? core.files.remove(fresh)
                throw error
            }
            fullAtBytes = nil
            written = Dictionary(
                segments.map { ($0.number, $0.renewals) }, uniquingKeysWith: { _, last in last })
            pause.succeeded()
        } catch {
            pause.failed(core.clock.monotonicNs)
            if error.isNoSpace { fullAtBytes = core.catalog.totalBytes }
            logger.debug(
                "the index of segments cannot be written: without it the next start opens each of them",
                metadata: ["err": "\(error)"])
        }
    }

    /// The newest come first, so that a long one lacks the oldest.
    private mutating func content(
        _ segments: [SegmentInfo], _ end: LedgerRecord?, _ core: BufferCore
    ) -> RecordBuffer {
        let salt = core.newSalt()
        var buffer = RecordBuffer()
        FileHeader(kind: .segmentIndex, salt: salt, number: 0, createdMs: core.clock.wallMs)
            .put(into: &buffer)
        var former = known
        known = [:]
        for segment in segments.reversed() {
            let earlier = former.removeValue(forKey: segment.number)
            var status = earlier?.renewals == segment.renewals ? earlier?.status : nil
            // A file that cannot be looked at has no entry.
            if status == nil { status = try? core.files.status(segment.path) }
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
        buffer.putFixed32(entry.info.version)
        buffer.putByte(entry.info.features)
        buffer.putFixed64(UInt64(bitPattern: entry.info.newestTimestampMs))
        entry.info.books.put(into: &buffer)
        buffer.end(start, salt: salt)
        guard let end = entry.end else { return }
        let books = buffer.begin(.ledger)
        end.put(into: &buffer)
        buffer.end(books, salt: salt)
    }
}
