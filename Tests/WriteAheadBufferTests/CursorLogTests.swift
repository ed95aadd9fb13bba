import MetricModel
import Platform
import Synchronization
import Testing

@testable import WriteAheadBuffer

struct CursorLogTests {
    private func path(_ fixture: BufferFixture) -> String {
        "\(fixture.folder.path)/\(BufferFileName.cursor("a"))"
    }

    /// Three frames, each delivered by an answer of its own.
    private func deliverThree(_ fixture: BufferFixture) throws {
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        for value in 1...3 {
            try buffer.append(fixture.frame(Double(value)))
            try stream.deliver(try stream.all())
        }
    }

    @Test func aLogCutAtEveryByteResendsWhatItLostAndTheBooksClose() throws {
        let fixture = try BufferFixture()
        try deliverThree(fixture)
        let snapshot = try fixture.snapshot()
        let whole = try fixture.bytes(path(fixture))
        var last = 3
        for length in (0...whole.count).reversed() {
            try fixture.restore(snapshot)
            // What follows the cut is garbage, as a file system may leave it.
            try fixture.overwrite(
                path(fixture), with: whole[..<length] + Array(repeating: 0xA5, count: length % 40))
            let buffer = try fixture.open()
            let stream = try buffer.openStream("a")
            let resent = try stream.all()
            #expect(
                resent.map { $0.frame.values[0] } == Array([1.0, 2, 3].suffix(resent.count)),
                "cut at \(length)")
            #expect(3 - resent.count <= last, "less of the log never knows more")
            last = 3 - resent.count
            try stream.deliver(resent)
            let books = try #require(buffer.ledger().destinations["a"]?["node"])
            #expect(books.buffered == 0 && books.scraped == 30 && books.delivered == 30, "cut at \(length)")
        }
        #expect(last == 0)
    }

    @Test func anotherFormatOrABrokenDiskDoesNotMakeAFreshCursor() throws {
        let fixture = try BufferFixture()
        try deliverThree(fixture)
        fixture.files.fail { operation, path in
            operation == .open && path.contains("cursor") ? .init(errno: 5) : nil
        }
        #expect(throws: BufferError.self) { _ = try fixture.open() }
        fixture.files.fail(nil)
        do {
            let buffer = try fixture.open()
            fixture.files.fail { operation, path in
                operation == .open && path.contains("cursor") ? .init(errno: 5) : nil
            }
            #expect(throws: BufferError.self) { _ = try buffer.openDestination("a") }
            fixture.files.fail(nil)
            #expect(try buffer.openStream("a").next() == nil)
        }
        // Another version, and a feature that nobody knows yet: refused with a sentence, and not touched.
        for (version, features, words) in [
            (9, 0, "has format version 9, and this version of Narthex reads none above 3"),
            (3, 0x41, "has features that this version of Narthex does not know (bits 65)"),
        ] as [(UInt8, UInt8, String)] {
            let other = VersionTwoFiles.withVersion(
                version, features: features, try fixture.bytes(path(fixture)))
            try fixture.overwrite(path(fixture), with: other)
            let error = #expect(throws: BufferError.self) { _ = try fixture.open() }
            #expect(error?.code == .unsupportedVersion && error?.message.contains(words) == true)
            #expect(try fixture.bytes(path(fixture)) == other)
        }
    }

    /// Also from the snapshot of a log that was made anew in between.
    @Test(arguments: [false, true]) func whatTheRequestInFlightLeavesOutIsKept(isCompacted: Bool) throws {
        let fixture = try BufferFixture()
        let omissions: [BufferOmission]
        do {
            let buffer = try fixture.open()
            let stream = try buffer.openStream("a")
            for value in 1...2 { try buffer.append(fixture.frame(Double(value))) }
            let stored = try stream.all()
            omissions = stored.map { frame in
                BufferOmission(
                    start: BufferPosition(
                        segment: frame.start.segment, offset: frame.start.offset, sample: 3),
                    count: 2, reason: "sample_too_old")
            }
            let end = try #require(stored.last).end
            try stream.willSend(upTo: end, leavingOut: omissions)
            if isCompacted {
                while try #require(try fixture.files.status(path(fixture))).length
                    <= CursorLog.compactAboveBytes
                {
                    for _ in 0..<500 { try stream.willSend(upTo: end, leavingOut: omissions) }
                }
                buffer.sync()
                #expect(try #require(try fixture.files.status(path(fixture))).length < 1_000)
            }
        }
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        #expect(stream.inFlightOmissions == omissions && omissions.count == 2)
        let stored = try stream.all()
        #expect(stream.inFlightEnd == stored.last?.end)
        try stream.willSend(upTo: try #require(stored.first).end)
        #expect(stream.inFlightOmissions.isEmpty)
        try stream.willSend(upTo: try #require(stored.first).end, leavingOut: omissions)
        try stream.answered(upTo: try #require(stored.first).end, outcome: Outcomes())
        #expect(stream.inFlightOmissions.isEmpty)
    }

    @Test func aLongLogIsMadeShortAndSaysTheSame() throws {
        let fixture = try BufferFixture()
        do {
            let buffer = try fixture.open()
            let stream = try buffer.openStream("a")
            try buffer.append(fixture.frame(1))
            let stored = try #require(try stream.next())
            while try fixture.files.status(path(fixture)).map({ $0.length <= CursorLog.compactAboveBytes })
                == true
            {
                for _ in 0..<500 { try stream.willSend(upTo: stored.end) }
            }
            fixture.files.fail { operation, _ in operation == .rename ? .init(errno: 5) : nil }
            buffer.sync()
            fixture.files.fail(nil)
            #expect(
                try #require(try fixture.files.status(path(fixture))).length > CursorLog.compactAboveBytes)
            buffer.sync()
            #expect(try #require(try fixture.files.status(path(fixture))).length < 1_000)
            try stream.answered(upTo: stored.end, outcome: ["node": JobOutcome(delivered: 10)])
        }
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        #expect(try stream.next() == nil)
        #expect(buffer.ledger().destinations["a"]?["node"]?.delivered == 10)
    }

    /// Nothing is made durable before the first scrape: the first sync makes the log anew.
    @Test func aStartGoesOnWithTheLogThatIsThere() throws {
        let fixture = try BufferFixture()
        try deliverThree(fixture)
        let syncs = Mutex(0)
        fixture.files.fail { operation, _ in
            if operation == .sync { syncs.withLock { $0 += 1 } }
            return nil
        }
        let before = try #require(try fixture.files.status(path(fixture)))
        for value in [4.0, 5] {
            // Each of these runs is killed before its first sync.
            let buffer = try fixture.open()
            let stream = try buffer.openStream("a")
            #expect(try stream.next() == nil)
            try buffer.append(fixture.frame(value))
            #expect(try stream.drain().map { $0.frame.values[0] } == [value])
            #expect(syncs.withLock { $0 } == 0)
            #expect(try fixture.files.status(path(fixture))?.inode == before.inode)
        }
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        buffer.keep()
        #expect(try fixture.files.status(path(fixture))?.inode != before.inode)
        #expect(try stream.drain().isEmpty)
        #expect(buffer.ledger().destinations["a"]?["node"]?.delivered == 50)
        let anew = try #require(try fixture.files.status(path(fixture)))
        buffer.keep()
        #expect(try fixture.files.status(path(fixture)) == anew)
    }

    /// It can be read, and not written.
    @Test func aStartMakesALogThatItCannotWriteAnew() throws {
        let fixture = try BufferFixture()
        try deliverThree(fixture)
        let opens = Mutex(0)
        let cursor = path(fixture)
        fixture.files.fail { operation, path in
            guard operation == .open, path == cursor else { return nil }
            // Two read it; the third is to write.
            return opens.withLock { opens in
                opens += 1
                return opens > 2 ? .init(errno: 13) : nil
            }
        }
        let buffer = try fixture.open()
        #expect(try buffer.openStream("a").drain().isEmpty)
        #expect(opens.withLock { $0 } == 3)
        #expect(buffer.ledger().destinations["a"]?["node"]?.delivered == 30)
    }

    /// What is written behind a torn end would not be read.
    @Test func aStartMakesALogWithATornEndAnew() throws {
        let fixture = try BufferFixture()
        try deliverThree(fixture)
        try fixture.overwrite(path(fixture), with: try fixture.bytes(path(fixture)) + [1, 2, 3])
        for value in [4.0, 5] {
            let buffer = try fixture.open()
            let stream = try buffer.openStream("a")
            try buffer.append(fixture.frame(value))
            #expect(try stream.drain().map { $0.frame.values[0] } == [value])
        }
        let buffer = try fixture.open()
        #expect(try buffer.openStream("a").drain().isEmpty)
    }
}
