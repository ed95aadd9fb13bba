internal import Platform
internal import Telemetry

/// One segment as it is read. A read that fails moves nothing: the record that it concerned is given
/// again by the next call, so that a disk which is away for a moment costs no sample.
struct SegmentReader: Sendable {
    /// A place that fails for so long, on a disk that can be read elsewhere, is damage: a bad sector must not
    /// hold up what lies behind it.
    static let patienceNs: UInt64 = 600_000_000_000

    private(set) var info: SegmentInfo
    /// Retention is about to remove the segment: what cannot be read now is damage, since nobody will read
    /// it later.
    private let isLastLook: Bool
    /// nil when the file cannot be opened for a last look.
    private var file: OpenFile?
    private var scanner: RecordScanner?
    /// The header was looked at, or need not be.
    private var hasLookedAtHeader = false
    /// Given by `next`, and not done with.
    private var pending: (header: RecordHeader, place: UInt64)?
    /// The place that could not be read last, and since when.
    private var failing: (place: UInt64, sinceNs: UInt64)?
    private let catalog: SegmentCatalog
    private let files: any FileDoor
    private let metrics: BufferMetrics
    private let clock: any AgentClock

    init(
        _ info: SegmentInfo, isLastLook: Bool, catalog: SegmentCatalog, files: any FileDoor,
        metrics: BufferMetrics,
        clock: any AgentClock
    ) throws(BufferError) {
        self.info = info
        self.isLastLook = isLastLook
        self.catalog = catalog
        self.files = files
        self.metrics = metrics
        self.clock = clock
        do throws(FileError) {
            let file = try files.open(info.path, .read)
            self.file = file
            scanner = RecordScanner(RecordWindow(file, files: files), salt: info.salt)
        } catch {
            guard isLastLook else {
                metrics.readFailures.add()
                throw .io("a segment cannot be opened", error, segment: info.number)
            }
        }
    }

    /// Tells of a segment whose header is damaged, though its records can be read: the start that had it from
    /// the index has not looked at the header, and a start without the index could not read the segment.
    /// Looked at once; a read that fails throws and moves nothing.
    private mutating func checkHeader() throws(BufferError) {
        guard !hasLookedAtHeader, let file else { return }
        hasLookedAtHeader = true
        guard info.isOfEarlierRun, !awaitsRenewal else { return }
        var window = RecordWindow(file, files: files)
        window.reach = .wanted
        do throws(FileError) {
            guard let base = try window.require(FileHeader.sizeBytes, at: 0, limit: info.length) else {
                return
            }
            let bytes = window.bytes.span.extracting(base..<base + FileHeader.sizeBytes)
            if FileHeader(bytes)?.salt != info.salt { damaged(at: 0, bytes: UInt64(FileHeader.sizeBytes)) }
        } catch {
            metrics.readFailures.add()
            guard isLastLook else { throw refused(error, at: 0) }
        }
    }

    /// Tells of a ledger record that is damaged. No reader takes books from it: the catalog has them, from
    /// the index, from this record or from a neighbour. So one that the disk does not give holds nothing up.
    mutating func checkLedger(_ header: RecordHeader, at place: UInt64) {
        var isRight = false
        do throws(FileError) {
            if let range = try read(header, at: place, false), let bytes = scanner?.bytes {
                isRight = LedgerRecord(bytes.span.extracting(range)) != nil
            }
        } catch {
            metrics.readFailures.add()
            guard isLastLook else { return }
        }
        if !isRight, !awaitsRenewal { damaged(at: place, bytes: UInt64(header.recordBytes)) }
    }

    /// Lets the file go.
    mutating func close() {
        // Only read from: nothing is lost if the close fails.
        if let file { try? files.close(file) }
        file = nil
        scanner = nil
    }

    /// Bytes of the file in memory.
    var windowBytes: Int { scanner?.bytes.count ?? 0 }

    /// The length grows while the segment is active. A segment that is gone from the catalog was ended, and
    /// answered for, before. One that was written anew is opened again: the old file may have lost pages.
    mutating func refresh() throws(BufferError) {
        guard let fresh = catalog[info.number] else {
            info.isActive = false
            return
        }
        if fresh.renewals != info.renewals, let old = file {
            do throws(FileError) {
                let file = try files.open(fresh.path, .read)
                // Only read from: nothing is lost if the close fails.
                try? files.close(old)
                self.file = file
                let window = RecordWindow(file, files: files)
                scanner?.goOn(in: window)
            } catch {
                try failed(error, at: 0)
            }
        }
        info = fresh
    }

    /// The next record, damage or end. A record is given until `done` is called.
    mutating func next() throws(BufferError) -> RecordScanner.Item {
        if let pending { return .record(pending.header, at: pending.place) }
        let place = scanner?.offset ?? 0
        let item: RecordScanner.Item
        do throws(FileError) {
            item = try step()
        } catch {
            try failed(error, at: place)
            if isLastLook {
                scanner?.skip(to: info.length)
                return .damage(at: place, end: info.length)
            }
            let limit = info.length
            guard !awaitsRenewal, scanner?.passUnreadable(limit: limit, isFinal: !info.isActive) ?? false
            else {
                throw refused(error, at: place)
            }
            return .damage(at: place, end: scanner?.offset ?? limit)
        }
        guard case .damage = item else {
            // After a throw the same is given again.
            try checkHeader()
            return item
        }
        guard awaitsRenewal else { return item }
        scanner?.goBack(to: place)
        throw inDoubt(at: place)
    }

    /// What is wrong in the file may stand in memory: a sync of it failed, and it is not written anew yet, or
    /// it was while this reader had the old one. Nothing is damage then, but on a last look.
    private var awaitsRenewal: Bool {
        guard !isLastLook, let now = catalog[info.number] else { return false }
        return now.isInDoubt || now.renewals != info.renewals
    }

    private func inDoubt(at place: UInt64) -> BufferError {
        BufferError(
            .io,
            "a segment lacks what could not be made durable; it is read again once it is written anew",
            segment: info.number, offset: place)
    }

    /// Changed in its place: a copy would copy the window with it.
    private mutating func step() throws(FileError) -> RecordScanner.Item {
        let limit = info.length
        let item = try scanner?.next(limit: limit) ?? .end(at: limit)
        if case .record(let header, let place) = item { pending = (header, place) }
        return item
    }

    /// The record that `next` gave has been taken in full.
    mutating func done() {
        if let failing, let pending, pending.place > failing.place + UInt64(RecordWindow.pieceBytes) {
            scanner?.isNarrow = false
            self.failing = nil
        }
        pending = nil
    }

    /// A record's payload, where it stands in the window; nil, and counted, when it is damaged. Let the array
    /// go before anything else is read: a window in two hands is copied. `isChecked`: the checksum was found
    /// right a moment ago.
    mutating func payload(
        _ header: RecordHeader, at place: UInt64, isChecked: Bool = false
    ) throws(BufferError) -> ([UInt8], Range<Int>)? {
        var range: Range<Int>?
        do throws(FileError) {
            range = try read(header, at: place, isChecked)
        } catch {
            try failed(error, at: place)
            let isElsewhere =
                scanner?.canReadElsewhere(
                    than: place, upTo: place + UInt64(header.recordBytes), limit: info.length,
                    isFinal: !info.isActive) ?? false
            guard isLastLook || (isElsewhere && !awaitsRenewal) else { throw refused(error, at: place) }
        }
        guard let range, let bytes = scanner?.bytes else {
            if awaitsRenewal { throw inDoubt(at: place) }
            damaged(at: place, bytes: UInt64(header.recordBytes))
            return nil
        }
        return (bytes, range)
    }

    func damaged(at place: UInt64, bytes: UInt64) {
        metrics.damaged(segment: info.number, offset: place, bytes: bytes)
    }

    private mutating func read(
        _ header: RecordHeader, at place: UInt64, _ isChecked: Bool
    ) throws(FileError) -> Range<Int>? {
        let limit = info.length
        return isChecked
            ? try scanner?.checkedPayload(header, at: place, limit: limit)
            : try scanner?.payload(header, at: place, limit: limit)
    }

    /// Throws while the place is to be tried again: always on the first failures, and no more on a last look
    /// or when the place has failed for ten minutes.
    private mutating func failed(_ error: FileError, at place: UInt64) throws(BufferError) {
        metrics.readFailures.add()
        if isLastLook { return }
        let nowNs = clock.monotonicNs
        let sinceNs = failing?.place == place ? failing?.sinceNs ?? nowNs : nowNs
        failing = (place, sinceNs)
        // The next time the record alone: it may be readable where the piece around it is not.
        scanner?.isNarrow = true
        guard nowNs - sinceNs >= Self.patienceNs else { throw refused(error, at: place) }
    }

    private func refused(_ error: FileError, at place: UInt64) -> BufferError {
        .io("a segment cannot be read", error, segment: info.number, offset: place)
    }
}
