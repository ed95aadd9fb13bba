import MetricModel
import Platform
import TestSupport
import Testing

@testable import WriteAheadBuffer

/// A disk that runs full while a receiver is away costs what does not fit, and nothing once it is back.
struct DiskReserveTests {
    private func books(_ buffer: WriteAheadBuffer) throws -> DestinationLedger {
        try #require(buffer.ledger().destinations["a"]?["node"])
    }

    /// Appends until the disk is full; how many frames it took.
    private func fill(_ buffer: WriteAheadBuffer, _ fixture: BufferFixture) -> Int {
        var count = 0
        while (try? buffer.append(fixture.frame(Double(count)))) != nil { count += 1 }
        return count
    }

    /// In one segment, which is never ended by its size, and in many.
    @Test(arguments: [32 << 20, 1_000])
    func whenAllIsAnsweredFramesAreTakenAgain(segmentSizeBytes: Int) throws {
        let fixture = try BufferFixture()
        fixture.segmentSizeBytes = segmentSizeBytes
        fixture.reserveBytes = 8_192
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        fixture.files.hold(atMostBytes: 16_000)
        let taken = fill(buffer, fixture)
        #expect(taken > 10)
        for _ in 0..<3 { #expect(throws: BufferError.self) { try buffer.append(fixture.frame(0)) } }
        buffer.keep()
        // Each request notes itself in the cursor's log, on the full disk.
        let frames = try stream.all()
        for start in stride(from: 0, to: frames.count, by: 4) {
            try stream.deliver(Array(frames[start..<min(start + 4, frames.count)]))
        }
        _ = try stream.next()
        buffer.keep()
        try buffer.append(fixture.frame(7))
        #expect(try stream.drain().map { $0.frame.values[0] } == [7])
        #expect(try books(buffer).delivered == UInt64(taken + 1) * 10)
        #expect(try books(buffer).dropped == [BufferDropReason.appendFailed: 40])
        #expect(try books(buffer).buffered == 0)
        #expect(try fixture.files.status("\(fixture.folder.path)/narthex.reserve")?.length == 8_192)
    }

    @Test func aFullDiskIsStartedOnAndTakesFramesWhenSomebodyMadeRoom() throws {
        let fixture = try BufferFixture()
        fixture.reserveBytes = 8_192
        do {
            let buffer = try fixture.open()
            _ = try buffer.openDestination("a")
            fixture.files.hold(atMostBytes: 12_000)
            _ = fill(buffer, fixture)
            fixture.files.hold(atMostBytes: UInt64.max)
            buffer.keep()
            // Another program takes what is left.
            var used: UInt64 = 0
            for name in try fixture.files.list(fixture.folder.path) {
                used += try fixture.files.status("\(fixture.folder.path)/\(name)")?.length ?? 0
            }
            fixture.files.hold(atMostBytes: used)
        }
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        #expect(throws: BufferError.self) { try buffer.append(fixture.frame(1)) }
        let frames = try stream.all()
        #expect(frames.count > 5)
        buffer.keep()
        #expect(throws: BufferError.self) { try buffer.append(fixture.frame(1)) }
        fixture.files.hold(atMostBytes: UInt64.max)
        fixture.clock.advance(ms: 10_000)
        buffer.keep()
        try buffer.append(fixture.frame(1))
        #expect(try stream.all().count == 1)
    }

    @Test func aFrameTooLargeForTheDiskDoesNotStopTheOthers() throws {
        let fixture = try BufferFixture()
        fixture.reserveBytes = 4_096
        let buffer = try fixture.open()
        try buffer.append(fixture.frame(1))
        fixture.files.hold(atMostBytes: 10_000)
        let large = Layout([TestFrames.chunk("large", count: 2_000)])
        #expect(throws: BufferError.self) {
            try buffer.append(
                TestFrames.frame(fixture.target, large, at: fixture.clock.wallMs, first: 1))
        }
        try buffer.append(fixture.frame(2))
    }

    @Test func withoutAReserveNothingIsKeptAndNothingRefused() throws {
        let fixture = try BufferFixture()
        let buffer = try fixture.open()
        fixture.files.fail { operation, _ in operation == .write ? .init() : nil }
        #expect(throws: BufferError.self) { try buffer.append(fixture.frame(1)) }
        fixture.files.fail(nil)
        try buffer.append(fixture.frame(2))
        #expect(try fixture.files.status("\(fixture.folder.path)/narthex.reserve") == nil)
    }

    /// The reserve has to take its room on file systems that compress, and earlier versions wrote zeros.
    @Test func aReserveOfZerosIsMadeAnew() throws {
        let fixture = try BufferFixture()
        fixture.reserveBytes = 8_192
        let path = "\(fixture.folder.path)/narthex.reserve"
        try fixture.overwrite(path, with: Array(repeating: 0, count: 8_192))
        _ = try fixture.open()
        let made = try fixture.bytes(path)
        #expect(made.count == 8_192 && Set(made).count > 200)
        _ = try fixture.open()
        #expect(try fixture.bytes(path) == made)
    }

    /// The process had no descriptor left when it started.
    @Test func aReserveThatCouldNotBeMadeAtTheStartIsMadeLater() throws {
        let fixture = try BufferFixture()
        fixture.reserveBytes = 8_192
        let path = "\(fixture.folder.path)/narthex.reserve"
        fixture.files.fail { operation, path in
            operation == .make && path.hasSuffix("reserve") ? .init(errno: 24) : nil
        }
        let buffer = try fixture.open()
        try buffer.append(fixture.frame(1))
        buffer.keep()
        fixture.files.fail(nil)
        #expect(try fixture.files.status(path) == nil)
        fixture.clock.advance(ms: 10_000)
        buffer.keep()
        #expect(try fixture.files.status(path)?.length == 8_192)
        #expect(fixture.said.all("no room can be kept free").count == 1)
        // No segment was ended for it.
        #expect(try fixture.segmentPaths.count == 1)
    }

    /// A reserve that the disk does not let go is neither given up nor made again: each try would say so.
    @Test func aReserveThatCannotBeRemovedIsSaidOnce() throws {
        let fixture = try BufferFixture()
        fixture.reserveBytes = 8_192
        let buffer = try fixture.open()
        try buffer.append(fixture.frame(1))
        fixture.files.fail { operation, path in
            operation == .remove && path.hasSuffix("reserve")
                ? .init(errno: 5) : operation == .write ? .init(errno: 28) : nil
        }
        for _ in 0..<5 {
            #expect(throws: BufferError.self) { try buffer.append(fixture.frame(2)) }
            fixture.clock.advance(ms: 20_000)
            buffer.keep()
        }
        #expect(!buffer.core.reserve.isGivenUp && !buffer.core.reserve.isMissing)
        #expect(fixture.said.all("the room kept free for a full disk cannot be used").count == 1)
        fixture.files.fail(nil)
        try buffer.append(fixture.frame(3))
    }
}
