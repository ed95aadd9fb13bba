import MetricModel
import Platform
import TestSupport
import Testing

@testable import WriteAheadBuffer

struct SegmentRenewalTests {
    /// The kernel has given the pages of the failed sync up, and reads them back as zeros.
    @Test func whatTheKernelGaveUpIsWrittenAnewFromMemoryAtTheSamePlaces() throws {
        let fixture = try BufferFixture()
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        for value in 0..<3 { try buffer.append(fixture.frame(Double(value))) }
        #expect(buffer.sync())
        let first = try #require(try stream.next())
        let path = try #require(fixture.segmentPaths.last)
        let durable = try fixture.bytes(path).count
        for value in 3..<5 { try buffer.append(fixture.frame(Double(value))) }
        let whole = try fixture.bytes(path)
        fixture.files.fail { operation, _ in operation == .sync ? .init(errno: 5) : nil }
        #expect(!buffer.sync())
        try fixture.overwrite(path, with: whole.enumerated().map { $0 < durable ? $1 : 0 })
        fixture.files.fail(nil)
        fixture.clock.advance(ms: 1_000)
        #expect(buffer.sync())
        #expect(try fixture.bytes(path) == whole)
        // A reader that has the old file open goes on in the new one, and the request in flight holds.
        try stream.willSend(upTo: first.end)
        let rest = try stream.all()
        #expect(rest.map { $0.frame.values[0] } == [1, 2, 3, 4])
        try stream.deliver([first] + rest)
        #expect(buffer.ledger().destinations["a"]?["node"]?.delivered == 50)
        #expect(buffer.ledger().destinations["a"]?["node"]?.buffered == 0)
    }

    @Test func aRenewalThatFailsLeavesTheSegmentAsItWas() throws {
        for operation in [FaultyFiles.Operation.open, .write, .read, .sync, .rename] {
            let fixture = try BufferFixture()
            let buffer = try fixture.open()
            let stream = try buffer.openStream("a")
            for value in 0..<3 {
                try buffer.append(fixture.frame(Double(value)))
                if value == 0 { #expect(buffer.sync()) }
            }
            fixture.files.fail { operation, _ in operation == .sync ? .init(errno: 5) : nil }
            #expect(!buffer.sync())
            let whole = try fixture.bytes(fixture.segmentPaths[0])
            fixture.files.fail { failing, path in
                failing == operation && path.contains(".segment") ? .init(errno: 5) : nil
            }
            fixture.clock.advance(ms: 60_000)
            #expect(!buffer.sync(), "\(operation)")
            #expect(try fixture.bytes(fixture.segmentPaths[0]) == whole, "\(operation)")
            fixture.files.fail(nil)
            fixture.clock.advance(ms: 120_000)
            #expect(buffer.sync(), "\(operation)")
            let names = try fixture.files.list(fixture.folder.path)
            #expect(!names.contains { $0.hasSuffix(".segment.new") }, "\(operation)")
            #expect(try stream.drain().count == 3, "\(operation)")
            try buffer.close()
            // The reader's own.
            #expect(fixture.files.openCount == 1, "\(operation)")
        }
    }

    @Test func aDiskThatFailsForHoursMakesNoSegmentForEachRound() throws {
        let fixture = try BufferFixture()
        let buffer = try fixture.open()
        fixture.files.fail { operation, _ in operation == .sync ? .init(errno: 5) : nil }
        for second in 0..<600 {
            try buffer.append(fixture.frame(Double(second)))
            fixture.clock.advance(ms: 1_000)
            buffer.keep()
        }
        #expect(try fixture.segmentPaths.count == 2)
        fixture.files.fail(nil)
        fixture.clock.advance(ms: 60_000)
        #expect(buffer.sync())
        let stream = try buffer.openStream("a")
        #expect(try stream.all().count == 600)
    }

    /// Pages that the kernel gave up are no damage while memory has a copy of them.
    @Test(arguments: [0, 30]) func aReaderWaitsForARenewalWhereTheKernelGavePagesUp(intoRecord: Int) throws {
        let fixture = try BufferFixture()
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        for value in 0..<3 { try buffer.append(fixture.frame(Double(value))) }
        #expect(buffer.sync())
        let path = try #require(fixture.segmentPaths.last)
        let durable = try fixture.bytes(path).count
        for value in 3..<5 { try buffer.append(fixture.frame(Double(value))) }
        let whole = try fixture.bytes(path)
        fixture.files.fail { operation, _ in operation == .sync ? .init(errno: 5) : nil }
        #expect(!buffer.sync())
        try fixture.overwrite(
            path, with: whole.enumerated().map { $0 < durable + intoRecord ? $1 : 0 })
        var read: [StoredFrame] = []
        #expect(throws: BufferError.self) { while let stored = try stream.next() { read.append(stored) } }
        #expect(throws: BufferError.self) { _ = try stream.next() }
        #expect(read.count == 3)
        fixture.files.fail(nil)
        fixture.clock.advance(ms: 1_000)
        #expect(buffer.sync())
        read += try stream.all()
        #expect(read.map { $0.frame.values[0] } == [0, 1, 2, 3, 4])
        try stream.deliver(read)
        #expect(buffer.ledger().destinations["a"]?["node"]?.dropped.isEmpty == true)
    }

    /// A reload or discovery replaces targets: what is kept of those before must not pile up.
    @Test(arguments: [1, 40]) func aSegmentEndsWithMostOfItsTargets(staying: Int) throws {
        let fixture = try BufferFixture()
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        let kept = (0..<staying).map { TestFrames.target("kept\($0)") }
        for target in kept { try buffer.append(fixture.frame(0, target: target)) }
        for number in 1...200 {
            // Known to nobody but the buffer once its frame is appended.
            try buffer.append(
                fixture.frame(Double(number), target: TestFrames.target("gone\(number)")))
        }
        let segments = try fixture.segmentPaths.count
        #expect((4...12).contains(segments), "\(segments) segments")
        for target in kept { try buffer.append(fixture.frame(201, target: target)) }
        let firsts = try stream.all().map { $0.frame.values[0] }
        var expected = Array(repeating: 0.0, count: staying)
        expected += (1...200).map(Double.init)
        expected += Array(repeating: 201.0, count: staying)
        #expect(firsts == expected)
    }

    @Test func targetsThatStayEndNoSegment() throws {
        let fixture = try BufferFixture()
        let buffer = try fixture.open()
        let targets = (0..<300).map { TestFrames.target("\($0)") }
        for round in 0..<3 {
            for target in targets { try buffer.append(fixture.frame(Double(round), target: target)) }
        }
        #expect(try fixture.segmentPaths.count == 1)
        withExtendedLifetime(targets) {}
    }
}
