import MetricModel
import Platform
import Synchronization
import TestSupport
import Testing

#if canImport(Glibc)
import Glibc
#endif

@testable import WriteAheadBuffer

struct WriteAheadBufferTests {
    @Test(arguments: 1...12)
    func everyFeatureOfAFrameComesBackAsItWas(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let fixture = try BufferFixture()
        fixture.segmentSizeBytes = 20_000
        let targets = (0..<4).map { TestFrames.target("t\($0)") }
        let chunks = (0..<6).map { TestFrames.chunk("c\($0)_", count: [1, 3, 0, 70, 9, 64][$0]) }
        var written: [FrameContent] = []
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        var before: [Double] = []
        for index in 0..<60 {
            let frame = TestFrames.random(
                targets[generator.below(4)], chunks, at: Int64(index), before: before, &generator)
            before = frame.values
            try buffer.append(frame)
            // One without a sample is not handed out.
            if frame.sampleCount > 0 { written.append(FrameContent(frame)) }
        }
        #expect(try stream.all().map { FrameContent($0.frame) } == written, "seed \(seed)")
        stream.rewind()
        #expect(try stream.all().map { FrameContent($0.frame) } == written, "seed \(seed)")
    }

    /// A frame of an empty layout has no sample that anybody could answer for: it is not handed out, and the
    /// next one has a base all the same.
    @Test func aChunkTwiceInALayoutIsAFrameAndAnEmptyLayoutHarmsNothing() throws {
        let fixture = try BufferFixture()
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        let chunk = TestFrames.chunk("m", count: 3)
        let layouts = [
            Layout([]), Layout([chunk, chunk]), Layout([chunk]), Layout([]), Layout([chunk, chunk]),
            Layout([]),
        ]
        for (index, layout) in layouts.enumerated() {
            try buffer.append(TestFrames.frame(fixture.target, layout, at: Int64(index)))
        }
        #expect(
            try stream.all().map(\.frame.values) == [
                [1, 2, 3, 4, 5, 6], [1, 2, 3], [1, 2, 3, 4, 5, 6],
            ])
    }

    @Test func aSecondProcessIsRefusedAndTheFirstGoesOn() throws {
        let fixture = try BufferFixture()
        let buffer = try fixture.open()
        let error = #expect(throws: BufferError.self) { _ = try fixture.open() }
        #expect(error?.code == .locked)
        #expect(
            error?.message.contains("is locked by another process, probably \(getpid()): stop it") == true)
        try buffer.append(fixture.frame(1))
    }

    @Test func anotherFormatIsRefusedAndTheLockLetGo() throws {
        let fixture = try BufferFixture()
        do { try fixture.open().append(fixture.frame(1)) }
        let path = try #require(fixture.segmentPaths.first)
        let good = try fixture.bytes(path)
        var buffer = RecordBuffer()
        FileHeader(kind: .segment, salt: 1, number: 1, createdMs: 0).put(into: &buffer)
        var copy = Array(buffer.bytes[..<36])
        copy[8] = 4
        // Safety: bytes have no padding.
        let crc = unsafe CRC32C.checksum(copy.span.bytes)
        for shift in [0, 8, 16, 24] as [UInt32] { copy.append(UInt8(truncatingIfNeeded: crc >> shift)) }
        try fixture.overwrite(path, with: copy + copy + good[80...])
        for _ in 0..<2 {
            let error = #expect(throws: BufferError.self) { _ = try fixture.open() }
            #expect(error?.code == .unsupportedVersion)
        }
        #expect(fixture.files.openCount == 0)
        try fixture.overwrite(path, with: good)
        #expect(try fixture.open().openStream("a").all().count == 1)
    }

    @Test func foreignFilesAreLeftAlone() throws {
        let fixture = try BufferFixture()
        let names = [
            "notes.txt", "1.segment", "99999999999999999999.segment", "18446744073709551615.segment",
            "cursor-zzzzzzzzzzzzzzzz.log", "cursor-1.log",
        ]
        for name in names { try fixture.overwrite("\(fixture.folder.path)/\(name)", with: [1, 2, 3]) }
        let buffer = try fixture.open()
        _ = try buffer.openDestination("a")
        try buffer.retire(destinationsExcept: ["a"])
        let left = try fixture.files.list(fixture.folder.path)
        for name in names { #expect(left.contains(name)) }
    }

    /// Behind a segment with the highest number there is none: a later start would not know its file.
    @Test func aForgedSegmentWithTheLastNumberStopsTheStart() throws {
        let fixture = try BufferFixture()
        let number = BufferPosition.maxSegment
        var buffer = RecordBuffer()
        FileHeader(kind: .segment, salt: 1, number: number, createdMs: 0).put(into: &buffer)
        let path = "\(fixture.folder.path)/\(BufferFileName.segment(number))"
        try fixture.overwrite(path, with: buffer.bytes)
        let error = #expect(throws: BufferError.self) { _ = try fixture.open() }
        #expect(error.map { "\($0)".contains("move the one with the highest number away") } == true)
        #expect(fixture.files.openCount == 0)
        try POSIXFiles().remove(path)
        try fixture.open().append(fixture.frame(1))
    }

    @Test func whatIsClosedOrDroppedHoldsNoDescriptor() throws {
        let fixture = try BufferFixture()
        for isClosed in [true, false] {
            let buffer = try fixture.open()
            let stream = try buffer.openStream("a")
            try buffer.append(fixture.frame(1))
            _ = try stream.next()
            if isClosed {
                try buffer.close()
                try buffer.close()
                #expect(throws: BufferError.self) { try buffer.append(fixture.frame(1)) }
            }
        }
        #expect(fixture.files.openCount == 0)
    }

    @Test func aFrameThatContradictsItselfIsRefusedAndBooked() throws {
        let fixture = try BufferFixture()
        let buffer = try fixture.open()
        _ = try buffer.openDestination("a")
        func frame(absent: [UInt32] = [], explicit: [UInt32] = [], departed: [UInt32] = []) -> Frame {
            Frame(
                target: fixture.target, layout: fixture.layout, timestampMs: 1,
                values: Array(repeating: 0, count: 10),
                explicitTimestamps: explicit.map { .init(series: $0, timestampMs: 1) }, absent: absent,
                departed: [.init(chunk: fixture.layout.chunks[0], series: departed)])
        }
        let bare = Target(job: "node", own: LabelSet())
        let bad = [
            frame(absent: [2, 1]), frame(absent: [10]), frame(explicit: [3, 3]), frame(departed: [.max]),
            TestFrames.frame(bare, fixture.layout, at: 1),
        ]
        for frame in bad {
            let error = #expect(throws: BufferError.self) { try buffer.append(frame) }
            #expect(error?.code == .invalidFrame)
        }
        try buffer.append(frame(absent: [0, 9], explicit: [9], departed: [0, 9]))
        let samples = UInt64(bad.reduce(0) { $0 + $1.sampleCount })
        let books = try #require(buffer.ledger().destinations["a"]?["node"])
        #expect(books.dropped == [BufferDropReason.appendFailed: samples])
        #expect(books.buffered == 10)
    }

    @Test func aTargetsStateGoesWithItsSegment() throws {
        let fixture = try BufferFixture()
        let buffer = try fixture.open()
        let targets = (0..<50).map { TestFrames.target("t\($0)") }
        for target in targets { try buffer.append(fixture.frame(1, target: target)) }
        withExtendedLifetime(targets) {}
        #expect(buffer.state.withLock { $0.writer?.targetCount } == 50)
        fixture.clock.setWall(ms: 0)
        fixture.clock.advance(ms: fixture.segmentMaxAgeMs)
        try buffer.append(fixture.frame(1))
        #expect(buffer.state.withLock { $0.writer?.targetCount } == 1)
    }
}
