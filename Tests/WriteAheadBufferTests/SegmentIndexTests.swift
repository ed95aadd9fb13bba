import MetricModel
import Platform
import Synchronization
import TestSupport
import Testing

#if canImport(Glibc)
import Glibc
#endif

@testable import WriteAheadBuffer

struct SegmentIndexTests {
    enum End: CaseIterable {
        /// Closed with everything durable.
        case inOrder
        /// Killed after a round of the keeper; what came behind is not in the index.
        case killed
    }

    /// What a run leaves: frames of two jobs in many segments, the first `answered` of them answered for.
    private struct Filled {
        let fixture: BufferFixture
        let frames: Int

        init(frames: Int = 120, answered: Int = 0, segmentBytes: Int = 1_500, end: End = .inOrder) throws {
            self.frames = frames
            fixture = try BufferFixture()
            fixture.segmentSizeBytes = segmentBytes
            let buffer = try fixture.open()
            let stream = try buffer.openStream("a")
            for index in 0..<frames {
                let target = TestFrames.target("t\(index % 3)", job: "job\(index % 2)")
                try buffer.append(
                    TestFrames.frame(target, fixture.layout, at: Int64(index), first: Double(index * 100)))
                if index == frames - 3, end == .killed { buffer.keep() }
            }
            var read: [StoredFrame] = []
            while read.count < answered, let stored = try stream.next() { read.append(stored) }
            try stream.deliver(read)
            if end == .inOrder { try buffer.close() }
        }

        var indexPath: String { "\(fixture.folder.path)/narthex.segments" }

        /// Opens what is there, drains it and checks that every value is right and that the books close.
        /// Returns the frames that came.
        @discardableResult
        func drain(_ place: String = "") throws -> Int {
            let buffer = try fixture.open()
            let frames = try buffer.openStream("a").drain()
            for stored in frames {
                let index = Int(stored.frame.timestampMs)
                #expect(stored.frame.values == (0..<10).map { Double(index * 100 + $0) }, "\(place)")
                #expect(stored.frame.target.job == "job\(index % 2)", "\(place)")
            }
            var sum: UInt64 = 0
            for (job, books) in buffer.ledger().destinations["a"] ?? [:] {
                #expect(books.buffered == 0, "\(job) \(place)")
                #expect(books.scraped >= buffer.ledger().jobs[job] ?? 0, "\(job) \(place)")
                sum += books.scraped
            }
            #expect(sum <= UInt64(2 * self.frames * 10), "\(place)")
            return frames.count
        }

        /// The names of what `body` opens, but for files that it makes.
        func opened(_ body: () throws -> Void) throws -> [String] {
            let there = Set(try fixture.files.list(fixture.folder.path))
            let names = Mutex<[String]>([])
            fixture.files.fail { operation, path in
                let name = String(path.split(separator: "/").last ?? "")
                if operation == .open, there.contains(name) { names.withLock { $0.append(name) } }
                return nil
            }
            defer { fixture.files.fail(nil) }
            try body()
            return names.withLock { $0 }
        }

        /// Writes other bytes into a file without a trace in its status, as a disk that rots does.
        func rot(_ path: String, _ bytes: [UInt8]) throws {
            let before = try #require(try fixture.files.status(path))
            try fixture.overwrite(path, with: bytes)
            let time = timespec(
                tv_sec: Int(before.modifiedNs / 1_000_000_000),
                tv_nsec: Int(before.modifiedNs % 1_000_000_000))
            // Safety: both times live through the call.
            #expect(unsafe utimensat(AT_FDCWD, path, [time, time], 0) == 0)
            #expect(try fixture.files.status(path) == before)
        }
    }

    private func isSegment(_ name: String) -> Bool { BufferFileName.segmentNumber(name) != nil }

    @Test func aStartAfterAnOrderlyEndOpensNoSegment() throws {
        let filled = try Filled()
        #expect(try filled.fixture.segmentPaths.count > 8)
        let opened = try filled.opened { _ = try filled.fixture.open() }
        #expect(opened.filter(isSegment).isEmpty, "\(opened)")
        #expect(opened.contains("narthex.segments"))
        #expect(try filled.drain() == 120)
    }

    @Test func aStartAfterAKillOpensWhatHasComeSinceTheLastRound() throws {
        let filled = try Filled(end: .killed)
        let names = try filled.fixture.files.list(filled.fixture.folder.path).filter(isSegment)
        let indexed = SegmentIndex.read(filled.fixture.folder.path, files: filled.fixture.files)
        #expect(indexed.count > 6 && indexed.count < names.count)
        #expect(indexed.values.allSatisfy { $0.end == nil })
        let opened = try filled.opened { _ = try filled.fixture.open() }
        let wanted = names.filter { indexed[BufferFileName.segmentNumber($0) ?? 0] == nil }
        // The last one is walked besides.
        #expect(Set(opened.filter(isSegment)) == Set(wanted))
        #expect(try filled.drain() == 120)
    }

    /// Books, places and totals are the same, whether segments say what they begin with or the index does.
    @Test(arguments: End.allCases, [0, 1, 50, 120])
    func aStartFindsTheSameWithAndWithoutIt(end: End, answered: Int) throws {
        let filled = try Filled(answered: answered, end: end)
        let files = POSIXFiles()
        let (path, kept) = (filled.indexPath, "\(filled.fixture.folder.path)/kept")
        func recovered() throws -> BufferRecovery {
            try BufferRecovery(
                directory: filled.fixture.folder.path, files: files,
                metrics: BufferMetrics(
                    registry: filled.fixture.registry, logger: filled.fixture.said.logger,
                    clock: filled.fixture.clock), logger: filled.fixture.said.logger)
        }
        let with = try recovered()
        try files.rename(path, to: kept)
        let without = try recovered()
        try files.rename(kept, to: path)
        #expect(with.segments.count > (answered == 0 ? 8 : 0) && with.segments == without.segments)
        #expect(with.ledger.jobs == without.ledger.jobs)
        #expect(with.ledger.newestTimestampMs == without.ledger.newestTimestampMs)
        #expect(with.nextNumber == without.nextNumber)
        #expect(!with.isInDoubt && !without.isInDoubt)
        #expect(try filled.drain() == 120 - answered)
    }

    @Test(arguments: 1...150)
    func damageThatTheIndexDoesNotShowCostsWhatItHitsAndIsBooked(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let size = [1_000, 2_500, 100_000][generator.below(3)]
        let filled = try Filled(answered: generator.below(12), segmentBytes: size)
        let paths = try filled.fixture.segmentPaths
        for _ in 0..<1 + generator.below(4) {
            let path = paths[generator.below(paths.count)]
            var bytes = try filled.fixture.bytes(path)
            let at = generator.below(bytes.count)
            let end = min(bytes.count, at + 1 + (generator.chance(30) ? generator.below(300) : 0))
            for index in at..<end { bytes[index] ^= UInt8(1 + generator.below(255)) }
            try filled.rot(path, bytes)
        }
        try filled.drain("seed \(seed)")
        let buffer = try filled.fixture.open()
        let stream = try buffer.openStream("a")
        try buffer.append(filled.fixture.frame(1))
        #expect(buffer.ledger().destinations["a"]?["node"]?.buffered == 10)
        #expect(try stream.drain().count == 1)
    }

    @Test func aSegmentWhoseHeaderIsLostIsSentAllTheSame() throws {
        let filled = try Filled()
        let path = try filled.fixture.segmentPaths[2]
        var bytes = try filled.fixture.bytes(path)
        for index in 0..<FileHeader.sizeBytes { bytes[index] ^= 0x55 }
        try filled.rot(path, bytes)
        #expect(try filled.drain() == 120)
    }

    /// The end of the last segment is lost, and its length is as it was: its books say what it held.
    @Test func whatTheLastSegmentHasLostIsBookedToTheSample() throws {
        let filled = try Filled(frames: 6, segmentBytes: 1 << 20)
        let path = try #require(try filled.fixture.segmentPaths.last)
        var bytes = try filled.fixture.bytes(path)
        for index in bytes.count - 30..<bytes.count { bytes[index] = 0 }
        try filled.rot(path, bytes)
        let buffer = try filled.fixture.open()
        #expect(try buffer.openStream("a").drain().count == 5)
        let books = buffer.ledger().destinations["a"] ?? [:]
        #expect(buffer.ledger().jobs == ["job0": 30, "job1": 30])
        #expect(books["job0"]?.delivered == 30 && books["job1"]?.delivered == 20)
        #expect(books["job1"]?.dropped == [BufferDropReason.damaged: 10])
    }

    enum Change: CaseIterable { case time, inode, shorter, longer }

    @Test(arguments: Change.allCases)
    func anEntryCountsForTheFileThatItIsAbout(change: Change) throws {
        let filled = try Filled()
        let paths = try filled.fixture.segmentPaths
        let path = change == .shorter || change == .longer ? paths[paths.count - 1] : paths[3]
        let bytes = try filled.fixture.bytes(path)
        switch change {
        case .time: try filled.fixture.overwrite(path, with: bytes)
        case .inode:
            try filled.fixture.overwrite(path + ".copy", with: bytes)
            try POSIXFiles().rename(path + ".copy", to: path)
        case .shorter: try filled.fixture.overwrite(path, with: Array(bytes.dropLast(9)))
        case .longer: try filled.fixture.overwrite(path, with: bytes + [1, 2, 3])
        }
        let opened = try filled.opened { _ = try filled.fixture.open() }
        #expect(Set(opened.filter(isSegment)) == ["\(path.split(separator: "/").last ?? "")"])
        #expect(try filled.drain() == (change == .shorter ? 119 : 120))
    }

    /// Cut anywhere, with any byte changed, or not of this program at all: the segments say all of it.
    @Test func aDamagedIndexCostsNothing() throws {
        let filled = try Filled(frames: 30, segmentBytes: 1_000)
        let whole = try filled.fixture.bytes(filled.indexPath)
        let expected = SegmentIndex.read(filled.fixture.folder.path, files: filled.fixture.files)
        #expect(expected.count > 2)
        func check(_ bytes: [UInt8], _ place: String) throws {
            try filled.fixture.overwrite(filled.indexPath, with: bytes)
            for (number, entry) in SegmentIndex.read(filled.fixture.folder.path, files: filled.fixture.files)
            {
                #expect(entry.info == expected[number]?.info, "\(place)")
                #expect(entry.status == expected[number]?.status, "\(place)")
                #expect(entry.end == nil || entry.end == expected[number]?.end, "\(place)")
            }
        }
        for length in 0..<whole.count { try check(Array(whole[..<length]), "cut at \(length)") }
        for place in whole.indices {
            var bytes = whole
            bytes[place] ^= 1 << UInt8(place % 8)
            try check(bytes, "changed at \(place)")
        }
        try check(Array("narthex".utf8), "text")
        try filled.fixture.overwrite(filled.indexPath, with: Array(whole[..<200]))
        #expect(try filled.drain() == 30)
    }

    /// A writer of another version may put another meaning into it.
    @Test func anIndexOfAnotherVersionIsNotRead() throws {
        let filled = try Filled()
        var bytes = try filled.fixture.bytes(filled.indexPath)
        for copy in [0, FileHeader.copyBytes] {
            bytes[copy + 8] = 4
            // Safety: bytes have no padding.
            let crc = unsafe CRC32C.checksum(bytes.span.bytes.extracting(copy..<copy + 36))
            for index in 0..<4 {
                bytes[copy + 36 + index] = UInt8(truncatingIfNeeded: crc >> UInt32(8 * index))
            }
        }
        try filled.fixture.overwrite(filled.indexPath, with: bytes)
        #expect(SegmentIndex.read(filled.fixture.folder.path, files: filled.fixture.files).isEmpty)
        #expect(try filled.drain() == 120)
    }

    @Test func whatIsNoFileOrTooLongIsNotRead() throws {
        let filled = try Filled()
        let files = POSIXFiles()
        try files.remove(filled.indexPath)
        #expect(unsafe mkfifo(filled.indexPath, 0o600) == 0)
        #expect(SegmentIndex.read(filled.fixture.folder.path, files: files).isEmpty)
        try files.remove(filled.indexPath)
        let file = try files.open(filled.indexPath, .update)
        try files.truncate(file, to: UInt64(SegmentIndex.mostBytes) + 1)
        try files.close(file)
        let before = filled.fixture.files.readBytes
        #expect(SegmentIndex.read(filled.fixture.folder.path, files: filled.fixture.files).isEmpty)
        #expect(filled.fixture.files.readBytes == before)
        #expect(try filled.drain() == 120)
    }

    /// Nothing depends on it, so nothing is told, and no read or write that fails keeps a start or an append
    /// from its work.
    @Test(arguments: [FaultyFiles.Operation.open, .read, .write, .truncate, .rename, .remove])
    func aDiskThatRefusesItChangesNothing(operation: FaultyFiles.Operation) throws {
        let filled = try Filled()
        filled.fixture.files.fail { met, path in
            met == operation && path.contains("narthex.segments") ? .init(errno: 5) : nil
        }
        #expect(try filled.drain() == 120)
        do {
            let buffer = try filled.fixture.open()
            let stream = try buffer.openStream("a")
            for value in 0..<20 { try buffer.append(filled.fixture.frame(Double(value))) }
            #expect(buffer.keep())
            #expect(try stream.drain().count == 20)
            try buffer.close()
        }
        filled.fixture.files.fail(nil)
        #expect(filled.fixture.files.openCount == 0)
        #expect(try filled.drain() == 0)
    }

    /// A write of it that fails is tried again, at first after a second.
    @Test func itIsWrittenWhereASegmentHasEndedAndAtNoOtherTime() throws {
        let fixture = try BufferFixture()
        fixture.segmentSizeBytes = 1_500
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        let writes = Mutex(0)
        let fails = Mutex(true)
        fixture.files.fail { operation, path in
            guard operation == .write, path.contains("narthex.segments") else { return nil }
            writes.withLock { $0 += 1 }
            return fails.withLock { $0 } ? .init(errno: 5) : nil
        }
        try buffer.append(fixture.frame(1))
        buffer.keep()
        #expect(writes.withLock { $0 } == 0)
        while try fixture.segmentPaths.count < 2 { try buffer.append(fixture.frame(2)) }
        buffer.keep()
        buffer.keep()
        #expect(writes.withLock { $0 } == 1)
        fails.withLock { $0 = false }
        fixture.clock.advance(ms: 1_000)
        buffer.keep()
        buffer.keep()
        #expect(writes.withLock { $0 } == 2)
        #expect(SegmentIndex.read(fixture.folder.path, files: fixture.files).keys.sorted() == [1])
        withExtendedLifetime(stream) {}
    }

    /// Where books are damaged the next start is to see so, too: what it counts anew may depend on it.
    @Test func booksThatWereMadeFromANeighboursAreNotNoted() throws {
        let filled = try Filled(end: .killed)
        try POSIXFiles().remove(filled.indexPath)
        let path = try filled.fixture.segmentPaths[3]
        var bytes = try filled.fixture.bytes(path)
        bytes[FileHeader.sizeBytes + RecordHeader.sizeBytes + 4] ^= 1
        try filled.fixture.overwrite(path, with: bytes)
        let before = try filled.fixture.segmentPaths.count
        do {
            let buffer = try filled.fixture.open()
            #expect(buffer.booksAreInDoubt)
            _ = try buffer.openStream("a")
            for value in 0..<80 { try buffer.append(filled.fixture.frame(Double(value))) }
            buffer.keep()
        }
        let indexed = SegmentIndex.read(filled.fixture.folder.path, files: filled.fixture.files)
        #expect(!indexed.isEmpty && indexed.keys.allSatisfy { $0 > UInt64(before) })
        #expect(try filled.fixture.open().booksAreInDoubt)
    }

    /// After a close the directory may be another process'.
    @Test func aClosedBufferWritesNone() throws {
        let filled = try Filled(end: .killed)
        let buffer = try filled.fixture.open()
        try buffer.close()
        try POSIXFiles().remove(filled.indexPath)
        buffer.keep()
        buffer.index.withLock { $0.close(buffer.core, end: LedgerRecord()) }
        #expect(try filled.fixture.files.status(filled.indexPath) == nil)
    }

    /// With a sync that fails the end is not durable, so the next start walks the last segment.
    @Test func anEndThatIsNotDurableIsNotNoted() throws {
        let filled = try Filled()
        do {
            let buffer = try filled.fixture.open()
            try buffer.append(filled.fixture.frame(1))
            filled.fixture.files.fail { operation, _ in operation == .sync ? .init(errno: 5) : nil }
            try? buffer.close()
            filled.fixture.files.fail(nil)
        }
        let indexed = SegmentIndex.read(filled.fixture.folder.path, files: filled.fixture.files)
        let last = try #require(try filled.fixture.segmentPaths.last)
        #expect(!indexed.values.contains { $0.info.path == last })
    }

    /// The oldest segments are those left out: readers leave them first.
    @Test func aLongOneLacksTheOldest() throws {
        let fixture = try BufferFixture()
        fixture.segmentSizeBytes = 1_500
        let buffer = try fixture.open()
        while try fixture.segmentPaths.count < 9 { try buffer.append(fixture.frame(2)) }
        let path = "\(fixture.folder.path)/narthex.segments"
        buffer.index.withLock { $0.mostBytes = 400 }
        buffer.keep()
        let indexed = SegmentIndex.read(fixture.folder.path, files: fixture.files).keys.sorted()
        #expect(try fixture.bytes(path).count <= 400)
        #expect(indexed.count > 1 && indexed == Array(9 - UInt64(indexed.count)...8))
        // What was left out is no reason to write it again.
        let before = try fixture.files.status(path)
        buffer.keep()
        #expect(try fixture.files.status(path) == before)
    }
}
