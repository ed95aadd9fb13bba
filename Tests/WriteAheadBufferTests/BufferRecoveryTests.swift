import MetricModel
import Platform
import TestSupport
import Testing

@testable import WriteAheadBuffer

struct BufferRecoveryTests {
    static let blanks: [[UInt8]] = [
        [0, 0, 0], [3, 1, 4], Array(repeating: 0, count: 80), Array(repeating: 0, count: 5_000),
        Array(repeating: 0, count: 600) + [7, 7],
    ]

    /// Small frames of two jobs over a few segments, some answered for; returns every value's place by its
    /// bits.
    private func fill(_ fixture: BufferFixture, frames: Int, answered: Int) throws {
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        for index in 0..<frames {
            let target = TestFrames.target("t\(index % 3)", job: "job\(index % 2)")
            try buffer.append(
                TestFrames.frame(target, fixture.layout, at: Int64(index), first: Double(index * 100)))
        }
        var read: [StoredFrame] = []
        while read.count < answered, let stored = try stream.next() { read.append(stored) }
        try stream.deliver(read)
    }

    /// Opens what is there, drains it and checks that nothing wrong came out and that the books close.
    private func drainAndCheck(_ fixture: BufferFixture, total: Int, _ place: String) throws {
        let buffer = try fixture.open()
        for stored in try buffer.openStream("a").drain() {
            let index = Int(stored.frame.timestampMs)
            #expect(
                stored.frame.values == (0..<10).map { Double(index * 100 + $0) }, "a wrong value, \(place)")
            #expect(stored.frame.target.job == "job\(index % 2)", "\(place)")
        }
        var sum: UInt64 = 0
        for (job, books) in buffer.ledger().destinations["a"] ?? [:] {
            #expect(books.buffered == 0, "\(job) \(place)")
            sum += books.scraped
            let appended = buffer.ledger().jobs[job] ?? 0
            #expect(books.scraped >= appended, "\(job) \(place)")
        }
        // What was delivered and then damaged is in the books twice, as `DestinationLedger.scraped` says.
        #expect(sum <= UInt64(2 * total), "\(place)")
        // The books go on from there.
        try buffer.append(fixture.frame(1))
        #expect(buffer.ledger().destinations["a"]?["node"]?.buffered == 10, "\(place)")
    }

    @Test func aTornTailIsCutAtEveryByte() throws {
        let fixture = try BufferFixture()
        try fill(fixture, frames: 9, answered: 1)
        let snapshot = try fixture.snapshot()
        let path = try #require(fixture.segmentPaths.last)
        let whole = try fixture.bytes(path)
        for length in 0..<whole.count {
            try fixture.restore(snapshot)
            try fixture.overwrite(path, with: Array(whole[..<length]))
            try drainAndCheck(fixture, total: 90, "cut at \(length)")
        }
    }

    /// A power loss may leave the length of a segment that was just begun, and not its data. Nothing of it
    /// was durable: it goes, so that no later start tells of it again and no bound leaves it out.
    @Test(arguments: Self.blanks)
    func aSegmentThatHasNoHeaderGoes(content: [UInt8]) throws {
        let fixture = try BufferFixture()
        try fill(fixture, frames: 9, answered: 1)
        let path = "\(fixture.folder.path)/\(BufferFileName.segment(40))"
        try fixture.overwrite(path, with: content)
        try drainAndCheck(fixture, total: 90, "\(content.count) bytes")
        #expect(!(try fixture.segmentPaths.contains(path)))
        let said = fixture.said.all("damage in the buffer was passed over").count
        #expect(said == 1)
        // Its number is not given again.
        #expect(try fixture.segmentPaths.last?.hasSuffix(BufferFileName.segment(41)) == true)
        _ = try fixture.open()
        #expect(fixture.said.all("damage in the buffer was passed over").count == said)
    }

    /// The first copy of the header is whole, and the file ends in the second one: nothing stands behind it.
    @Test func aSegmentThatEndsInItsHeaderGoes() throws {
        let fixture = try BufferFixture()
        try fill(fixture, frames: 9, answered: 1)
        let path = try #require(fixture.segmentPaths.last)
        try fixture.overwrite(path, with: Array(try fixture.bytes(path)[..<(FileHeader.sizeBytes - 1)]))
        _ = try fixture.open()
        let said = fixture.said.all("damage in the buffer was passed over").count
        #expect(said == 1)
        _ = try fixture.open()
        #expect(fixture.said.all("damage in the buffer was passed over").count == said)
    }

    /// A kill while a file is made anew leaves its new file, and a disk that refuses its removal, too; when
    /// the destination of a cursor is gone nobody else takes it away.
    @Test(arguments: [BufferFileName.cursor("gone"), BufferFileName.index, BufferFileName.segment(7)])
    func whatIsLeftOfAFileBeingMadeAnewGoes(name: String) throws {
        let fixture = try BufferFixture()
        let path = "\(fixture.folder.path)/\(name).new"
        try fixture.overwrite(path, with: [1, 2, 3])
        _ = try fixture.open()
        #expect(try fixture.files.status(path) == nil)
    }

    /// What is no header may be a damaged one, and somebody may know what to do with it.
    @Test func aSegmentWithADamagedHeaderIsLeftAlone() throws {
        let fixture = try BufferFixture()
        try fill(fixture, frames: 9, answered: 1)
        let path = try #require(fixture.segmentPaths.first)
        var bytes = try fixture.bytes(path)
        for index in 0..<FileHeader.sizeBytes { bytes[index] ^= 0x55 }
        try fixture.overwrite(path, with: bytes)
        _ = try fixture.open()
        #expect(try fixture.bytes(path) == bytes)
    }

    @Test(arguments: 1...150)
    func damageCostsWhatItHitsAndIsBooked(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let fixture = try BufferFixture()
        fixture.segmentSizeBytes = [1_000, 2_500, 100_000][generator.below(3)]
        let frames = 40
        try fill(fixture, frames: frames, answered: generator.below(12))
        let paths = try fixture.segmentPaths
        for _ in 0..<1 + generator.below(4) {
            let path = paths[generator.below(paths.count)]
            var bytes = try fixture.bytes(path)
            let at = generator.below(bytes.count)
            let end = min(bytes.count, at + 1 + (generator.chance(30) ? generator.below(300) : 0))
            for index in at..<end { bytes[index] ^= UInt8(1 + generator.below(255)) }
            try fixture.overwrite(path, with: bytes)
        }
        try drainAndCheck(fixture, total: frames * 10, "seed \(seed)")
    }

    @Test func damageInTheMiddleIsBookedToTheSample() throws {
        let fixture = try BufferFixture()
        let places: [BufferPosition] = try {
            let buffer = try fixture.open()
            let stream = try buffer.openStream("a")
            for value in 0..<4 { try buffer.append(fixture.frame(Double(value))) }
            return try stream.all().map(\.start)
        }()
        let path = try #require(fixture.segmentPaths.first)
        var bytes = try fixture.bytes(path)
        bytes[Int(places[1].offset) + RecordHeader.sizeBytes + 3] ^= 1
        try fixture.overwrite(path, with: bytes)
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        // The frames behind it in this segment have lost their base with it.
        #expect(try stream.drain().map { $0.frame.values[0] } == [0])
        let books = try #require(buffer.ledger().destinations["a"]?["node"])
        #expect(
            books.delivered == 10 && books.dropped == [BufferDropReason.damaged: 30] && books.buffered == 0)
        #expect(buffer.ledger().jobs["node"] == 40)
    }

    @Test func aStartReadsTheLastSegmentAndOnlyTheBeginningOfTheOthers() throws {
        let fixture = try BufferFixture()
        fixture.segmentSizeBytes = 400_000
        let layout = Layout([TestFrames.chunk("m", count: 1_000)])
        do {
            let buffer = try fixture.open()
            _ = try buffer.openDestination("a")
            for index in 0..<600 {
                try buffer.append(
                    TestFrames.frame(fixture.target, layout, at: Int64(index), first: Double(index) / 7))
            }
        }
        let segments = try fixture.segmentPaths
        let last = try fixture.bytes(try #require(segments.last)).count
        #expect(segments.count > 8)
        let before = fixture.files.readBytes
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        let read = fixture.files.readBytes - before
        let bound = segments.count * Int(RecordWindow.pageBytes) + last + 2 * RecordWindow.pieceBytes
        #expect(read <= UInt64(bound), "\(read) bytes read, at most \(bound)")
        #expect(try stream.all().count == 600)
    }

    /// Cut between two records, or to nothing, a segment reads as if no more had ever been in it. The one
    /// behind it knows better.
    @Test(arguments: [false, true]) func aSegmentThatWasCutBeforeOthersIsSaid(isEmptied: Bool) throws {
        let fixture = try BufferFixture()
        fixture.segmentSizeBytes = 1_000
        try fill(fixture, frames: 40, answered: 0)
        let paths = try fixture.segmentPaths
        try #require(paths.count > 3)
        let whole = try fixture.bytes(paths[1])
        let read = FileHeader(whole.span)
        let header = try #require(read)
        var length = FileHeader.sizeBytes
        while length < whole.count / 2,
            let record = RecordHeader(whole.span, at: length, salt: header.salt)
        {
            length += record.recordBytes
        }
        if isEmptied { length = 0 }
        try fixture.overwrite(paths[1], with: Array(whole[..<length]))
        try drainAndCheck(fixture, total: 400, "cut at \(length)")
        let said = fixture.said.all("damage in the buffer was passed over")
        let place = "bytes=\(whole.count - length) offset=\(length) segment=\(header.number)"
        #expect(said.count == 1 && said[0].hasSuffix(place), "\(said)")
    }

    @Test func aBacklogThatIsWholeIsReadWithoutAWord() throws {
        let fixture = try BufferFixture()
        fixture.segmentSizeBytes = 1_000
        try fill(fixture, frames: 40, answered: 3)
        try drainAndCheck(fixture, total: 400, "whole")
        #expect(fixture.said.lines.isEmpty, "\(fixture.said.lines)")
    }

    /// What the next segment's books say of the length may be a place, which says nothing of the file. Only
    /// where it is the file's length a start finds the end missing, and counts anew.
    @Test(arguments: [false, true]) func aPlaceIsNotTakenForALength(isLength: Bool) throws {
        let fixture = try BufferFixture()
        fixture.memory = MemoryAccount(framesBytes: 8 << 20)
        do {
            let buffer = try fixture.open()
            let stream = try buffer.openStream("a")
            fixture.refuseSamples()
            try fixture.append(0..<3_000, to: buffer)
            try stream.drain()
            buffer.keep()
            try fixture.append(3_000..<3_010, to: buffer)
            if isLength { fixture.files.fail(nil) } else { fixture.refuseToWriteDown() }
            buffer.keep()
            fixture.files.fail(nil)
            fixture.clock.advance(ms: 60_000)
            buffer.keep()
            #expect(fixture.usedBytes == 0)
        }
        if isLength {
            // Of the books at its end.
            let path = try #require(fixture.segmentPaths.first { $0.hasSuffix("2.segment") })
            try fixture.overwrite(path, with: Array(fixture.bytes(path).dropLast(10)))
        }
        let buffer = try fixture.open()
        #expect(buffer.booksAreInDoubt == isLength)
        #expect(fixture.values(try buffer.openStream("a").drain()) == Array(3_000..<3_010))
    }
}
