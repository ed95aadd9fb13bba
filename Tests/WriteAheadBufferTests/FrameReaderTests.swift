import MetricModel
import Platform
import Synchronization
import Telemetry
import TestSupport
import Testing

@testable import WriteAheadBuffer

struct FrameReaderTests {
    /// Fails one read, the one after `count` others, as a network disk does that is away for a moment.
    private final class OneFailure: Sendable {
        private let left: Mutex<Int>
        init(after count: Int) { left = Mutex(count) }

        func take() -> FaultyFiles.Fault? {
            left.withLock { left in
                left -= 1
                return left == -1 ? .init(errno: 5) : nil
            }
        }

        var hasFailed: Bool { left.withLock { $0 < 0 } }
    }

    private let targets = (0..<4).map { TestFrames.target("t\($0)", job: "job\($0 % 2)") }

    /// Statements and frames that are longer than a piece of the reader's window, so that reads fail in the
    /// middle of records of every type.
    private func fill(_ fixture: BufferFixture) throws -> [[Double]] {
        let layouts = [1, 2].map {
            Layout([TestFrames.incompressibleChunk(count: 2_500, nameBytes: 60, seed: $0)])
        }
        var generator = SeededGenerator(seed: 5)
        var first: [[Double]] = [[], [], [], []]
        let buffer = try fixture.open()
        _ = try buffer.openDestination("a")
        for round in 0..<6 {
            for (index, target) in targets.enumerated() {
                let values = (0..<2_500).map { _ in Double.random(in: 0..<1, using: &generator) }
                first[index].append(values[0])
                try buffer.append(
                    Frame(
                        target: target, layout: layouts[index / 2], timestampMs: Int64(round),
                        values: values))
            }
        }
        try buffer.close()
        return first
    }

    @Test func aReadThatFailsOnceLosesNothingWhereverItFails() throws {
        let fixture = try BufferFixture()
        fixture.segmentSizeBytes = 300_000
        let expected = try fill(fixture)
        let snapshot = try fixture.snapshot()
        var count = 0
        while true {
            try fixture.restore(snapshot)
            let buffer = try fixture.open()
            let stream = try buffer.openStream("a")
            let failure = OneFailure(after: count)
            fixture.files.fail { operation, path in
                operation == .read && path.hasSuffix(".segment") ? failure.take() : nil
            }
            var read: [UInt64: [Double]] = [:]
            var failures = 0
            while true {
                do {
                    guard let stored = try stream.next() else { break }
                    read[stored.frame.target.id, default: []].append(stored.frame.values[0])
                    try stream.deliver([stored])
                } catch {
                    #expect((error as? BufferError)?.code == .io, "read \(count)")
                    failures += 1
                }
            }
            fixture.files.fail(nil)
            guard failure.hasFailed else { break }
            #expect(failures == 1, "read \(count)")
            for (index, values) in expected.enumerated() {
                #expect(read[targets[index].id] == values, "target \(index), read \(count)")
            }
            for (job, books) in buffer.ledger().destinations["a"] ?? [:] {
                #expect(books.delivered == 30_000, "\(job), read \(count)")
                #expect(books.dropped.isEmpty && books.buffered == 0, "\(job), read \(count)")
            }
            #expect(buffer.core.metrics.readFailures.value == 1, "read \(count)")
            count += 1
        }
        #expect(count > 10, "so many reads were failed, one at a time")
    }

    @Test func aSegmentThatCannotBeReadStillGoesWhenRetentionTakesIt() throws {
        let fixture = try BufferFixture()
        fixture.segmentSizeBytes = 1
        fixture.retentionBytes = 2_000
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        for value in 0..<10 { try buffer.append(fixture.frame(Double(value))) }
        let bad = try fixture.segmentPaths[1]
        fixture.files.fail { operation, path in operation == .read && path == bad ? .init(errno: 5) : nil }
        for _ in 0..<2 { #expect(throws: BufferError.self) { _ = try stream.next() } }
        buffer.enforceRetention()
        #expect(buffer.sizeBytes <= 2_000)
        let rest = try stream.drain().count
        let books = try #require(buffer.ledger().destinations["a"]?["node"])
        #expect(rest > 0 && books.delivered == UInt64(rest * 10))
        #expect(books.dropped[BufferDropReason.damaged] == 10)
        #expect(books.dropped[BufferDropReason.retentionSize] == UInt64(90 - rest * 10))
        #expect(books.buffered == 0)
    }

    /// In a header and in a payload.
    @Test(arguments: [0, 60]) func aBadSectorCostsWhatStandsOnItOnceItHasFailedForLong(at place: UInt64)
        throws
    {
        let fixture = try BufferFixture()
        let targets = (0..<8).map { TestFrames.target("t\($0)") }
        let layout = Layout([TestFrames.chunk("m", count: 300)])
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        var generator = SeededGenerator(seed: 3)
        var ends: [BufferPosition] = []
        for round in 0..<3 {
            for target in targets {
                let values = (0..<300).map { _ in Double.random(in: 0..<1, using: &generator) }
                try buffer.append(
                    Frame(target: target, layout: layout, timestampMs: Int64(round), values: values))
            }
        }
        while let stored = try stream.next() { ends.append(stored.start) }
        stream.rewind()
        let bad = ends[10].offset + place
        fixture.files.spoil(try #require(fixture.segmentPaths.last), bad..<bad + 1)
        var read: [StoredFrame] = []
        var failures = 0
        while read.last.map({ $0.end < ends[23] }) ?? true, failures < 10 {
            do {
                while let stored = try stream.next() { read.append(stored) }
                break
            } catch {
                failures += 1
                fixture.clock.advance(ms: 300_000)
            }
        }
        #expect(failures >= 2, "nothing is given up before ten minutes")
        // A header costs the page, too; a frame costs its target's later ones in this segment.
        #expect(read.count >= (place == 0 ? 18 : 22), "\(read.count) frames")
        try stream.deliver(read)
        _ = try stream.next()
        let books = try #require(buffer.ledger().destinations["a"]?["node"])
        #expect(books.dropped == [BufferDropReason.damaged: UInt64(24 - read.count) * 300])
        #expect(books.buffered == 0)
    }

    @Test func aReaderAtTheEndOfARemovedSegmentGoesOn() throws {
        let fixture = try BufferFixture()
        fixture.segmentSizeBytes = 1
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        for value in 1...5 {
            try buffer.append(fixture.frame(Double(value)))
            let stored = try #require(try stream.next())
            #expect(stored.frame.values[0] == Double(value))
            if value == 3 { try buffer.append(fixture.frame(100)) }
            try stream.deliver([stored])
            buffer.removeAnswered()
            if value == 3 { #expect(try stream.drain().count == 1) }
        }
        #expect(try stream.next() == nil)
        #expect(try fixture.segmentPaths.count <= 2)
    }

    @Test func memoryDoesNotGrowWithTheBacklog() throws {
        let fixture = try BufferFixture()
        fixture.segmentSizeBytes = 20_000
        let buffer = try fixture.open()
        for value in 0..<2_000 { try buffer.append(fixture.frame(Double(value) / 3)) }
        let stream = try buffer.openStream("a")
        #expect(try fixture.segmentPaths.count > 4)
        while let stored = try stream.next() {
            try stream.deliver([stored])
            #expect(stream.reader.footprint.windowBytes <= RecordWindow.pieceBytes)
            #expect(stream.reader.footprint.places <= 3)
        }
    }
}
