import MetricModel
import Platform
import TestSupport
import Testing

@testable import WriteAheadBuffer

struct CursorOpeningTests {
    @Test func aDestinationAddedLaterGetsWhatIsKept() throws {
        let fixture = try BufferFixture()
        fixture.segmentSizeBytes = 1
        do {
            let buffer = try fixture.open()
            let stream = try buffer.openStream("a")
            for value in 0..<6 { try buffer.append(fixture.frame(Double(value))) }
            try stream.deliver([try #require(try stream.next()), try #require(try stream.next())])
            buffer.removeAnswered()
        }
        let buffer = try fixture.open()
        _ = try buffer.openDestination("a")
        let late = try buffer.openStream("b")
        #expect(buffer.ledger().destinations["b"]?["node"]?.scraped == 40)
        #expect(try late.drain().map { $0.frame.values[0] } == [2, 3, 4, 5])
        #expect(buffer.ledger().destinations["b"]?["node"]?.buffered == 0)
    }

    @Test func aRetiredDestinationHoldsNothing() throws {
        let fixture = try BufferFixture()
        fixture.segmentSizeBytes = 1
        do {
            let buffer = try fixture.open()
            for name in ["a", "b"] { _ = try buffer.openDestination(name) }
            for value in 0..<6 { try buffer.append(fixture.frame(Double(value))) }
        }
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        try buffer.retire(destinationsExcept: ["a"])
        #expect(try stream.drain().count == 6)
        buffer.removeAnswered()
        #expect(try fixture.segmentPaths.count == 1)
        #expect(try fixture.files.list(fixture.folder.path).filter { $0.hasPrefix("cursor-") }.count == 1)
    }

    /// Whose cursor goes, how many samples wait for it, what becomes of them, and what to do.
    @Test func aRetiredDestinationsBacklogIsSaid() throws {
        let fixture = try BufferFixture()
        do {
            let buffer = try fixture.open()
            let first = try buffer.openStream("a")
            let second = try buffer.openStream("b")
            for name in ["c", "d"] { _ = try buffer.openDestination(name) }
            for value in 0..<6 { try buffer.append(fixture.frame(Double(value))) }
            try first.drain()
            try second.deliver([try #require(try second.next())])
        }
        do {
            let buffer = try fixture.open()
            for name in ["c", "d"] { _ = try buffer.openDestination(name) }
            try buffer.retire(destinationsExcept: ["c", "d"])
            #expect(fixture.said.all("a destination is no longer configured").count == 2)
            let none = fixture.said.all("remote_name=a ")
            #expect(none.count == 1 && none[0].hasPrefix("info") && none[0].contains("samples=0"))
            let some = fixture.said.all("remote_name=b ")
            #expect(some.count == 1 && some[0].hasPrefix("warning") && some[0].contains("samples=50"))
            #expect(some[0].contains("are not sent to it any more"))
            #expect(some[0].contains("give the entry its former name back"))
        }
        // Renamed while the agent did not run.
        let buffer = try fixture.open()
        _ = try buffer.openDestination("c")
        let renamed = try buffer.openStream("e")
        try buffer.retire(destinationsExcept: ["c", "e"])
        let line = fixture.said.all("remote_name=d ")
        #expect(line.count == 1 && line[0].hasPrefix("warning") && line[0].contains("samples=60"))
        #expect(line[0].contains("go to the destinations that are new at this start"))
        #expect(line[0].contains("new=e"))
        #expect(try renamed.drain().map { $0.frame.values[0] } == [0, 1, 2, 3, 4, 5])
    }

    @Test func aRetiredCursorThatCannotBeReadGoesAsWell() throws {
        let fixture = try BufferFixture()
        do {
            let buffer = try fixture.open()
            for name in ["a", "b"] { _ = try buffer.openDestination(name) }
        }
        let buffer = try fixture.open()
        _ = try buffer.openDestination("a")
        let gone = BufferFileName.cursor("b")
        fixture.files.fail { operation, path in
            operation == .read && path.hasSuffix(gone) ? FaultyFiles.Fault(errno: 5) : nil
        }
        try buffer.retire(destinationsExcept: ["a"])
        fixture.files.fail(nil)
        let line = fixture.said.all("its cursor, which cannot be read, is removed")
        #expect(line.count == 1 && line[0].contains("err=") && line[0].contains("file=\(gone)"))
        #expect(try !fixture.files.list(fixture.folder.path).contains(gone))
    }

    /// All is answered for, and the segment that the cursor stands at the end of is gone.
    @Test func aCursorAtARemovedSegmentsEndReadsNothing() throws {
        let fixture = try BufferFixture()
        do {
            let buffer = try fixture.open()
            let stream = try buffer.openStream("a")
            try buffer.append(fixture.frame(1))
            let stored = try #require(try stream.next())
            fixture.clock.advance(ms: fixture.segmentMaxAgeMs)
            try buffer.append(fixture.frame(2))
            try stream.deliver([stored])
            buffer.removeAnswered()
            #expect(try fixture.segmentPaths.count == 1)
        }
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        #expect(stream.destination.cursor.mark == .start(of: 2))
        #expect(try stream.drain().map { $0.frame.values[0] } == [2])
        #expect(buffer.ledger().destinations["a"]?["node"]?.delivered == 20)
    }

    @Test func aSegmentTakenAwayIsBookedAsLost() throws {
        let fixture = try BufferFixture()
        fixture.segmentSizeBytes = 1
        do {
            let buffer = try fixture.open()
            _ = try buffer.openDestination("a")
            for value in 0..<6 { try buffer.append(fixture.frame(Double(value))) }
        }
        let paths = try fixture.segmentPaths
        for index in [0, 1, 3] { try POSIXFiles().remove(paths[index]) }
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        try stream.drain()
        let books = try #require(buffer.ledger().destinations["a"]?["node"])
        #expect(books.buffered == 0 && books.scraped == 60)
        #expect(books.dropped == [BufferDropReason.damaged: 60 - books.delivered])
    }

    /// Writes changes behind a cursor's log, with good checksums.
    private func forge(_ changes: [CursorChange], _ fixture: BufferFixture) throws {
        let path = "\(fixture.folder.path)/\(BufferFileName.cursor("a"))"
        let bytes = try fixture.bytes(path)
        let header = FileHeader(bytes.span)
        let salt = try #require(header).salt
        var records = RecordBuffer()
        for change in changes {
            let start = records.begin(.progress)
            CursorCoding.put(change, into: &records)
            records.end(start, salt: salt)
        }
        try fixture.overwrite(path, with: bytes + records.bytes)
    }

    /// A directory with six frames, each in a segment of its own, of which the first is delivered. Returns
    /// where each ends.
    private func six(_ fixture: BufferFixture) throws -> [BufferPosition] {
        fixture.segmentSizeBytes = 1
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        for value in 0..<6 { try buffer.append(fixture.frame(Double(value))) }
        let stored = try stream.all()
        try stream.deliver(Array(stored[..<1]))
        return stored.map(\.end)
    }

    /// A forged place far beyond the log is damage: nothing is passed by it, now or later, and the numbers of
    /// segments stay as they are.
    @Test(arguments: [UInt64(1 << 40), BufferPosition.maxSegment]) func aForgedPlaceFarAwayPassesNothing(
        segment: UInt64
    ) throws {
        let far = BufferPosition(segment: segment, offset: 1)
        for forged in [
            CursorChange.answered(upTo: far),
            .answered(upTo: .start(of: 0), ranges: [.start(of: 1)..<far]),
            .sent([7: SentRequest(spans: [.start(of: 1)..<far])]),
        ] {
            let fixture = try BufferFixture()
            let ends = try six(fixture)
            try forge([forged], fixture)
            for start in 1...2 {
                let buffer = try fixture.open()
                let stream = try buffer.openStream("a")
                #expect(stream.destination.cursor.mark < ends[1] && stream.reader.sent.isEmpty)
                try buffer.append(fixture.frame(10 + Double(start)))
                let read = try stream.all().map { $0.frame.values[0] }
                #expect(read == [1, 2, 3, 4, 5] + (1...start).map { 10 + Double($0) })
                try buffer.close()
            }
            let names = try fixture.files.list(fixture.folder.path)
            #expect(names.compactMap { BufferFileName.segmentNumber($0) }.allSatisfy { $0 < 100 })
        }
    }

    /// One range over all of the log, without a word on its samples: they are not sent, and counted.
    @Test(arguments: [false, true]) func anAnsweredRangeWithoutItsSamplesIsCounted(isBeyond: Bool) throws {
        let fixture = try BufferFixture()
        let ends = try six(fixture)
        // The beginning of a segment that is not there, or the end of the log.
        let end = isBeyond ? BufferPosition.start(of: ends[5].segment + 1) : ends[5]
        try forge(
            [.answered(upTo: .start(of: 0), ranges: [.start(of: ends[1].segment)..<end])], fixture)
        for start in 0..<2 {
            let buffer = try fixture.open()
            let stream = try buffer.openStream("a")
            try buffer.append(fixture.frame(7))
            #expect(try stream.drain().map { $0.frame.values[0] } == [7])
            let books = try #require(buffer.ledger().destinations["a"]?["node"])
            #expect(books.buffered == 0 && books.delivered == 20 + 10 * UInt64(start))
            #expect(books.dropped == [BufferDropReason.damaged: 50])
            try buffer.close()
        }
    }

    /// They are at a start at which the disk can be read.
    @Test func booksThatCannotBeMadeAnewStopNoStart() throws {
        let fixture = try BufferFixture()
        let ends = try six(fixture)
        try forge(
            [.answered(upTo: .start(of: 0), ranges: [.start(of: ends[2].segment)..<ends[5]])], fixture)
        do {
            let buffer = try fixture.open()
            fixture.files.fail { operation, path in
                operation == .read && path.hasSuffix(".segment") ? FaultyFiles.Fault(errno: 5) : nil
            }
            _ = try buffer.openDestination("a")
            fixture.files.fail(nil)
            #expect(fixture.said.all("cannot be counted anew").count == 1)
            #expect(fixture.said.all("they are counted as damaged").isEmpty)
            try buffer.close()
        }
        let buffer = try fixture.open()
        _ = try buffer.openDestination("a")
        let books = try #require(buffer.ledger().destinations["a"]?["node"])
        #expect(books.dropped == [BufferDropReason.damaged: 40] && books.buffered == 10)
        #expect(fixture.said.all("they are counted as damaged").count == 1)
    }

    /// What was answered for and booked is no damage, however it lies in the log.
    @Test func rangesThatAreBookedAreLeftAlone() throws {
        let fixture = try BufferFixture()
        fixture.segmentSizeBytes = 1
        do {
            let buffer = try fixture.open()
            let reader = try buffer.openDestination("a").reader
            for value in 0..<6 { try buffer.append(fixture.frame(Double(value))) }
            var covers: [Range<BufferPosition>] = []
            while let stored = try reader.next() { covers.append(stored.cover(stored.open[0])) }
            for index in [1, 2, 4, 5] {
                let outcome: Outcomes = ["node": JobOutcome(delivered: 10)]
                try reader.answered([], ranges: [covers[index]], outcome: outcome)
            }
        }
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        #expect(try stream.drain().map { $0.frame.values[0] } == [0, 3])
        let books = try #require(buffer.ledger().destinations["a"]?["node"])
        #expect(books.buffered == 0 && books.delivered == 60 && books.dropped.isEmpty)
    }

    /// The cursor was durable, and what it has answered for beyond its mark was not.
    @Test(arguments: [1, 1 << 20]) func whatThePowerTookBehindTheMarkIsNoHoleInTheBooks(segmentBytes: Int)
        throws
    {
        let fixture = try BufferFixture()
        fixture.segmentSizeBytes = segmentBytes
        var ends: [BufferPosition] = []
        do {
            let buffer = try fixture.open()
            let reader = try buffer.openDestination("a").reader
            for value in 0..<6 { try buffer.append(fixture.frame(Double(value))) }
            var covers: [Range<BufferPosition>] = []
            while let stored = try reader.next() {
                ends.append(stored.end)
                covers.append(stored.cover(stored.open[0]))
            }
            var outcome = Outcomes()
            outcome.deliver(20, of: "node")
            try reader.answered([], ranges: Array(covers[4...]), outcome: outcome)
        }
        for path in try fixture.segmentPaths {
            let number = try #require(
                BufferFileName.segmentNumber(String(path.split(separator: "/").last ?? "")))
            if number == ends[2].segment {
                try fixture.overwrite(path, with: Array(try fixture.bytes(path)[..<Int(ends[2].offset)]))
            } else if number > ends[2].segment {
                try POSIXFiles().remove(path)
            }
        }
        let buffer = try fixture.open()
        let destination = try buffer.openDestination("a")
        #expect(destination.cursor.answered.isEmpty)
        let reader = destination.reader
        let books = try #require(buffer.ledger().destinations["a"]?["node"])
        #expect(books.buffered == 30 && books.delivered == 20 && books.dropped.isEmpty)
        try buffer.append(fixture.frame(6))
        var outcome = Outcomes()
        while let stored = try reader.next() {
            outcome = Outcomes()
            outcome.deliver(10, of: "node")
            try reader.answered([], ranges: [stored.cover(0..<10)], outcome: outcome)
        }
        let after = try #require(buffer.ledger().destinations["a"]?["node"])
        #expect(after.buffered == 0 && after.delivered == 60 && after.dropped.isEmpty)
    }
}
