import MetricModel
import Platform
import Synchronization
import TestSupport
import Testing

@testable import WriteAheadBuffer

/// Readers that go on while frames leave memory: each sample is delivered or booked, and once.
struct WriteAheadBufferDroppingTests {
    private let fixture: BufferFixture

    init() throws {
        fixture = try BufferFixture()
        fixture.memory = MemoryAccount(framesBytes: 64 << 10)
    }

    private func books(_ buffer: WriteAheadBuffer, _ name: String) throws -> DestinationLedger {
        try #require(buffer.ledger().destinations[name]?["node"])
    }

    private func append(_ values: Range<Int>, to buffer: WriteAheadBuffer) throws {
        for value in values { try buffer.append(fixture.frame(Double(value))) }
    }

    /// The disk takes cursors and no samples.
    private func refuseSamples() {
        fixture.files.fail { operation, path in
            operation == .write && !path.contains("cursor") ? .init(errno: 5) : nil
        }
    }

    /// Of 160 frames in memory the oldest are dropped. When the first destination's loss is written to its
    /// cursor, the sender of the second does `meanwhile`.
    private func dropTheOldest(
        _ buffer: WriteAheadBuffer, _ first: Stream, meanwhile: @escaping @Sendable () -> Void
    ) throws {
        fixture.files.comeBetween(atWriteTo: BufferFileName.cursor(first.destination.name), meanwhile)
        buffer.keep(syncs: false)
        try #require(!fixture.files.forgetWhoComesBetween())
    }

    /// Each of the frames appended was delivered, or is in the books as dropped.
    private func expectWhole(_ buffer: WriteAheadBuffer, _ name: String, delivered: Int) throws {
        let books = try self.books(buffer, name)
        #expect(books.scraped == 1_600 && books.buffered == 0)
        #expect(books.delivered == UInt64(delivered) * 10)
        #expect(books.dropped == [BufferDropReason.memoryFull: 1_600 - books.delivered])
        #expect(buffer.core.catalog.inMemory.isEmpty || books.inMemory == 0)
    }

    @Test func aReaderThatReadsOnMeanwhileLosesNothingUnbooked() throws {
        let buffer = try fixture.open()
        let (first, second) = (try buffer.openStream("a"), try buffer.openStream("b"))
        refuseSamples()
        try append(0..<160, to: buffer)
        let before = try (0..<20).compactMap { _ in try second.next() }
        let meanwhile = Mutex<[StoredFrame]>([])
        try dropTheOldest(buffer, first) {
            // What does not come is missed below.
            if let stored = try? second.next() { meanwhile.withLock { $0.append(stored) } }
        }
        let read = before + meanwhile.withLock { $0 }
        try #require(read.count == 21 && read[20].frame.values[0] > 40)
        try second.deliver(read)
        let rest = try second.drain()
        try expectWhole(buffer, "b", delivered: 21 + rest.count)
        try expectWhole(buffer, "a", delivered: try first.drain().count)
    }

    @Test func aReaderThatIsRewoundMeanwhileBooksEachSampleOnce() throws {
        let buffer = try fixture.open()
        let (first, second) = (try buffer.openStream("a"), try buffer.openStream("b"))
        refuseSamples()
        try append(0..<160, to: buffer)
        for _ in 0..<20 { _ = try second.next() }
        try dropTheOldest(buffer, first) { second.rewind() }
        try expectWhole(buffer, "b", delivered: try second.drain().count)
        try expectWhole(buffer, "a", delivered: try first.drain().count)
    }

    /// The reader has passed them, and they are still there.
    @Test func whatIsAboutToGoIsNotHandedOutByAReaderThatIsRewound() throws {
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        refuseSamples()
        try append(0..<160, to: buffer)
        for _ in 0..<20 { _ = try stream.next() }
        let memory = try #require(buffer.core.catalog.inMemory.first?.memory)
        let going = memory.oldest(before: MemorySegment.firstOffset + 100)
        let passed = stream.reader.pass(going)
        stream.rewind()
        let next = try #require(try stream.next())
        #expect(next.frame.values[0] == 100)
        memory.remove(before: going.end.offset)
        #expect(stream.reader.book(passed, reason: BufferDropReason.memoryFull) == 800)
        try stream.deliver([next] + (try stream.all()))
        _ = try stream.next()
        try expectWhole(buffer, "a", delivered: 60)
    }

    /// What the mark has passed by a gap that was answered is in no range of the cursor any more, and is
    /// still in memory for another destination.
    @Test func whatWasAnsweredBeforeARewindIsNotDropped() throws {
        let buffer = try fixture.open()
        let (reader, other) = (try buffer.openDestination("a").reader, try buffer.openStream("b"))
        refuseSamples()
        try append(0..<160, to: buffer)
        var frames: [StoredFrame] = []
        while let stored = try reader.next() { frames.append(stored) }
        try reader.answered(
            [], ranges: [frames[1].lead..<frames[120].end], outcome: Outcomes(delivered: ["node": 1_200]))
        reader.rewind()
        let gap = try #require(try reader.next())
        try reader.answered(
            [], ranges: [gap.lead..<gap.end], outcome: Outcomes(delivered: ["node": 10]))
        buffer.keep(syncs: false)
        let dropped = try books(buffer, "b").dropped[BufferDropReason.memoryFull]
        #expect(try #require(dropped) > 400)
        #expect(try books(buffer, "a").dropped.isEmpty && books(buffer, "a").delivered == 1_210)
        #expect(try #require(try reader.next()).frame.values[0] == 121)
        try expectWhole(buffer, "b", delivered: try other.drain().count)
    }

    /// The cursor's write hangs, and what was dropped is charged no more.
    @Test func whatIsDroppedIsFreedBeforeItIsBooked() throws {
        fixture.memory = MemoryAccount(framesBytes: 20_000)
        let buffer = try fixture.open()
        _ = try buffer.openDestination("a")
        refuseSamples()
        try append(0..<1, to: buffer)
        let held = try appendOther(to: buffer)
        try append(1..<50, to: buffer)
        #expect(held.isThere)
        let wasThere = Mutex<Bool?>(nil)
        fixture.files.comeBetween(atWriteTo: BufferFileName.cursor("a")) {
            wasThere.withLock { $0 = held.isThere }
        }
        buffer.keep(syncs: false)
        #expect(wasThere.withLock { $0 } == false)
    }

    /// Of a target that one frame holds.
    private func appendOther(to buffer: WriteAheadBuffer) throws -> WeakTarget {
        let target = TestFrames.target("other")
        try buffer.append(fixture.frame(0, target: target))
        return WeakTarget(target)
    }

    private final class WeakTarget: Sendable {
        private weak let target: Target?
        var isThere: Bool { target != nil }

        init(_ target: Target) { self.target = target }
    }

    /// A reader in the segment before has still to pass the one in memory.
    @Test func aSegmentInMemoryKeepsItsPlaceUntilThoseBeforeItAreGone() throws {
        let buffer = try fixture.open()
        let reader = try buffer.openDestination("a").reader
        try append(0..<3, to: buffer)
        refuseSamples()
        try append(3..<6, to: buffer)
        // It is not written down.
        fixture.files.fail { operation, path in
            operation == .make && path.hasSuffix(".segment.new") ? .init(errno: 28) : nil
        }
        buffer.keep()
        try append(6..<9, to: buffer)
        var frames: [StoredFrame] = []
        while let stored = try reader.next() { frames.append(stored) }
        try #require(frames.count == 9 && buffer.core.catalog.all.map(\.number) == [1, 2, 3])
        try reader.answered(
            [], ranges: [frames[1].lead..<frames[5].end], outcome: Outcomes(delivered: ["node": 50]))
        reader.rewind()
        let gap = try #require(try reader.next())
        try reader.answered(
            [], ranges: [gap.lead..<gap.end], outcome: Outcomes(delivered: ["node": 10]))
        // The first one does not go.
        fixture.files.fail { operation, _ in operation == .remove ? .init(errno: 5) : nil }
        buffer.keep()
        #expect(fixture.memory.usedBytes(of: .frames) == 0)
        fixture.files.fail(nil)
        var rest: [StoredFrame] = []
        while let stored = try reader.next() { rest.append(stored) }
        #expect(rest.map(\.frame.values[0]) == [6, 7, 8])
        try reader.answered(
            [], ranges: [rest[0].lead..<rest[2].end], outcome: Outcomes(delivered: ["node": 30]))
        #expect(try books(buffer, "a").delivered == 90 && books(buffer, "a").dropped.isEmpty)
        buffer.keep()
        #expect(buffer.core.catalog.all.map(\.number) == [3])
    }

    /// Any order of appends, refusals, answers, rewinds and rounds of the keeper, in which another sender may
    /// read on or begin: the books close at each step, and each destination gets in order what was not
    /// dropped.
    @Test(arguments: 1...60) func anyOrderOfEventsKeepsTheBooks(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        fixture.memory = MemoryAccount(framesBytes: 12_000)
        fixture.segmentSizeBytes = [1, 2_000, 1 << 20][generator.below(3)]
        fixture.recentFrameBytes = generator.chance(50) ? 4_096 : 0
        fixture.reserveBytes = generator.chance(50) ? 4_096 : 0
        let buffer = try fixture.open()
        let streams = try ["a", "b"].map { try buffer.openStream($0) }
        var delivered: [[Int]] = [[], []]
        var read: [[StoredFrame]] = [[], []]
        var scraped = 0
        func check() throws {
            for name in ["a", "b"] where scraped > 0 {
                let books = try #require(buffer.ledger().destinations[name]?["node"])
                let known = books.dropped.values.reduce(books.delivered + books.buffered, +)
                #expect(books.scraped == UInt64(scraped) * 10 && known == books.scraped, "seed \(seed)")
                #expect(books.inMemory <= books.buffered)
            }
            #expect(fixture.memory.usedBytes(of: .frames) <= 12_000)
        }
        func send(_ number: Int) throws {
            try streams[number].deliver(read[number])
            delivered[number] += read[number].map { Int($0.frame.values[0]) }
            read[number] = []
        }
        for _ in 0..<300 {
            let number = generator.below(2)
            switch generator.below(100) {
            case ..<50:
                // A frame that finds no room is booked.
                try? buffer.append(fixture.frame(Double(scraped)))
                scraped += 1
            case ..<53: fixture.files.refuse(errno: [5, 24, 28, 30][generator.below(4)])
            case ..<55: refuseSamples()
            case ..<62: fixture.files.fail(nil)
            case ..<74:
                fixture.clock.advance(ms: Int64(generator.below(12_000)))
                let stream = streams[1 - number]
                let (reads, rewinds) = (generator.below(3), generator.chance(20))
                let meanwhile = Mutex<[StoredFrame]>([])
                fixture.files.comeBetween(atWriteTo: BufferFileName.cursor(["a", "b"][number])) {
                    if rewinds { stream.rewind() }
                    // What does not come is missed at the end.
                    for _ in 0..<reads {
                        if let stored = try? stream.next() { meanwhile.withLock { $0.append(stored) } }
                    }
                }
                buffer.keep(syncs: generator.chance(70))
                let hasCome = !fixture.files.forgetWhoComesBetween()
                if hasCome, rewinds { read[1 - number] = [] }
                read[1 - number] += meanwhile.withLock { $0 }
            case ..<88:
                for _ in 0..<generator.below(20) {
                    if let stored = try streams[number].next() { read[number].append(stored) }
                }
            case ..<97: try send(number)
            default:
                streams[number].rewind()
                read[number] = []
            }
            try check()
        }
        fixture.files.fail(nil)
        for _ in 0..<3 {
            fixture.clock.advance(ms: 60_000)
            buffer.keep()
        }
        for number in 0..<2 {
            try send(number)
            delivered[number] += try streams[number].drain().map { Int($0.frame.values[0]) }
            #expect(zip(delivered[number], delivered[number].dropFirst()).allSatisfy { $0 < $1 })
        }
        try check()
        for (name, values) in zip(["a", "b"], delivered) {
            let books = try #require(buffer.ledger().destinations[name]?["node"])
            #expect(books.buffered == 0 && books.delivered == UInt64(values.count) * 10, "seed \(seed)")
        }
        buffer.keep()
        #expect(fixture.memory.usedBytes(of: .frames) == 0 && buffer.core.catalog.inMemory.isEmpty)
    }

    /// Memory fills while the file is written, and the oldest are dropped: some of them are written already,
    /// and a sender has them in flight. They are booked, and no later reader finds them.
    @Test(arguments: [false, true]) func whatIsDroppedMeanwhileIsInNoFile(renames: Bool) throws {
        let limit = 64 << 10
        fixture.memory = MemoryAccount(framesBytes: limit)
        let memory = fixture.memory
        let more = Mutex(0)
        var (count, delivered) = (0, 0)
        do {
            let buffer = try fixture.open()
            let stream = try buffer.openStream("a")
            fixture.refuseSamples()
            while fixture.usedBytes < limit / 4 * 3 - 2_000 {
                try fixture.append(count..<count + 1, to: buffer)
                count += 1
            }
            // They are on their way.
            for _ in 0..<20 { _ = try stream.next() }
            let frames = (count..<count + 60).map { fixture.frame(Double($0)) }
            fixture.files.fail(nil)
            fixture.files.comeBetween(atWriteTo: ".segment.new") {
                for frame in frames where memory.usedBytes(of: .frames) <= limit / 4 * 3 {
                    if (try? buffer.append(frame)) != nil { more.withLock { $0 += 1 } }
                }
            }
            buffer.keep()
            count += more.withLock { $0 }
            #expect(!fixture.files.forgetWhoComesBetween() && more.withLock { $0 } > 0)
            #expect(!buffer.isDiskRefusing && buffer.core.catalog.inMemory.isEmpty && fixture.usedBytes == 0)
            if renames {
                let sent = fixture.values(try Stream(try buffer.rename("a", to: "b")).drain())
                #expect(sent == Array(count - sent.count..<count) && sent.count < count - 20)
                try fixture.expectWhole(
                    buffer, "b", delivered: sent.count,
                    dropped: [BufferDropReason.memoryFull: UInt64(count - sent.count) * 10])
                return
            }
            stream.rewind()
            // With the next answer what went is booked.
            try stream.deliver([try #require(try stream.next())])
            delivered = 1
        }
        let buffer = try fixture.open()
        let sent = fixture.values(try buffer.openStream("a").drain())
        delivered += sent.count
        #expect(sent == Array(count - sent.count..<count) && delivered < count - 20)
        try fixture.expectWhole(
            buffer, "a", delivered: delivered,
            dropped: [BufferDropReason.memoryFull: UInt64(count - delivered) * 10])
    }
}
