internal import MetricModel
public import Platform

/// Looks into a buffer's directory. It locks, changes and makes nothing, so an agent may run there.
///
/// With an agent, what is read is of no one moment: the cursors are read first and then the segments, oldest
/// first, so that nothing counts as answered for that is not in them. A segment that is removed meanwhile is
/// left out.
public struct BufferInspection: Sendable {
    let directory: String
    let files: any FileDoor

    public init(directory: String, files: any FileDoor) {
        self.directory = directory
        self.files = files
    }

    /// Reads everything: each byte of the segments is checked, and each frame decoded. Takes some seconds for
    /// each gigabyte. Throws when the directory cannot be listed; files that cannot be read are among the
    /// findings.
    public func survey() throws(FileError) -> BufferSurvey {
        let names = try files.list(directory)
        let findings = FindingList()
        var survey = BufferSurvey()
        survey.process = process
        let cursors = cursors(names, findings)
        survey.destinations = cursors.map(\.destination)
        let places = cursors.map { $0.state.map { (mark: $0.mark, answered: AnsweredPlaces($0)) } }
        var totals: [String: JobTotal] = [:]
        walk(
            names, from: 1, findings,
            unreadable: { file in
                survey.segments.append(BufferSurvey.Segment(file))
                survey.density[.damaged] += file.length
            }
        ) { (file, surveyor: inout SegmentSurveyor) throws(FileError) -> Bool in
            var segment = BufferSurvey.Segment(file)
            defer {
                survey.segments.append(segment)
                survey.density.add(surveyor.density, of: file.length)
                totals = surveyor.totals
            }
            try surveyor.walk { met in
                guard met.frame != nil else { return true }
                segment.held.add(met)
                survey.held[met.target.job, default: BufferSurvey.Amount()].add(met)
                for (index, place) in places.enumerated() {
                    guard let (mark, answered) = place, mark < met.end else { continue }
                    let open = answered.open(
                        target: met.target.id, from: max(mark, met.start), to: met.end,
                        samples: Int(met.prefix.sampleCount)
                    ).reduce(0) { $0 + $1.count }
                    guard open > 0 else { continue }
                    survey.destinations[index].open[met.target.job, default: BufferSurvey.Amount()].add(
                        met, samples: UInt64(open))
                }
                return true
            }
            return true
        }
        survey.segments.sort { $0.number < $1.number }
        survey.scraped = totals.mapValues { SampleCount.sum($0.appended, $0.failed) }
        for (index, cursor) in cursors.enumerated() {
            guard let state = cursor.state else { continue }
            survey.destinations[index].books = BufferDestination.ledger(state, totals)
        }
        survey.findings = findings.all
        survey.moreFindings = findings.more
        survey.lost = findings.lost
        survey.absent = findings.absent
        survey.mayHaveLostMore = findings.mayHaveLostMore
        survey.isDamaged = findings.hasDamage
        survey.isUnreadable = findings.hasUnreadable
        return survey
    }

    /// Gives `take` the frames that can be decoded, from a place on and in the order of the log, until it is
    /// false. Returns what is wrong with what was read. Throws when the directory cannot be listed.
    public func frames(
        from place: BufferPosition, _ take: (StoredFrame) -> Bool
    ) throws(FileError) -> [BufferFinding] {
        let findings = FindingList()
        walk(try files.list(directory), from: place.segment, findings, unreadable: { _ in }) {
            (_, surveyor: inout SegmentSurveyor) throws(FileError) -> Bool in
            var goesOn = true
            try surveyor.walk { met in
                guard let frame = met.frame, met.end > place else { return true }
                goesOn = take(StoredFrame(frame: frame, start: met.start, end: met.end))
                return goesOn
            }
            return goesOn
        }
        return findings.all
    }

    /// The process that holds the directory's lock; nil where there is none, or it is not known.
    public var process: Int? { LockHolder.pid(of: "\(directory)/\(BufferFileName.lock)", files: files) }

    /// Whether the directory has a segment or a cursor. Throws when it cannot be listed.
    public func hasBuffer() throws(FileError) -> Bool {
        try files.list(directory).contains {
            BufferFileName.segmentNumber($0) != nil || BufferFileName.isCursor($0)
        }
    }

    /// The highest number of a segment; nil without any. Throws when the directory cannot be listed.
    public func newestSegment() throws(FileError) -> UInt64? {
        try files.list(directory).compactMap { BufferFileName.segmentNumber($0) }.max()
    }

    /// Whether there is no such file any more. One that the disk does not show was told when it was opened.
    private func isGone(_ path: String) -> Bool {
        do throws(FileError) {
            return try files.status(path) == nil
        } catch {
            return false
        }
    }

    /// Opens the segments one after the other, oldest first, until `use` is false. Those without a readable
    /// header are given to `unreadable`. What the disk refuses is told.
    private func walk(
        _ names: [String], from first: UInt64, _ findings: FindingList,
        unreadable: (ExaminedFile) -> Void,
        _ use: (ExaminedFile, inout SegmentSurveyor) throws(FileError) -> Bool
    ) {
        let index = SegmentIndex.read(directory, files: files)
        // In the order of their numbers.
        let there = names.filter { BufferFileName.segmentNumber($0).map { $0 >= first } ?? false }
        var ahead = there[...]
        // Those that an agent removed before their turn came.
        var removed: Set<UInt64> = []
        func open() -> (file: ExaminedFile, header: FileHeader)? {
            while let name = ahead.popFirst() {
                let number = BufferFileName.segmentNumber(name)
                let file = ExaminedFile.open(name, in: directory, files: files, findings) {
                    $0.kind == .segment && $0.number == number
                }
                guard let file else {
                    if let number, isGone("\(directory)/\(name)") { removed.insert(number) }
                    continue
                }
                if let header = file.header { return (file, header) }
                unreadable(file)
            }
            return nil
        }
        var totals: [String: JobTotal]?
        var next = open()
        // No books tell what those held that stand before the first that can be read.
        findings.conclude(isCounted: false)
        while let (file, header) = next {
            next = open()
            let books = next?.file.books
            let isRemoved = books.map { removed.contains($0.previousSegment) } ?? false
            let isThere =
                !isRemoved
                && (books.map { there.contains(BufferFileName.segment($0.previousSegment)) } ?? false)
            let end: SegmentSurveyor.End
            if let books {
                // Where the segment between is not on the disk, or was removed before it could be read,
                // nobody says where this one ends: a write that failed may have been its last.
                let isNext = books.previousSegment == header.number && books.previousLength > 0
                // One that stood in memory has nothing behind its end.
                end =
                    header.hasPlaces
                    ? .file : isNext ? .at(books.previousLength) : isThere ? .file : .open
            } else if let entry = index[header.number], entry.end != nil, entry.isOf(file.status) {
                // The buffer was closed in order. An agent also writes entries while it runs, and what such
                // a segment ends with may be the rest of a write that failed.
                end = .file
            } else {
                // Of the last one the books may be about to be written.
                end = ahead.isEmpty ? .open : .file
            }
            var surveyor = SegmentSurveyor(file, header, end: end, before: totals, findings)
            var isCounted = false
            do throws(FileError) {
                guard try use(file, &surveyor) else { return }
                // What a removed segment held is not missing: all of it was answered for, or given up.
                // And where the next segment is not there, nobody knows which of the two had them.
                if let books, !isRemoved {
                    isCounted = surveyor.compare(with: books, isThere: isThere) && isThere
                }
            } catch {
                findings.addUnreadable(file.name, "\(error)", at: surveyor.place)
            }
            findings.conclude(isCounted: isCounted)
            totals = surveyor.hasBooks ? surveyor.totals : nil
        }
    }
}
