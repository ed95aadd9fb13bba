import MetricModel
import Platform
import Synchronization
import Telemetry
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

    private func refuses(_ buffer: WriteAheadBuffer) -> Bool {
        buffer.core.isDiskRefusing.load(ordering: .relaxed)
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

    private static let placeIsGone = "a cursor's place is gone from the disk"

    struct Case: CustomTestStringConvertible, Sendable {
        /// Frames that are delivered at the kill.
        let delivered: Int
        let hasLater: Bool
        /// What the next start sends.
        let sent: [Int]
        let damaged: UInt64
        let earlier: Int64
        /// The complaint of the next start.
        let said: String?

        var testDescription: String { "\(delivered) delivered, \(hasLater ? "and" : "no") later segment" }
    }

    @Test(
        arguments: [
            // Before the segment in memory: nobody knows of what was in it, unless it was written down.
            Case(delivered: 2, hasLater: false, sent: [2], damaged: 0, earlier: 0, said: nil),
            Case(delivered: 2, hasLater: true, sent: Array(2..<9), damaged: 0, earlier: 0, said: nil),
            // In it.
            Case(delivered: 4, hasLater: false, sent: [], damaged: 0, earlier: -10, said: placeIsGone),
            Case(delivered: 4, hasLater: true, sent: Array(4..<9), damaged: 0, earlier: 0, said: nil),
            // Behind it.
            Case(delivered: 6, hasLater: false, sent: [], damaged: 0, earlier: -30, said: placeIsGone),
            Case(delivered: 6, hasLater: true, sent: [6, 7, 8], damaged: 0, earlier: 0, said: nil),
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
        #expect(said.count == (expected.said == nil ? 0 : 1))
        #expect(said.allSatisfy { $0.contains(expected.said ?? "nothing") })
    }

    /// Answered ranges in a segment that is gone: the balance holds. Where it was written down they hold.
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
        #expect(sent == (hasLater ? [0, 1, 2, 3, 5, 6, 7, 8] : [0, 1, 2]))
        let books = try self.books(buffer)
        #expect(books.delivered == UInt64(sent.count + 1) * 10 && books.buffered == 0)
        #expect(books.dropped.isEmpty && books.earlier == (hasLater ? 0 : -10))
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

    /// Frames go to memory, and the last segment on the disk is answered for, and above its age.
    @Test(arguments: [false, true]) func theBooksOutliveASpell(endsInOrder: Bool) throws {
        fixture.retentionAgeMs = 60_000
        var buffer: WriteAheadBuffer? = try fixture.open()
        var stream: Stream? = try buffer?.openStream("a")
        let bad = Frame(
            target: fixture.target, layout: fixture.layout, timestampMs: 1,
            values: Array(repeating: 0, count: 10), absent: [2, 1])
        #expect(throws: BufferError.self) { try buffer?.append(bad) }
        if let buffer { try append(0..<3, to: buffer) }
        refuseSamples()
        if let buffer { try append(3..<6, to: buffer) }
        try stream?.drain()
        for _ in 0..<3 {
            fixture.clock.advance(ms: 61_000)
            buffer?.keep()
        }
        #expect(try fixture.segmentPaths.count == 1)
        if endsInOrder { try buffer?.close() }
        (buffer, stream) = (nil, nil)
        fixture.files.fail(nil)
        let again = try fixture.open()
        _ = try again.openStream("a").drain()
        let books = try self.books(again)
        #expect(books.delivered == 60 && books.dropped == [BufferDropReason.appendFailed: 8])
        #expect(again.ledger().jobs["node"] == 38, "what was in memory went with the process")
    }

    @Test func theLastSegmentGoesOnceALaterOneHasTheBooks() throws {
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        try fill(buffer, hasLater: false)
        try stream.drain()
        buffer.keep()
        let first = try fixture.segmentPaths
        fixture.files.fail(nil)
        buffer.keep()
        buffer.keep()
        #expect(try fixture.segmentPaths.count == 1 && fixture.segmentPaths != first)
        #expect(buffer.core.catalog.all.count == 1 && buffer.ledger().jobs["node"] == 60)
    }

    /// The segment has filled the disk by itself, and nobody else makes room.
    @Test func aFullDiskGetsItsLastSegmentsRoomBack() throws {
        fixture.reserveBytes = 4_096
        fixture.files.hold(atMostBytes: 20_000)
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        var value = 0
        while !refuses(buffer), value < 10_000 {
            try append(value..<value + 1, to: buffer)
            value += 1
        }
        let first = try fixture.segmentPaths
        try stream.drain()
        buffer.keep()
        #expect(try fixture.segmentPaths == first, "not before its room is known to lack")
        for _ in 0..<12 {
            fixture.clock.advance(ms: 1_000)
            buffer.keep()
        }
        #expect(!refuses(buffer))
        #expect(try fixture.segmentPaths.count == 1 && fixture.segmentPaths != first)
        #expect(try books(buffer).delivered == UInt64(value) * 10 && books(buffer).dropped.isEmpty)
    }

    /// What an earlier spell has left is answered for, and the keeper has not come by.
    @Test func aSpellBeginsInMemoryThatIsFullOfWhatIsAnswered() throws {
        fixture.memory = MemoryAccount(framesBytes: 3_000)
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        fixture.files.refuse(errno: 5)
        var value = 0
        while (try? append(value..<value + 1, to: buffer)) != nil { value += 1 }
        try #require(value > 5)
        fixture.files.fail(nil)
        try stream.drain()
        buffer.regainDisk()
        try #require(!refuses(buffer) && fixture.memory.usedBytes(of: .frames) > 2_600)
        fixture.files.refuse(errno: 5)
        try append(0..<1, to: buffer)
        #expect(refuses(buffer) && buffer.core.metrics.appendFailures.value == 1)
    }

    /// Numbers are not used up by segments that cannot be begun.
    @Test func aSegmentThatCannotBeBegunKeepsItsNumber() throws {
        fixture.segmentSizeBytes = 1
        let buffer = try fixture.open()
        try append(0..<1, to: buffer)
        fixture.files.fail { operation, path in
            operation == .make && path.hasSuffix(".segment") ? .init(errno: 24) : nil
        }
        try append(1..<500, to: buffer)
        fixture.files.fail(nil)
        try append(500..<501, to: buffer)
        #expect(buffer.core.catalog.all.map(\.number) == [1, 2, 3])
    }

    /// One old segment that cannot be written anew says nothing of the others.
    @Test func aSegmentThatCannotBeRenewedBeginsNoSpell() throws {
        let buffer = try fixture.open()
        try append(0..<1, to: buffer)
        fixture.files.fail { operation, path in
            operation == .sync && path.contains(".segment") ? .init(errno: 5) : nil
        }
        buffer.keep()
        fixture.files.fail { operation, path in
            operation == .make && path.hasSuffix(".segment.new") ? .init(errno: 28) : nil
        }
        for value in 1..<600 {
            try append(value..<value + 1, to: buffer)
            fixture.clock.advance(ms: 1_000)
            buffer.keep()
        }
        #expect(buffer.core.catalog.all.map(\.isInDoubt) == [true, false])
        #expect(fixture.said.all("the disk takes no samples").isEmpty && buffer.core.catalog.inMemory.isEmpty)
    }

    private func tear(_ buffer: WriteAheadBuffer) throws -> String {
        try append(0..<1, to: buffer)
        let path = try #require(fixture.segmentPaths.last)
        fixture.files.fail { operation, _ in
            operation == .write || operation == .truncate ? .init(errno: 5, keptBytes: 17) : nil
        }
        try append(1..<2, to: buffer)
        try #require(refuses(buffer))
        return path
    }

    /// A power loss would bring it back, and then no record tells where the segment ends.
    @Test func aTornEndIsCutDurablyBeforeTheDiskIsUsedAgain() throws {
        let buffer = try fixture.open()
        let path = try tear(buffer)
        fixture.files.fail { operation, synced in
            operation == .sync && synced == path ? .init(errno: 5) : nil
        }
        buffer.keep(syncs: false)
        #expect(refuses(buffer))
        fixture.files.fail(nil)
        buffer.keep(syncs: false)
        #expect(!refuses(buffer))
    }

    @Test func aTornFileThatSomebodyHasRemovedIsNotMadeAgain() throws {
        let buffer = try fixture.open()
        let path = try tear(buffer)
        fixture.files.fail(nil)
        try fixture.files.remove(path)
        buffer.keep(syncs: false)
        #expect(try !refuses(buffer) && fixture.files.status(path) == nil)
    }

    /// What memory had no room for is in no books on the disk.
    @Test func anEndInASpellTellsOfFailuresThatTheNextStartDoesNotKnow() throws {
        fixture.memory = MemoryAccount(framesBytes: 3_000)
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        refuseSamples()
        #expect(throws: BufferError.self) { try append(0..<100, to: buffer) }
        try stream.drain()
        try buffer.close()
        #expect(fixture.said.all("the next start does not know how many samples").count == 1)
    }

    @Test func aProbeThatAKillHasLeftGoesAtTheStart() throws {
        let path = "\(fixture.folder.path)/\(BufferFileName.probe)"
        try fixture.overwrite(path, with: Array(repeating: 1, count: 30_000))
        fixture.reserveBytes = 4_096
        fixture.files.hold(atMostBytes: 20_000)
        let buffer = try fixture.open()
        #expect(try fixture.files.status(path) == nil && !buffer.core.reserve.isMissing)
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
        let told = fixture.said.all("the agent ends with samples that the disk has not taken: they are lost")
        #expect(told.count == (isWell ? 0 : 1) && told.allSatisfy { $0.contains("samples=20") })
        fixture.files.fail(nil)
        let buffer = try fixture.open()
        let sent = try buffer.openStream("a").drain().map { Int($0.frame.values[0]) }
        #expect(sent == (isWell ? [4, 5] : []))
        let books = try self.books(buffer)
        #expect(books.delivered == (isWell ? 60 : 40) && books.buffered == 0 && books.dropped.isEmpty)
    }

    /// At the end nobody needs room for what the next segment would repeat: what fits is written.
    @Test func theEndWritesWhatFits() throws {
        let layout = Layout([TestFrames.chunk("m", count: 5_000)])
        do {
            let buffer = try fixture.open()
            _ = try buffer.openStream("a")
            try buffer.append(TestFrames.frame(fixture.target, layout, at: fixture.clock.wallMs, first: 0))
            let used = try fixture.snapshot().values.reduce(0) { $0 + UInt64($1.count) }
            fixture.files.hold(atMostBytes: used)
            try append(1..<4, to: buffer)
            try #require(refuses(buffer) && buffer.state.withLock { $0.restatedBytes } > 20_000)
            fixture.files.hold(atMostBytes: used + 15_000)
            try buffer.close()
        }
        #expect(fixture.said.all("they are lost").isEmpty)
        fixture.files.hold(atMostBytes: UInt64.max)
        let buffer = try fixture.open()
        #expect(try buffer.openStream("a").drain().map { $0.frame.values[0] } == [0, 1, 2, 3])
        #expect(try books(buffer).dropped.isEmpty && books(buffer).buffered == 0)
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
}
