import MetricModel
import Platform
import Synchronization
import Telemetry
import TestSupport
import Testing

@testable import WriteAheadBuffer

/// What stands in memory when the disk takes samples again, and some destination has not answered for it.
struct WriteAheadBufferWritingDownTests {
    private let fixture: BufferFixture

    init() throws {
        fixture = try BufferFixture()
        fixture.memory = MemoryAccount(framesBytes: 1 << 20)
    }

    /// One destination is up and one is away.
    @Test(arguments: [false, true]) func aRestartLosesNothing(endsInOrder: Bool) throws {
        do {
            let buffer = try fixture.open()
            let near = try buffer.openStream("a")
            let away = try buffer.openStream("b")
            try fixture.append(0..<3, to: buffer)
            fixture.refuseSamples()
            try fixture.append(3..<200, to: buffer)
            try near.drain()
            // Some are on their way.
            for _ in 0..<20 { _ = try away.next() }
            fixture.files.fail(nil)
            buffer.keep()
            #expect(fixture.usedBytes == 0 && buffer.core.catalog.inMemory.isEmpty)
            #expect(fixture.registry.render().contains("\nnarthex_buffer_memory_buffered_samples 0\n"))
            #expect(try #require(buffer.ledger().destinations["b"]?["node"]).inMemory == 0)
            #expect(try fixture.unfinished.isEmpty && fixture.segmentPaths.count == 3)
            try fixture.append(200..<203, to: buffer)
            #expect(fixture.values(try near.drain()) == Array(200..<203))
            if endsInOrder { try buffer.close() }
        }
        #expect(fixture.said.all("they are lost").isEmpty)
        let before = fixture.complaints.count
        let buffer = try fixture.open()
        let streams = try ["a", "b"].map { try buffer.openStream($0) }
        #expect(try streams[0].drain().isEmpty)
        #expect(fixture.values(try streams[1].drain()) == Array(0..<203))
        for name in ["a", "b"] { try fixture.expectWhole(buffer, name, delivered: 203) }
        #expect(fixture.complaints.count == before)
        buffer.keep()
        #expect(try fixture.segmentPaths.count == 1, "it goes once it is answered for")
    }

    /// Whoever reads in memory goes on in the file, at the same place.
    @Test(arguments: [false, true]) func aReaderGoesOnInTheFile(rewinds: Bool) throws {
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        try fixture.append(0..<3, to: buffer)
        fixture.refuseSamples()
        try fixture.append(3..<20, to: buffer)
        var read = try (0..<10).compactMap { _ in try stream.next() }
        try stream.deliver(Array(read[..<5]))
        fixture.files.fail(nil)
        buffer.keep()
        try fixture.append(20..<23, to: buffer)
        if rewinds {
            stream.rewind()
            read = Array(read[..<5])
        }
        let rest = try stream.all()
        #expect(fixture.values(rest) == Array((rewinds ? 5 : 10)..<23))
        try stream.deliver(read[5...] + rest)
        _ = try stream.next()
        try fixture.expectWhole(buffer, "a", delivered: 23)
    }

    /// What memory dropped is in the books once, whether the reader stands before it or in it at the kill.
    @Test(arguments: [0, 1, 4, 30], [false, true])
    func whatWasDroppedIsBookedOnce(delivered: Int, isAlone: Bool) throws {
        fixture.memory = MemoryAccount(framesBytes: 64 << 10)
        var dropped: UInt64 = 0
        do {
            let buffer = try fixture.open()
            let away = try buffer.openStream("a")
            let near = try isAlone ? nil : buffer.openStream("b")
            try fixture.append(0..<3, to: buffer)
            fixture.refuseSamples()
            try fixture.append(3..<40, to: buffer)
            try away.deliver(try (0..<delivered).compactMap { _ in try away.next() })
            try fixture.overfill(40..<400, to: buffer)
            try near?.drain()
            fixture.files.fail(nil)
            buffer.keep()
            let books = try #require(buffer.ledger().destinations["a"]?["node"])
            dropped = try #require(books.dropped[BufferDropReason.memoryFull])
            try fixture.append(400..<402, to: buffer)
            #expect(fixture.usedBytes == 0)
        }
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        let sent = fixture.values(try stream.drain())
        #expect(sent.suffix(2) == [400, 401] && zip(sent, sent.dropFirst()).allSatisfy { $0 < $1 })
        let all = delivered + sent.count
        #expect(all == 402 - Int(dropped) / 10)
        try fixture.expectWhole(buffer, "a", delivered: all, dropped: [BufferDropReason.memoryFull: dropped])
    }

    /// What is handed out when memory lets it go, and is in no file then.
    @Test(arguments: [false, true]) func whatWasHandedOutAndLetGoIsBookedOnce(rewinds: Bool) throws {
        fixture.memory = MemoryAccount(framesBytes: 64 << 10)
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        try fixture.append(0..<1, to: buffer)
        fixture.refuseSamples()
        try fixture.append(1..<51, to: buffer)
        let first = try stream.all()
        try fixture.overfill(51..<401, to: buffer)
        fixture.files.fail(nil)
        buffer.keep()
        #expect(fixture.usedBytes == 0)
        if rewinds { stream.rewind() } else { try stream.deliver(first) }
        let rest = fixture.values(try stream.drain())
        let delivered = rest.count + (rewinds ? 0 : 51)
        try fixture.expectWhole(
            buffer, "a", delivered: delivered,
            dropped: [BufferDropReason.memoryFull: UInt64(401 - delivered) * 10])
    }

    /// The same after a kill: nobody delivers it any more, and nothing is left that would.
    @Test func whatWasHandedOutAndLetGoIsBookedAfterAKill() throws {
        fixture.memory = MemoryAccount(framesBytes: 64 << 10)
        var dropped: UInt64 = 0
        do {
            let buffer = try fixture.open()
            let stream = try buffer.openStream("a")
            try fixture.append(0..<1, to: buffer)
            fixture.refuseSamples()
            try fixture.append(1..<51, to: buffer)
            let first = try stream.all()
            try stream.deliver(Array(first[..<11]))
            try fixture.overfill(51..<401, to: buffer)
            fixture.files.fail(nil)
            buffer.keep()
            let books = try #require(buffer.ledger().destinations["a"]?["node"])
            dropped = try #require(books.dropped[BufferDropReason.memoryFull])
        }
        for start in 0..<2 {
            let buffer = try fixture.open()
            let sent = try buffer.openStream("a").drain()
            let books = try #require(buffer.ledger().destinations["a"]?["node"])
            #expect(start == 0 ? books.delivered == UInt64(11 + sent.count) * 10 : sent.isEmpty)
            // The forty that were handed out and not answered for.
            #expect(books.dropped == [BufferDropReason.memoryFull: dropped, BufferDropReason.damaged: 400])
            #expect(books.buffered == 0 && books.scraped == 4_010)
        }
    }

    /// A later spell's drop takes nothing of what an earlier one has left in a file, and a sender had in
    /// flight.
    @Test func aLaterSpellDropsNothingThatIsInAFile() throws {
        fixture.memory = MemoryAccount(framesBytes: 64 << 10)
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        try fixture.append(0..<1, to: buffer)
        fixture.refuseSamples()
        try fixture.append(1..<11, to: buffer)
        // They are on their way.
        _ = try stream.all()
        fixture.files.fail(nil)
        buffer.keep()
        fixture.refuseSamples()
        try fixture.overfill(11..<400, to: buffer)
        fixture.files.fail(nil)
        fixture.clock.advance(ms: 60_000)
        buffer.keep()
        stream.rewind()
        let sent = fixture.values(try stream.drain())
        #expect(sent.prefix(11) == Array(0..<11)[...])
        try fixture.expectWhole(
            buffer, "a", delivered: sent.count,
            dropped: [BufferDropReason.memoryFull: UInt64(400 - sent.count) * 10])
    }

    /// A destination that is new at a start gets what is there, and its books begin with that.
    @Test func aNewDestinationKnowsNothingOfWhatHasGone() throws {
        fixture.memory = MemoryAccount(framesBytes: 64 << 10)
        do {
            let buffer = try fixture.open()
            _ = try buffer.openStream("a")
            try fixture.append(0..<3, to: buffer)
            fixture.refuseSamples()
            try fixture.overfill(3..<300, to: buffer)
            fixture.files.fail(nil)
            buffer.keep()
        }
        let buffer = try fixture.open()
        _ = try buffer.openStream("a")
        let sent = fixture.values(try buffer.openStream("new").drain())
        #expect(sent.first == 0 && sent.last == 299 && sent.count < 290)
        try fixture.expectWhole(buffer, "new", delivered: sent.count)
        // Where they cannot be counted the start goes on.
        let path = try #require(fixture.segmentPaths.first { $0.hasSuffix("2.segment") })
        fixture.files.spoil(path, 512..<513)
        _ = try buffer.openStream("newer")
        #expect(fixture.said.all("that wait for a new destination cannot be counted").count == 1)
    }

    /// The place behind all frames is behind the file's length. A power loss takes the segment in which an
    /// answered range ends: what was answered for before is not sent again.
    @Test func aRangeIsCutAtTheEndOfAllFrames() throws {
        var path = ""
        do {
            let buffer = try fixture.open()
            let stream = try buffer.openStream("a")
            try fixture.append(0..<1, to: buffer)
            fixture.refuseSamples()
            try fixture.append(1..<3_000, to: buffer)
            try stream.drain()
            buffer.keep()
            try fixture.append(3_000..<3_010, to: buffer)
            fixture.files.fail(nil)
            buffer.keep()
            try fixture.append(3_010..<3_013, to: buffer)
            let frames = try stream.all()
            try stream.reader.answered(
                [], ranges: frames[1...].map { $0.cover(0..<10) },
                outcome: Outcomes(delivered: ["node": 120]))
            buffer.keep()
            path = try #require(fixture.segmentPaths.last)
            let written = try #require(fixture.segmentPaths.dropLast().last)
            #expect(try fixture.bytes(written).count < 3_000 && frames.count == 13)
        }
        try fixture.files.remove(path)
        let buffer = try fixture.open()
        #expect(fixture.values(try buffer.openStream("a").drain()) == [3_000])
    }

    /// Where cursors cannot be written, what has gone from memory is in no cursor on the disk. At an end in
    /// order what is left is written all the same: better known for damaged than lost.
    @Test(arguments: [false, true]) func nothingIsWrittenDownBeforeTheCursorsAre(ends: Bool) throws {
        do {
            let buffer = try fixture.open()
            let near = try buffer.openStream("a")
            let away = try buffer.openStream("b")
            fixture.files.refuse(errno: 5)
            try fixture.append(0..<6, to: buffer)
            try near.drain()
            try away.deliver(try (0..<2).compactMap { _ in try away.next() })
            fixture.files.fail { operation, path in
                operation == .make && path.contains("cursor") ? .init(errno: 5) : nil
            }
            buffer.keep(syncs: false)
            #expect(!buffer.isDiskRefusing && fixture.usedBytes > 0)
            if ends {
                // It tells that a cursor cannot be closed.
                try? buffer.close()
            } else {
                fixture.files.fail(nil)
                fixture.clock.advance(ms: 60_000)
                buffer.keep(syncs: false)
                #expect(fixture.usedBytes == 0)
            }
        }
        fixture.files.fail(nil)
        #expect(fixture.said.all("they are lost").isEmpty)
        let buffer = try fixture.open()
        let sent = try ["a", "b"].map { fixture.values(try buffer.openStream($0).drain()) }
        #expect(sent == [ends ? Array(2..<6) : [], Array(2..<6)])
        let damaged: [String: UInt64] = ends ? [BufferDropReason.damaged: 20] : [:]
        for name in ["a", "b"] {
            try fixture.expectWhole(buffer, name, delivered: ends ? 4 : 6, dropped: damaged)
        }
    }

    /// A kill at each call by which the disk is changed: until the file has its name, what stood in memory
    /// goes as at any kill; from then on nothing does. Nothing is sent twice, nor booked as damaged.
    @Test func aKillAtAnyCallLosesNothingThatHasAName() throws {
        var kept = 0
        var call = 0
        while true {
            let fixture = try BufferFixture()
            fixture.memory = MemoryAccount(framesBytes: 1 << 20)
            let most = call
            let calls = Mutex(0)
            do {
                let buffer = try fixture.open()
                let near = try buffer.openStream("a")
                let away = try buffer.openStream("b")
                try fixture.append(0..<3, to: buffer)
                fixture.refuseSamples()
                try fixture.append(3..<9, to: buffer)
                try near.deliver(try (0..<5).compactMap { _ in try near.next() })
                _ = try away.next()
                fixture.files.fail { operation, _ in
                    guard operation != .open, operation != .read, operation != .status else { return nil }
                    let count = calls.withLock { calls in
                        calls += 1
                        return calls
                    }
                    return count > most ? .init(errno: 5) : nil
                }
                buffer.keep(syncs: false)
                fixture.files.fail { operation, _ in
                    operation == .open || operation == .read || operation == .status ? nil : .init(errno: 5)
                }
            }
            fixture.files.fail(nil)
            let buffer = try fixture.open()
            let streams = try ["a", "b"].map { try buffer.openStream($0) }
            let sent = try streams.map { fixture.values(try $0.drain()) }
            let isKept = sent[1].count > 3
            #expect(sent == (isKept ? [Array(5..<9), Array(0..<9)] : [[], [0, 1, 2]]), "call \(call)")
            for (name, count) in zip(["a", "b"], [5 + sent[0].count, sent[1].count]) {
                try fixture.expectWhole(buffer, name, delivered: count, "call \(call)")
            }
            if isKept { kept += 1 }
            if calls.withLock({ $0 }) <= most { break }
            call += 1
        }
        #expect(kept > 1 && call > 5)
    }

    /// What all have answered for is not written.
    @Test func whatIsAnsweredForMakesNoFile() throws {
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        fixture.refuseSamples()
        try fixture.append(0..<6, to: buffer)
        try stream.drain()
        fixture.files.fail(nil)
        buffer.keep()
        #expect(try !buffer.isDiskRefusing && fixture.segmentPaths.allSatisfy { !$0.hasSuffix("2.segment") })
    }

    /// A frame that is damaged moves no other from its place.
    @Test func aDamagedFrameMovesNoOther() throws {
        do {
            let buffer = try fixture.open()
            let stream = try buffer.openStream("a")
            _ = try buffer.openStream("b")
            fixture.refuseSamples()
            // Each of a target of its own, so that none is the base of another.
            for value in 0..<8 {
                try buffer.append(fixture.frame(Double(value), target: TestFrames.target("t\(value):1")))
            }
            try stream.deliver(try (0..<5).compactMap { _ in try stream.next() })
            fixture.files.fail(nil)
            buffer.keep()
        }
        let path = try #require(fixture.segmentPaths.first { $0.hasSuffix("2.segment") })
        var bytes = try fixture.bytes(path)
        let third = try frameRecords(path)[2]
        bytes[third.upperBound - 1] ^= 0xFF
        try fixture.overwrite(path, with: bytes)
        let buffer = try fixture.open()
        #expect(fixture.values(try buffer.openStream("a").drain()) == [5, 6, 7])
        #expect(fixture.values(try buffer.openStream("b").drain()) == [0, 1, 3, 4, 5, 6, 7])
        try fixture.expectWhole(buffer, "b", delivered: 7, dropped: [BufferDropReason.damaged: 10])
    }

    /// Where the records of frames stand in a segment's file.
    private func frameRecords(_ path: String) throws -> [Range<Int>] {
        let file = try fixture.files.open(path, .read)
        defer { try? fixture.files.close(file) }
        let length = try fixture.files.length(of: file)
        var scanner = RecordScanner(RecordWindow(file, files: fixture.files), salt: 0x5A17_5A17)
        var records: [Range<Int>] = []
        while case .record(let header, let place) = try scanner.next(limit: length) {
            if header.type == .frame { records.append(Int(place)..<Int(place) + header.recordBytes) }
        }
        return records
    }

    /// `narthex buffer` finds nothing wrong, and what is open by the cursors.
    @Test func theInspectionReadsIt() throws {
        fixture.memory = MemoryAccount(framesBytes: 64 << 10)
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        try fixture.append(0..<3, to: buffer)
        fixture.refuseSamples()
        try fixture.overfill(3..<300, to: buffer)
        try stream.deliver(try (0..<10).compactMap { _ in try stream.next() })
        fixture.files.fail(nil)
        buffer.keep()
        try fixture.append(300..<303, to: buffer)
        let survey = try BufferInspection(directory: fixture.folder.path, files: fixture.files).survey()
        #expect(!survey.isDamaged && survey.findings.isEmpty)
        let books = try #require(buffer.ledger().destinations["a"]?["node"])
        let found = try #require(survey.destinations.first)
        #expect(found.open["node"]?.samples == books.buffered)
        #expect(found.books["node"]?.buffered == books.buffered)
        #expect(survey.held["node"]?.bytes ?? 0 > 0)
    }
}
