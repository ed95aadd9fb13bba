import MetricModel
import Platform
import TestSupport
import Testing

@testable import WriteAheadBuffer

/// Segments that go by retention while the disk does not give them.
struct DestinationReaderRetiringTests {
    /// Delivered is what was handed out, and damaged is only the rest.
    @Test(arguments: [FaultyFiles.Operation.open, .read], [0, 2, 5])
    func whatWasHandedOutIsNotLostWithASegmentThatCannotBeRead(
        failing: FaultyFiles.Operation, handedOut: Int
    ) throws {
        let fixture = try BufferFixture()
        fixture.segmentMaxAgeMs = 1_000
        fixture.retentionAgeMs = 5_000
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        for value in 0..<5 { try buffer.append(fixture.frame(Double(value))) }
        var frames: [StoredFrame] = []
        while frames.count < handedOut, let stored = try stream.next() { frames.append(stored) }
        let segment = try #require(buffer.core.catalog.oldest)
        fixture.clock.advance(ms: 4_000)
        try buffer.append(fixture.frame(5))
        try #require(buffer.core.catalog.all.count == 2)
        fixture.files.fail { operation, path in
            operation == failing && path == segment.path ? .init(errno: 24) : nil
        }
        fixture.clock.advance(ms: 2_000)
        buffer.keep()
        try #require(buffer.core.catalog[segment.number] == nil)
        try stream.deliver(frames)
        try stream.drain()
        let books = try #require(buffer.ledger().destinations["a"]?["node"])
        #expect(books.scraped == 60 && books.buffered == 0)
        #expect(books.delivered == UInt64(10 * handedOut + 10))
        #expect(books.dropped.values.reduce(0, +) == UInt64(50 - 10 * handedOut))
    }

    /// All of a segment was handed out, and the next one cannot be opened.
    @Test func whatWasReadToItsEndIsNotLostWhereTheNextSegmentDoesNotOpen() throws {
        let fixture = try BufferFixture()
        fixture.segmentMaxAgeMs = 1_000
        fixture.retentionAgeMs = 5_000
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        for value in 0..<5 { try buffer.append(fixture.frame(Double(value))) }
        let frames = try stream.all()
        let segment = try #require(buffer.core.catalog.oldest)
        fixture.clock.advance(ms: 4_000)
        try buffer.append(fixture.frame(5))
        fixture.files.fail { operation, _ in operation == .open ? .init(errno: 24) : nil }
        #expect(throws: BufferError.self) { try stream.next() }
        fixture.clock.advance(ms: 2_000)
        buffer.keep()
        try #require(buffer.core.catalog[segment.number] == nil)
        fixture.files.fail(nil)
        try stream.deliver(frames)
        try stream.drain()
        let books = try #require(buffer.ledger().destinations["a"]?["node"])
        #expect(books.scraped == 60 && books.delivered == 60 && books.dropped.isEmpty)
    }

    @Test func aCursorThatWasNeverPutInItsPlaceGoesWithTheNextStart() throws {
        let fixture = try BufferFixture()
        let path = BufferFileName.unfinished("\(fixture.folder.path)/\(BufferFileName.cursor("gone"))")
        try fixture.overwrite(path, with: [1, 2, 3])
        _ = try fixture.open()
        #expect(try fixture.files.status(path) == nil)
    }
}
