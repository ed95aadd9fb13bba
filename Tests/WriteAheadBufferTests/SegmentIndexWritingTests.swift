import MetricModel
import Platform
import Synchronization
import Telemetry
import TestSupport
import Testing

@testable import WriteAheadBuffer

/// When the index of segments is written, of which segments, and what it costs where it is forged or refused.
struct SegmentIndexWritingTests {
    private let fixture: BufferFixture
    private var path: String { "\(fixture.folder.path)/narthex.segments" }
    private var indexed: [UInt64] {
        SegmentIndex.read(fixture.folder.path, files: POSIXFiles()).keys.sorted()
    }

    init() throws {
        fixture = try BufferFixture()
        fixture.segmentSizeBytes = 1_500
    }

    private func fill(_ buffer: WriteAheadBuffer, segments: Int) throws {
        while try fixture.segmentPaths.count < segments { try buffer.append(fixture.frame(2)) }
    }

    /// It is not durable though a round of the keeper made all durable that there was when it began.
    @Test func aSegmentThatEndedSinceTheSyncIsLeftOut() throws {
        let buffer = try fixture.open()
        try fill(buffer, segments: 4)
        let folder = fixture.folder.path
        let isFirst = Mutex(true)
        let frame = fixture.frame(2)
        fixture.files.fail { operation, met in
            // The folder is synced behind the segments.
            guard operation == .sync, met == folder, isFirst.withLock({ $0 }) else { return nil }
            isFirst.withLock { $0 = false }
            while buffer.core.catalog.all.count < 6, (try? buffer.append(frame)) != nil {}
            return nil
        }
        #expect(buffer.keep())
        #expect(indexed == [1, 2, 3])
        #expect(buffer.keep())
        #expect(indexed == [1, 2, 3, 4, 5])
        #expect(try fixture.files.status(path + ".new") == nil)
    }

    /// What room there is on a full disk is the appender's.
    @Test func onADiskWithoutRoomItIsTriedAgainOnceSegmentsHaveShrunk() throws {
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        try fill(buffer, segments: 4)
        let writes = Mutex(0)
        let isFull = Mutex(true)
        fixture.files.fail { operation, path in
            guard operation == .write, path.contains("narthex.segments") else { return nil }
            writes.withLock { $0 += 1 }
            return isFull.withLock { $0 } ? .init(errno: 28) : nil
        }
        for _ in 0..<5 {
            buffer.keep()
            fixture.clock.advance(ms: 120_000)
            try buffer.append(fixture.frame(1))
        }
        #expect(writes.withLock { $0 } == 1)
        #expect(try fixture.files.status(path + ".new") == nil)
        isFull.withLock { $0 = false }
        try fill(buffer, segments: 6)
        try stream.drain()
        buffer.keep()
        #expect(try fixture.segmentPaths.count == 1)
        try fill(buffer, segments: 3)
        buffer.keep()
        #expect(writes.withLock { $0 } == 2 && indexed.count == 2)
    }

    @Test func oneFileThatCannotBeLookedAtIsLeftOutAlone() throws {
        let buffer = try fixture.open()
        try fill(buffer, segments: 5)
        let second = try fixture.segmentPaths.sorted()[1]
        fixture.files.fail { operation, path in
            operation == .status && path == second ? .init(errno: 5) : nil
        }
        buffer.keep()
        #expect(indexed == [1, 3, 4])
    }

    @Test(arguments: [FaultyFiles.Operation.truncate, .write, .rename])
    func nothingIsLeftOfOneThatCouldNotBeWritten(operation: FaultyFiles.Operation) throws {
        let buffer = try fixture.open()
        try fill(buffer, segments: 3)
        fixture.files.fail { met, path in
            met == operation && path.contains("narthex.segments") ? .init(errno: 5) : nil
        }
        buffer.keep()
        #expect(try fixture.files.status(path + ".new") == nil)
        #expect(try fixture.files.status(path) == nil)
    }

    /// It would be told of by the start that meets it, and by no later one, with and without an index.
    @Test func damageWithinTheLastSegmentLeavesNoEarlierOneOut() throws {
        do { try fill(try fixture.open(), segments: 4) }
        let last = try #require(try fixture.segmentPaths.max())
        var bytes = try fixture.bytes(last)
        bytes[bytes.count / 2] ^= 1
        try fixture.overwrite(last, with: bytes)
        let buffer = try fixture.open()
        #expect(buffer.booksAreInDoubt)
        buffer.keep()
        #expect(indexed == [1, 2, 3, 4])
    }

    /// Of a long one that is wrong from some place on, nothing behind that place is read.
    @Test func aForgedOneCostsNoSearch() throws {
        let buffer = try fixture.open()
        try fill(buffer, segments: 3)
        buffer.keep()
        let whole = try fixture.bytes(path)
        let junk = [UInt8](repeating: 0x4E, count: SegmentIndex.mostBytes - whole.count)
        for kept in [FileHeader.sizeBytes, whole.count] {
            try fixture.overwrite(path, with: Array(whole[..<kept]) + junk)
            let before = fixture.files.readBytes
            let read = SegmentIndex.read(fixture.folder.path, files: fixture.files)
            #expect(read.count == (kept == whole.count ? 2 : 0))
            #expect(fixture.files.readBytes - before <= 2 * UInt64(RecordWindow.pieceBytes))
        }
    }

    /// A segment that this version cannot read is opened, which refuses it, though a later version has made
    /// the entry.
    @Test(
        arguments: [(4, 0), (3, FileHeader.isDense | 4), (3, FileHeader.isDense), (2, 0)] as [(UInt32, UInt8)]
    )
    func anEntryOfASegmentThatCannotBeReadIsNotTaken(version: UInt32, features: UInt8) throws {
        do {
            let buffer = try fixture.open()
            try fill(buffer, segments: 4)
            #expect(buffer.sync())
            var index = SegmentIndex(leavesOutEarlierRuns: false, logger: fixture.said.logger)
            var segments = buffer.core.catalog.all
            segments[1].version = version
            segments[1].features = features
            index.update(segments, buffer.core)
        }
        #expect(indexed == [1, 2, 3])
        let second = try fixture.segmentPaths.sorted()[1]
        let opened = Mutex(0)
        fixture.files.fail { operation, path in
            if operation == .open, path == second { opened.withLock { $0 += 1 } }
            return nil
        }
        _ = try fixture.open()
        let isKnown = version == 2 || (version == 3 && features == FileHeader.isDense)
        #expect(opened.withLock { $0 } == (isKnown ? 0 : 1))
    }

    /// Samples that the disk did not take are in the books of the next start, with the index and without.
    @Test(arguments: [false, true]) func appendsThatFailedLastAreKnownToTheNextStart(hasIndex: Bool) throws {
        do {
            let buffer = try fixture.open()
            _ = try buffer.openDestination("a")
            try buffer.append(fixture.frame(1))
            fixture.files.fail { operation, path in
                operation == .write && path.hasSuffix(".segment") ? .init(errno: 5) : nil
            }
            #expect(throws: BufferError.self) { try buffer.append(fixture.frame(2)) }
            fixture.files.fail(nil)
            try buffer.close()
        }
        if !hasIndex { try POSIXFiles().remove(path) }
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        #expect(try stream.drain().count == 1)
        let books = try #require(buffer.ledger().destinations["a"]?["node"])
        #expect(books.delivered == 10 && books.dropped == [BufferDropReason.appendFailed: 10])
        #expect(books.scraped == 20 && buffer.ledger().jobs == ["node": 20])
    }

    /// Where the disk does not take the books at the end the index does not have them, either: a start finds
    /// the same with it and without.
    @Test func booksThatCannotBeWrittenAtTheEndAreNotNoted() throws {
        do {
            let buffer = try fixture.open()
            try buffer.append(fixture.frame(1))
            fixture.files.fail { operation, path in
                operation == .write && path.hasSuffix(".segment") ? .init(errno: 5) : nil
            }
            #expect(throws: BufferError.self) { try buffer.append(fixture.frame(2)) }
            try buffer.close()
            fixture.files.fail(nil)
        }
        #expect(indexed.isEmpty)
        #expect(fixture.said.all("how many samples the disk has not taken").count == 1)
        #expect(try fixture.open().ledger().jobs == ["node": 10])
    }

    /// A later start that opens the segment cannot read it; so it is told as long as something can be done.
    @Test(arguments: [40, 80]) func aHeaderThatIsLostIsToldByItsReader(damaged: Int) throws {
        do {
            let buffer = try fixture.open()
            try fill(buffer, segments: 4)
            try buffer.close()
        }
        let second = try fixture.segmentPaths.sorted()[1]
        let before = try #require(try fixture.files.status(second))
        var bytes = try fixture.bytes(second)
        for index in 0..<damaged { bytes[index] ^= 0x55 }
        try fixture.overwrite(second, with: bytes)
        fixture.files.setStatus(before, of: second)
        let buffer = try fixture.open()
        for name in ["a", "b"] { try buffer.openStream(name).drain() }
        let lines = fixture.said.all("damage in the buffer was passed over")
        #expect(lines.count == (damaged == 80 ? 1 : 0))
        #expect(lines.allSatisfy { $0.contains("segment=2") && $0.contains("offset=0") })
        #expect(buffer.ledger().destinations["b"]?["node"]?.dropped.isEmpty == true)
    }

    /// The books that a segment begins with stand in the index as well, so nothing else is missing. Without
    /// the index they are made from a neighbour's. Either way the disk has rotted, and somebody should know.
    @Test(arguments: [0, RecordHeader.sizeBytes + 4], [true, false])
    func aFirstLedgerThatIsRottenIsToldByItsReader(byte: Int, isIndexed: Bool) throws {
        do {
            let buffer = try fixture.open()
            for name in ["a", "b"] { _ = try buffer.openStream(name) }
            try fill(buffer, segments: 4)
            try buffer.close()
        }
        let second = try fixture.segmentPaths.sorted()[1]
        let before = try #require(try fixture.files.status(second))
        var bytes = try fixture.bytes(second)
        bytes[FileHeader.sizeBytes + byte] ^= 0x55
        try fixture.overwrite(second, with: bytes)
        if isIndexed { fixture.files.setStatus(before, of: second) }
        let buffer = try fixture.open()
        for name in ["a", "b"] { try buffer.openStream(name).drain() }
        let lines = fixture.said.all("damage in the buffer was passed over")
        #expect(lines.count == 1)
        #expect(lines.allSatisfy { $0.contains("segment=2") && $0.contains("offset=80") })
        #expect(fixture.registry.render().contains("\nnarthex_buffer_damaged_records_total 1\n"))
        for name in ["a", "b"] {
            let books = try #require(buffer.ledger().destinations[name]?["node"])
            #expect(books.delivered == buffer.ledger().jobs["node"] && books.buffered == 0)
            #expect(books.dropped.isEmpty)
        }
    }

    /// No reader needs what a ledger record says, so one that the disk does not give keeps no sample waiting.
    @Test func aLedgerThatCannotBeReadHoldsNothingUp() throws {
        let appended: Int = try {
            let buffer = try fixture.open()
            try fill(buffer, segments: 4)
            try buffer.close()
            return Int(buffer.ledger().jobs["node"] ?? 0) / 10
        }()
        let second = try fixture.segmentPaths.sorted()[1]
        let payload = UInt64(FileHeader.sizeBytes + RecordHeader.sizeBytes)
        fixture.files.spoil(second, payload..<payload + 1)
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        var frames: [StoredFrame] = []
        // The read of a whole piece fails. After that, no more is read at a time than is wanted.
        for _ in 0..<appended + 1 { if let frame = try? stream.next() { frames.append(frame) } }
        #expect(appended > 8 && frames.count == appended)
        #expect(fixture.registry.render().contains("\nnarthex_buffer_read_failures_total 2\n"))
        #expect(fixture.said.all("damage in the buffer was passed over").isEmpty)
    }
}
