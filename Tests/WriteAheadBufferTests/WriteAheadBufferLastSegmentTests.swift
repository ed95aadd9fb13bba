import Platform
import Synchronization
import TestSupport
import Testing

@testable import WriteAheadBuffer

/// The last segment on the disk stays while frames go to memory, but not where it is in the way back.
struct WriteAheadBufferLastSegmentTests {
    private let fixture: BufferFixture

    init() throws {
        fixture = try BufferFixture()
        fixture.memory = MemoryAccount(framesBytes: 1 << 20)
    }

    private func append(_ values: Range<Int>, to buffer: WriteAheadBuffer) throws {
        for value in values { try buffer.append(fixture.frame(Double(value))) }
    }

    private func refuses(_ buffer: WriteAheadBuffer) -> Bool {
        buffer.core.isDiskRefusing.load(ordering: .relaxed)
    }

    private func keepOn(_ buffer: WriteAheadBuffer, seconds: Int) {
        for _ in 0..<seconds {
            fixture.clock.advance(ms: 1_000)
            buffer.keep()
        }
    }

    /// The last one has gone, and the disk is used again.
    private func expectBack(_ buffer: WriteAheadBuffer, without first: String, delivered: Int) throws {
        #expect(!refuses(buffer))
        #expect(try fixture.segmentPaths.count == 1 && fixture.segmentPaths != [first])
        let books = try #require(buffer.ledger().destinations["a"]?["node"])
        #expect(books.delivered == UInt64(delivered) * 10 && books.dropped.isEmpty && books.buffered == 0)
    }

    /// The reserve is held, or there is none, and beside the last segment there is no room for what the next
    /// one begins with: the probe finds that, or the segment itself.
    @Test(arguments: zip([0, 4_096, 0], ["narthex.probe", "narthex.probe", ".segment"]))
    func theLastSegmentGoesWhereTheNextOneLacksItsRoom(reserveBytes: Int, refused: String) throws {
        fixture.reserveBytes = reserveBytes
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        try append(0..<9, to: buffer)
        let first = try #require(fixture.segmentPaths.first)
        fixture.files.fail { operation, path in
            guard operation == .write, (try? POSIXFiles().status(first)) != nil else { return nil }
            return path == first || path.hasSuffix(refused) ? .init(errno: 28) : nil
        }
        try append(9..<12, to: buffer)
        try #require(refuses(buffer))
        try stream.drain()
        buffer.keep()
        #expect(try fixture.segmentPaths == [first], "not before its room is known to lack")
        keepOn(buffer, seconds: 12)
        try expectBack(buffer, without: first, delivered: 12)
    }

    /// It has less in it than the reserve takes, most of which is free.
    @Test func aFullDiskGetsBackTheRoomOfALastSegmentThatIsShort() throws {
        fixture.reserveBytes = 32_768
        fixture.files.hold(atMostBytes: 52_000)
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        var value = 0
        while !refuses(buffer), value < 10_000 {
            try append(value..<value + 1, to: buffer)
            value += 1
        }
        let first = try #require(fixture.segmentPaths.first)
        try #require(fixture.files.status(first)?.length ?? 0 < 32_768)
        try stream.drain()
        keepOn(buffer, seconds: 12)
        try expectBack(buffer, without: first, delivered: value)
    }

    /// A start on a disk that others have filled: the books do not go for room that would not be enough.
    @Test func theLastSegmentStaysWhereItsRoomIsNotEnough() throws {
        fixture.reserveBytes = 32_768
        fixture.files.hold(atMostBytes: 16_000)
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        let first = try fixture.segmentPaths
        try append(0..<3, to: buffer)
        try #require(refuses(buffer))
        try stream.drain()
        keepOn(buffer, seconds: 30)
        #expect(try refuses(buffer) && fixture.segmentPaths == first)
        fixture.files.hold(atMostBytes: 160_000)
        keepOn(buffer, seconds: 12)
        try expectBack(buffer, without: first.first ?? "", delivered: 3)
    }

    /// Its file goes on refusing, and all others would be taken.
    @Test(arguments: [FaultyFiles.Operation.truncate, .make, .status, .sync])
    func aTornSegmentThatCannotBeCutGoes(operation: FaultyFiles.Operation) throws {
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        try append(0..<1, to: buffer)
        let first = try #require(fixture.segmentPaths.last)
        fixture.files.fail { operation, _ in
            operation == .write || operation == .truncate ? .init(errno: 5, keptBytes: 17) : nil
        }
        try append(1..<2, to: buffer)
        try #require(refuses(buffer))
        try stream.drain()
        buffer.keep()
        fixture.files.fail { failing, path in
            failing == operation && path == first ? .init(errno: 5) : nil
        }
        keepOn(buffer, seconds: 3)
        try expectBack(buffer, without: first, delivered: 2)
    }
}
