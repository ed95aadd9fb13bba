internal import Platform

/// What is found, as many as are kept.
final class FindingList {
    /// A hostile or a ruined directory must not fill the memory. The rest is counted.
    static let most = 10_000

    private(set) var all: [BufferFinding] = []
    private(set) var more = 0
    private(set) var hasDamage = false
    private(set) var hasUnreadable = false
    /// By job, samples that damage took, as far as findings say so; also those that are not listed.
    private(set) var lost: [String: UInt64] = [:]
    /// By job, samples of segments that are not in the directory.
    private(set) var absent: [String: UInt64] = [:]
    /// Whether something in a segment may have taken more samples than `lost` has.
    private(set) var mayHaveLostMore = false
    /// Findings that do not say how many samples are lost by them, and no books have told since.
    private var isUncounted = false

    func add(_ finding: BufferFinding) {
        hasDamage = hasDamage || finding.what.isDamage
        hasUnreadable = hasUnreadable || finding.what == .unreadable
        if let samples = finding.samples, let job = finding.job {
            if finding.what == .absent {
                absent[job] = SampleCount.sum(absent[job] ?? 0, samples)
            } else {
                lost[job] = SampleCount.sum(lost[job] ?? 0, samples)
            }
        } else if finding.what.mayCostSamples, BufferFileName.segmentNumber(finding.file) != nil {
            isUncounted = true
        }
        if all.count < Self.most { all.append(finding) } else { more += 1 }
    }

    /// Nothing else will tell what findings so far have cost, unless `isCounted`: books have told it.
    func conclude(isCounted: Bool) {
        mayHaveLostMore = mayHaveLostMore || (isUncounted && !isCounted)
        isUncounted = false
    }

    func add(_ what: BufferFinding.What, _ file: String, at offset: UInt64 = 0, bytes: UInt64 = 0) {
        add(BufferFinding(what: what, file: file, offset: offset, bytes: bytes))
    }

    /// The file cannot be read for this reason. One that is gone is none: an agent has removed it.
    func addUnreadable(_ file: String, _ reason: String, at offset: UInt64 = 0, errno: Int32? = nil) {
        guard errno != 2 else { return }
        var finding = BufferFinding(what: .unreadable, file: file, offset: offset)
        finding.reason = reason
        add(finding)
    }
}

/// A file of a buffer, open for reading as long as the object lives, so that it stays readable when an agent
/// removes or replaces it.
final class ExaminedFile {
    let name: String
    /// Bytes when it was opened.
    let length: UInt64
    /// nil where it cannot be read, which was told.
    private(set) var header: FileHeader?
    let status: FileStatus
    private let file: OpenFile
    private let files: any FileDoor

    private init(
        _ name: String, _ file: OpenFile, _ length: UInt64, _ status: FileStatus, _ files: any FileDoor
    ) {
        self.name = name
        self.file = file
        self.length = length
        self.status = status
        self.files = files
    }

    deinit {
        // Only read from: nothing is lost if the close fails.
        try? files.close(file)
    }

    /// Opens a file and reads both copies of its header, which `isOwn` knows. nil where there is no such file
    /// any more, or it is empty or cannot be opened. What is wrong is told.
    static func open(
        _ name: String, in directory: String, files: any FileDoor, _ findings: FindingList,
        isOwn: (FileHeader) -> Bool
    ) -> ExaminedFile? {
        let path = "\(directory)/\(name)"
        do throws(FileError) {
            // A pipe of that name would be waited for.
            guard let status = try files.status(path), status.isRegular else { return nil }
            let file = try files.open(path, .read)
            let length: UInt64
            do throws(FileError) {
                length = try files.length(of: file)
            } catch {
                try? files.close(file)
                throw error
            }
            let examined = ExaminedFile(name, file, length, status, files)
            // An empty one has been begun, and nothing was written yet.
            guard length > 0 else { return nil }
            try examined.readHeader(path, findings, isOwn)
            return examined
        } catch {
            findings.addUnreadable(name, "\(error)", errno: error.errno)
            return nil
        }
    }

    private func readHeader(
        _ path: String, _ findings: FindingList, _ isOwn: (FileHeader) -> Bool
    ) throws(FileError) {
        var window = RecordWindow(file, files: files)
        window.reach = .wanted
        let wanted = Int(min(length, UInt64(FileHeader.sizeBytes)))
        _ = try window.require(wanted, at: 0, limit: length)
        let bytes = window.bytes
        let copies = (0..<2).map { copy -> FileHeader? in
            let start = copy * FileHeader.copyBytes
            guard start + FileHeader.copyBytes <= window.count,
                let header = FileHeader(bytes.span.extracting(start..<start + FileHeader.copyBytes)),
                isOwn(header)
            else { return nil }
            return header
        }
        guard let found = copies[0] ?? copies[1] else {
            findings.add(.header, name, bytes: length)
            return
        }
        for copy in 0..<2 where copies[copy] == nil {
            let size = FileHeader.copyBytes
            findings.add(.headerCopy, name, at: UInt64(copy * size), bytes: UInt64(size))
        }
        if let reason = found.reasonNotRead(path) {
            findings.addUnreadable(name, reason)
        } else {
            header = found
        }
    }

    /// Reads its records from a place on.
    func scanner(_ header: FileHeader, from offset: UInt64 = UInt64(FileHeader.sizeBytes)) -> RecordScanner {
        RecordScanner(RecordWindow(file, files: files), salt: header.salt, offset: offset)
    }

    /// The books that a segment begins with; nil where they cannot be read.
    var books: LedgerRecord? {
        guard let header else { return nil }
        var scanner = scanner(header)
        // What the disk refuses is told when the segment is walked.
        guard let (record, place) = try? scanner.nextInOrder(limit: length), record.type == .ledger,
            let range = try? scanner.payload(record, at: place, limit: length)
        else { return nil }
        let bytes = scanner.bytes
        return LedgerRecord(bytes.span.extracting(range))
    }
}
