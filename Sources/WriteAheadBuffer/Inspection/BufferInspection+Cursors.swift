internal import Platform

extension BufferInspection {
    struct Cursor {
        var destination: BufferSurvey.Destination
        /// nil where nothing in the cursor can be read.
        var state: CursorState?
    }

    /// Reads the cursors among `names`.
    func cursors(_ names: [String], _ findings: FindingList) -> [Cursor] {
        let newest = names.compactMap { BufferFileName.segmentNumber($0) }.max() ?? 0
        // What names a higher segment is damage, also to a start.
        let most = min(newest + BufferPosition.mostSegmentsLost, BufferPosition.maxSegment)
        return names.filter { BufferFileName.isCursor($0) }.compactMap { cursor($0, most, findings) }
    }

    /// nil where the file is gone or cannot be opened.
    private func cursor(_ name: String, _ mostSegment: UInt64, _ findings: FindingList) -> Cursor? {
        // A running agent may put a new file in the place of the one that was opened.
        for attempt in 0..<3 {
            let file = ExaminedFile.open(name, in: directory, files: files, findings) {
                $0.kind == .cursorLog
            }
            guard let file else { return nil }
            guard let header = file.header else { return Cursor(file) }
            let read: CursorLog.Read
            do throws(BufferError) {
                read = try CursorLog.read("\(directory)/\(name)", mostSegment: mostSegment, files: files)
            } catch {
                findings.addUnreadable(name, "\(error)", errno: error.cause?.errno)
                return nil
            }
            guard read.salt == (header.version < 3 ? nil : header.salt) else { continue }
            var what: BufferFinding.What?
            do throws(FileError) {
                what = try wrong(in: file, header, read)
            } catch {
                findings.addUnreadable(name, "\(error)")
            }
            // What is appended meanwhile may look damaged once.
            if attempt < 2, what?.isDamage ?? false { continue }
            let end = max(read.end, UInt64(FileHeader.sizeBytes))
            if let what { findings.add(what, name, at: end, bytes: read.length - min(end, read.length)) }
            return Cursor(file, read.state)
        }
        findings.addUnreadable(name, "an agent replaces it again and again")
        return nil
    }

    /// What is wrong where the cursor's log cannot be read any more; nil where all of it can be.
    private func wrong(
        in file: ExaminedFile, _ header: FileHeader, _ read: CursorLog.Read
    ) throws(FileError) -> BufferFinding.What? {
        guard read.end < read.length else { return nil }
        var scanner = file.scanner(header, from: max(read.end, UInt64(FileHeader.sizeBytes)))
        var first: BufferFinding.What?
        while true {
            switch try scanner.next(limit: read.length) {
            // A log gets its name once its beginning is durable: what follows may be torn, and that not.
            case .end: return read.state == nil ? first ?? .record : .unfinished
            case .damage: first = first ?? .record
            case .record(let record, let place):
                // An intact record behind shows that it is no torn end.
                guard try scanner.payload(record, at: place, limit: read.length) == nil else {
                    return first ?? .content
                }
                first = first ?? .checksum
            }
        }
    }
}

extension BufferInspection.Cursor {
    fileprivate init(_ file: ExaminedFile, _ state: CursorState? = nil) {
        destination = BufferSurvey.Destination(
            name: state?.name, file: file.name, bytes: file.length, mark: state?.mark,
            ranges: state?.answered.count ?? 0, requests: state?.sent.count ?? 0)
        self.state = state
    }
}
