import MetricModel
import Platform
import TestSupport
import Testing

@testable import WriteAheadBuffer

/// What the end of the process takes of frames that are in memory alone, and what the next start says of it.
struct WriteAheadBufferRegainingTests {
    private let fixture: BufferFixture

    init() throws {
        fixture = try BufferFixture()
        fixture.memory = MemoryAccount(framesBytes: 1 << 20)
    }

    private var complaints: [String] {
        fixture.said.lines.filter { $0.hasPrefix("error") || $0.hasPrefix("warning") }
    }

    private func books(_ buffer: WriteAheadBuffer) throws -> DestinationLedger {
        try #require(buffer.ledger().destinations["a"]?["node"])
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

    /// Three frames on the disk, three in memory, and where the disk is well again three behind.
    private func fill(_ buffer: WriteAheadBuffer, hasLater: Bool) throws {
        try append(0..<3, to: buffer)
        refuseSamples()
        try append(3..<6, to: buffer)
        guard hasLater else { return }
        fixture.files.fail(nil)
        buffer.keep()
        try append(6..<9, to: buffer)
    }

    struct Case: CustomTestStringConvertible, Sendable {
        /// Frames that are delivered at the kill.
        let delivered: Int
        let hasLater: Bool
        /// What the next start sends.
        let sent: [Int]
        let damaged: UInt64
        let earlier: Int64
        /// It says that the cursor's place is gone.
        let isSaid: Bool

        var testDescription: String { "\(delivered) delivered, \(hasLater ? "and" : "no") later segment" }
    }

    @Test(
        arguments: [
            // Before the segment in memory: nobody knows of what was in it, unless a later one does.
            Case(delivered: 2, hasLater: false, sent: [2], damaged: 0, earlier: 0, isSaid: false),
            Case(delivered: 2, hasLater: true, sent: [2, 6, 7, 8], damaged: 30, earlier: 0, isSaid: false),
            // In it.
            Case(delivered: 4, hasLater: false, sent: [], damaged: 0, earlier: -10, isSaid: true),
            Case(delivered: 4, hasLater: true, sent: [6, 7, 8], damaged: 20, earlier: 0, isSaid: true),
            // Behind it.
            Case(delivered: 6, hasLater: false, sent: [], damaged: 0, earlier: -30, isSaid: true),
            Case(delivered: 6, hasLater: true, sent: [6, 7, 8], damaged: 0, earlier: 0, isSaid: false),
        ])
    func whatAKillTakesIsBooked(_ expected: Case) throws {
        do {
            let buffer = try fixture.open()
            let stream = try buffer.openStream("a")
            try fill(buffer, hasLater: expected.hasLater)
            try stream.deliver(Array(try stream.all()[..<expected.delivered]))
        }
        fixture.files.fail(nil)
        let before = complaints.count
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        #expect(try stream.drain().map { Int($0.frame.values[0]) } == expected.sent)
        let books = try self.books(buffer)
        #expect(books.delivered == UInt64(expected.delivered + expected.sent.count) * 10)
        #expect(books.dropped == (expected.damaged > 0 ? [BufferDropReason.damaged: expected.damaged] : [:]))
        #expect(books.earlier == expected.earlier && books.buffered == 0)
        #expect(books.scraped == books.delivered + expected.damaged)
        let said = complaints[before...]
        #expect(said.count == (expected.isSaid ? 1 : 0))
        #expect(said.allSatisfy { $0.contains("place is gone from the disk") })
    }

    /// Answered ranges in a segment that is gone: the balance holds, and where a later segment tells of the
    /// samples, those that were delivered are among the damaged as well.
    @Test(arguments: [false, true]) func rangesInMemoryAreCountedAnew(hasLater: Bool) throws {
        do {
            let buffer = try fixture.open()
            let reader = try buffer.openDestination("a").reader
            try fill(buffer, hasLater: hasLater)
            var frames: [StoredFrame] = []
            while let stored = try reader.next() { frames.append(stored) }
            try reader.answered(
                [], ranges: [frames[4].lead..<frames[4].end],
                outcome: ["node": JobOutcome(delivered: 10)])
        }
        fixture.files.fail(nil)
        let buffer = try fixture.open()
        let sent = try buffer.openStream("a").drain().map { Int($0.frame.values[0]) }
        #expect(sent == (hasLater ? [0, 1, 2, 6, 7, 8] : [0, 1, 2]))
        let books = try self.books(buffer)
        #expect(books.delivered == UInt64(sent.count + 1) * 10 && books.buffered == 0)
        #expect(books.dropped == (hasLater ? [BufferDropReason.damaged: 30] : [:]))
        #expect(books.earlier == -10)
    }

    /// A destination reads 4,096 frames apart in memory: reading stops as on the disk, and goes on.
    @Test func aCursorFullOfRangesInMemoryStopsReading() throws {
        fixture.memory = MemoryAccount(framesBytes: 16 << 20)
        let buffer = try fixture.open()
        let reader = try buffer.openDestination("a").reader
        refuseSamples()
        let count = 2 * DestinationReader.mostRanges + 10
        try append(0..<count, to: buffer)
        var open: [StoredFrame] = []
        while !reader.isFullOfRanges, let stored = try reader.next() {
            if open.count % 2 == 1 {
                try reader.answered(
                    [], ranges: [stored.lead..<stored.end], outcome: ["node": JobOutcome(delivered: 10)])
            }
            open.append(stored)
        }
        #expect(reader.isFullOfRanges && open.count == 2 * DestinationReader.mostRanges)
        for (index, stored) in open.enumerated() where index % 2 == 0 {
            try reader.answered(
                [], ranges: [stored.lead..<stored.end], outcome: ["node": JobOutcome(delivered: 10)])
        }
        #expect(!reader.isFullOfRanges && reader.rangeCount == 0)
        while let stored = try reader.next() {
            try reader.answered(
                [], ranges: [stored.lead..<stored.end], outcome: ["node": JobOutcome(delivered: 10)])
        }
        #expect(try books(buffer).delivered == UInt64(count) * 10 && books(buffer).buffered == 0)
        buffer.keep()
        #expect(fixture.memory.usedBytes(of: .frames) == 0)
    }

    /// The end in order asks the disk once more. What it does not take is told, and the next start is quiet.
    @Test(arguments: [false, true]) func theEndInOrderTellsWhatItTakes(isWell: Bool) throws {
        do {
            let buffer = try fixture.open()
            let stream = try buffer.openStream("a")
            try fill(buffer, hasLater: false)
            try stream.deliver(Array(try stream.all()[..<4]))
            if isWell { fixture.files.fail(nil) }
            try buffer.close()
        }
        #expect(fixture.said.all("the agent ends with samples that the disk has not taken").count == 1)
        #expect(fixture.said.all("they are lost").first?.contains("samples=20") == true)
        fixture.files.fail(nil)
        let buffer = try fixture.open()
        #expect(try buffer.openStream("a").drain().isEmpty)
        let books = try self.books(buffer)
        #expect(books.delivered == 40 && books.buffered == 0)
        #expect(books.dropped == (isWell ? [BufferDropReason.damaged: 20] : [:]))
    }

    @Test func aKillWhileCursorsFailTooSendsAgainWhatTheDiskHas() throws {
        do {
            let buffer = try fixture.open()
            let stream = try buffer.openStream("a")
            try append(0..<3, to: buffer)
            fixture.files.refuse(errno: 5)
            try append(3..<6, to: buffer)
            try stream.drain()
            buffer.keep()
            #expect(try books(buffer).delivered == 60)
        }
        fixture.files.fail(nil)
        let buffer = try fixture.open()
        #expect(try buffer.openStream("a").drain().map { $0.frame.values[0] } == [0, 1, 2])
        #expect(try books(buffer).delivered == 30 && books(buffer).dropped.isEmpty)
    }

    /// Any order of appends, refusals, answers, rewinds and rounds of the keeper: the books close at each
    /// step, and each destination gets in order what was not dropped.
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
            case ..<55: fixture.files.refuse(errno: [5, 24, 28, 30][generator.below(4)])
            case ..<62: fixture.files.fail(nil)
            case ..<74:
                fixture.clock.advance(ms: Int64(generator.below(12_000)))
                buffer.keep(syncs: generator.chance(70))
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
}
