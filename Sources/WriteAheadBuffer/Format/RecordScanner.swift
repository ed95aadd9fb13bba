internal import Platform

/// Walks the records of one file. Damage costs the damaged records: the walk goes on at the next intact one.
struct RecordScanner: Sendable {
    /// What stands at a place.
    enum Item: Sendable {
        /// A record whose header is good; its payload is not looked at yet.
        case record(RecordHeader, at: UInt64)
        /// Damage from `at` up to `end`, where the walk goes on.
        case damage(at: UInt64, end: UInt64)
        /// Nothing more below the limit; `at` is where a next record would stand.
        case end(at: UInt64)
    }

    /// Payloads that searches check and find wrong have so many times the bytes of the file at most.
    private static let checksOfEachByte: UInt64 = 4

    let salt: UInt32
    private(set) var offset: UInt64
    private(set) var window: RecordWindow
    /// Bytes of payloads that searches have found wrong, and behind which place they have not looked yet.
    private var checkedBytes: UInt64 = 0
    private var searchedUpTo: UInt64 = 0

    init(_ window: RecordWindow, salt: UInt32, offset: UInt64 = UInt64(FileHeader.sizeBytes)) {
        self.window = window
        self.salt = salt
        self.offset = offset
    }

    /// The next record, damage or end; the walk stands behind it afterwards (before an end it stays).
    mutating func next(limit: UInt64) throws(FileError) -> Item {
        guard offset < limit else { return .end(at: offset) }
        if let header = try header(at: offset, limit: limit) {
            let start = offset
            offset += UInt64(header.recordBytes)
            return .record(header, at: start)
        }
        let start = offset
        offset = try nextIntact(after: start, limit: limit)
        return .damage(at: start, end: offset)
    }

    /// The next record if its header is right, and nil at the end or where it is wrong: no later record is
    /// looked for.
    mutating func nextInOrder(limit: UInt64) throws(FileError) -> (header: RecordHeader, place: UInt64)? {
        guard offset < limit, let header = try header(at: offset, limit: limit) else { return nil }
        defer { offset += UInt64(header.recordBytes) }
        return (header, offset)
    }

    /// Goes on at the same place of another file with the same records.
    mutating func goOn(in window: RecordWindow) { self.window = window }

    /// Whether each read takes no more than what is wanted; a search takes pages then.
    var isNarrow: Bool {
        get { window.reach != .piece }
        set { window.reach = newValue ? .wanted : .piece }
    }

    /// Whether the file can be read elsewhere, so that it is the place between `start` and `end` that fails
    /// and not the disk. Of a place at the very end of what is written the first byte is asked for, and of an
    /// ended segment (`isFinal`) its beginning.
    mutating func canReadElsewhere(
        than start: UInt64, upTo end: UInt64, limit: UInt64, isFinal: Bool
    ) -> Bool {
        if end >= limit, canRead(at: start, limit: limit) { return true }
        if end < limit, canRead(at: end, limit: limit) { return true }
        for page in Self.pages(behind: end, limit: limit) where canRead(at: page, limit: limit) {
            return true
        }
        return isFinal && isBadEnd(from: end, limit: limit)
    }

    /// Goes on behind a place whose header cannot be read, at the next intact record behind a place that can
    /// be read, or at the end of a segment that is ended (`isFinal`) when only a piece is left. False, and
    /// nothing moved, when there is none: then it is the disk and not the place.
    mutating func passUnreadable(limit: UInt64, isFinal: Bool) -> Bool {
        for page in Self.pages(behind: offset, limit: limit) where canRead(at: page, limit: limit) {
            // Where that meets the next bad place, the search goes on farther behind.
            if let next = try? nextIntact(after: page - 1, limit: limit) {
                offset = next
                return true
            }
        }
        guard isFinal, isBadEnd(from: offset, limit: limit) else { return false }
        offset = limit
        return true
    }

    /// Whether nothing but the end of the file fails: no more than a piece, in a file whose beginning can be
    /// read. More than that is held until it can be read: the beginning may stand in memory though the disk
    /// is away.
    private mutating func isBadEnd(from place: UInt64, limit: UInt64) -> Bool {
        limit - min(place, limit) <= UInt64(RecordWindow.pieceBytes) && canRead(at: 0, limit: limit)
    }

    /// Pages behind the one with a place: the next, then twice as far each time, and the last. So a few reads
    /// are tried, though each may take seconds to fail.
    private static func pages(behind place: UInt64, limit: UInt64) -> [UInt64] {
        guard limit > 0 else { return [] }
        let first = place / RecordWindow.pageBytes
        let last = (limit - 1) / RecordWindow.pageBytes
        var pages: [UInt64] = []
        var distance: UInt64 = 1
        while first + distance < last {
            pages.append((first + distance) * RecordWindow.pageBytes)
            distance *= 2
        }
        if first < last { pages.append(last * RecordWindow.pageBytes) }
        return pages
    }

    private mutating func canRead(at place: UInt64, limit: UInt64) -> Bool {
        // What the error is does not matter here: it is no.
        (try? window.require(1, at: place, limit: limit)) != nil
    }

    /// Takes the last step back: `place` is where it began.
    mutating func goBack(to place: UInt64) { offset = min(offset, place) }

    /// Goes on at a later place.
    mutating func skip(to place: UInt64) { offset = max(offset, place) }

    /// The payload of a record, where it stands in `window.bytes`; nil when its checksum is wrong.
    mutating func payload(_ header: RecordHeader, at start: UInt64, limit: UInt64) throws(FileError) -> Range<
        Int
    >? {
        guard let base = try window.require(header.recordBytes, at: start, limit: limit),
            header.isIntact(window.bytes.span, at: base, salt: salt)
        else { return nil }
        let first = base + RecordHeader.sizeBytes
        return first..<first + header.payloadBytes
    }

    /// As `payload`, for one whose checksum was found right before.
    mutating func checkedPayload(
        _ header: RecordHeader, at start: UInt64, limit: UInt64
    ) throws(FileError) -> Range<Int>? {
        guard let base = try window.require(header.recordBytes, at: start, limit: limit) else { return nil }
        let first = base + RecordHeader.sizeBytes
        return first..<first + header.payloadBytes
    }

    /// The bytes that ranges from `payload` refer to, until the next call.
    var bytes: [UInt8] { window.bytes }

    private mutating func header(at place: UInt64, limit: UInt64) throws(FileError) -> RecordHeader? {
        guard let base = try window.require(RecordHeader.sizeBytes, at: place, limit: limit),
            let header = RecordHeader(window.bytes.span, at: base, salt: salt),
            UInt64(header.recordBytes) <= limit - place
        else { return nil }
        return header
    }

    /// The start of the next record that is intact as a whole, or the limit. A checksum that fits by chance
    /// on bytes that are no record has one chance in 2^64: header and payload have one each.
    ///
    /// Payloads that are checked and are wrong do not overlap in a damaged file, but for one header in 2^32
    /// bytes that is none. So no more of them is checked than a few times the file's length: what is beyond
    /// that was forged, and is damage.
    private mutating func nextIntact(after start: UInt64, limit: UInt64) throws(FileError) -> UInt64 {
        let reach = window.reach
        // By the byte, each would be a read of its own.
        if reach == .wanted { window.reach = .page }
        defer { window.reach = reach }
        var place = start + 1
        while place < limit {
            if let header = try header(at: place, limit: limit) {
                let checked = checkedBytes + UInt64(header.recordBytes)
                guard checked / Self.checksOfEachByte <= limit else { return limit }
                if try payload(header, at: place, limit: limit) != nil { return place }
                // A place that is looked at again, as the disk failed behind it, counts once.
                if place >= searchedUpTo { (checkedBytes, searchedUpTo) = (checked, place + 1) }
            }
            place += 1
        }
        return limit
    }
}
