import MetricModel
import Platform
import Synchronization
import TestSupport
import Testing

@testable import WriteAheadBuffer

/// The disk refuses: what was written stays, what was not is booked, and it goes on.
struct SegmentWriterTests {
    private func append(
        _ chunk: LayoutChunk, of target: Target, _ value: Double, to buffer: WriteAheadBuffer
    ) throws {
        let values = Array(repeating: value, count: chunk.seriesCount)
        try buffer.append(
            Frame(
                target: target, layout: Layout([chunk]), timestampMs: Int64(value),
                values: values))
    }

    @Test func aChunkThatNoTargetUsesIsLetGo() throws {
        let fixture = try BufferFixture()
        // No reader follows and holds frames.
        let buffer = try fixture.open()
        let target = TestFrames.target()
        let isThere = try appendAndForget(TestFrames.chunk("a", count: 10), of: target, 1, to: buffer)
        #expect(isThere())
        try append(TestFrames.chunk("b", count: 10), of: target, 2, to: buffer)
        #expect(!isThere())
    }

    /// Appends a chunk's frame; the result tells whether anybody still holds the chunk.
    private func appendAndForget(
        _ chunk: consuming LayoutChunk, of target: Target, _ value: Double, to buffer: WriteAheadBuffer
    ) throws -> () -> Bool {
        try append(chunk, of: target, value, to: buffer)
        return { [weak chunk] in chunk != nil }
    }

    /// Chunks come and go in thousands, so that new ones take the places of old ones in memory.
    @Test func eachFrameHasItsOwnChunkThoughOthersWereLetGo() throws {
        let fixture = try BufferFixture()
        let count = 3_000
        do {
            let buffer = try fixture.open()
            _ = try buffer.openDestination("a")
            let target = TestFrames.target()
            for number in 1...count {
                // Each seventh as it was before, after it was let go.
                let chunk = TestFrames.chunk("m\(number % 7 == 0 ? 0 : number)_", count: 2)
                try buffer.append(
                    Frame(
                        target: target, layout: Layout([chunk]), timestampMs: Int64(number),
                        values: [Double(number), 0]))
            }
        }
        let frames = try fixture.open().openStream("a").all()
        #expect(frames.count == count)
        for (index, stored) in frames.enumerated() {
            let number = index + 1
            let labels = stored.frame.layout.labels(ofSeries: 0, target: stored.frame.target)
            #expect(stored.frame.values[0] == Double(number))
            try #require(labels?["__name__"] == "m\(number % 7 == 0 ? 0 : number)_0")
        }
    }

    private func books(_ buffer: WriteAheadBuffer) throws -> DestinationLedger {
        try #require(buffer.ledger().destinations["a"]?["node"])
    }

    private func check(_ buffer: WriteAheadBuffer, _ buffered: UInt64) throws {
        #expect(try books(buffer).buffered == buffered)
        #expect(try books(buffer).dropped == [BufferDropReason.appendFailed: 10])
        #expect(try books(buffer).scraped == buffered + 10)
    }

    /// Nothing of the failed frame's record was written, or a part, or all of it.
    @Test(arguments: [0, 1, 17, 100, 100_000], [true, false])
    func aFailedWriteCostsItsFrameAlone(keptBytes: Int, canCut: Bool) throws {
        let fixture = try BufferFixture()
        do {
            let buffer = try fixture.open()
            let stream = try buffer.openStream("a")
            try buffer.append(fixture.frame(1))
            fixture.files.fail { operation, _ in
                if operation == .truncate && !canCut { return .init(errno: 5) }
                return operation == .write ? .init(keptBytes: keptBytes) : nil
            }
            let error = #expect(throws: BufferError.self) { try buffer.append(fixture.frame(2)) }
            #expect(error?.code == .io && error?.cause?.errno == 28)
            fixture.files.fail(nil)
            try buffer.append(fixture.frame(3))
            try check(buffer, 20)
            #expect(try stream.all().map { $0.frame.values[0] } == [1, 3])
        }
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        try check(buffer, 20)
        #expect(try stream.drain().map { $0.frame.values[0] } == [1, 3])
        #expect(try books(buffer).buffered == 0)
    }

    /// A layout whose statements take more than one write.
    private func largeLayout() -> Layout {
        Layout((0..<8).map { TestFrames.incompressibleChunk(count: 300, nameBytes: 300, seed: 11 + $0) })
    }

    @Test(arguments: [1, 2], [true, false])
    func aFailedPieceCostsItsFrameAlone(failing: Int, canCut: Bool) throws {
        let fixture = try BufferFixture()
        let layout = largeLayout()
        do {
            let buffer = try fixture.open()
            _ = try buffer.openDestination("a")
            try buffer.append(fixture.frame(1))
            let path = try #require(fixture.segmentPaths.last)
            let before = try #require(try fixture.files.status(path)).length
            let writes = Mutex(0)
            fixture.files.fail { operation, _ in
                if operation == .truncate && !canCut { return .init(errno: 5) }
                guard operation == .write else { return nil }
                let number = writes.withLock { writes in
                    writes += 1
                    return writes
                }
                return number == failing ? .init(keptBytes: 1_000) : nil
            }
            let large = TestFrames.frame(fixture.target, layout, at: fixture.clock.wallMs, first: 2)
            #expect(throws: BufferError.self) { try buffer.append(large) }
            #expect(writes.withLock { $0 } == failing)
            fixture.files.fail(nil)
            if canCut { #expect(try fixture.files.status(path)?.length == before) }
            try buffer.append(fixture.frame(3))
            try buffer.append(TestFrames.frame(fixture.target, layout, at: fixture.clock.wallMs, first: 4))
        }
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        #expect(try stream.drain().map { $0.frame.values[0] } == [1, 3, 4])
        #expect(try books(buffer).dropped == [BufferDropReason.appendFailed: 2_400])
    }

    @Test func statementsThatFillASegmentAreNotRepeatedWithEachFrame() throws {
        let fixture = try BufferFixture()
        fixture.segmentSizeBytes = 64 << 10
        let layout = largeLayout()
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        for _ in 0..<5 {
            try buffer.append(TestFrames.frame(fixture.target, layout, at: fixture.clock.wallMs))
        }
        #expect(try fixture.segmentPaths.count == 1)
        // Half of each is frames; values of their own take about eight bytes each.
        var generator = SeededGenerator(seed: 7)
        for _ in 0..<100 {
            let values = (0..<layout.seriesCount).map { _ in Double(bitPattern: generator.next() >> 2) }
            try buffer.append(
                Frame(
                    target: fixture.target, layout: layout, timestampMs: fixture.clock.wallMs, values: values)
            )
        }
        #expect((2...4).contains(try fixture.segmentPaths.count))
        #expect(try stream.all().count == 105)
    }

    /// Frames without a base that alone reach the limit: the segment goes on until they are an eighth of it.
    @Test func firstFramesThatFillASegmentAreNotRepeatedWithEachFrame() throws {
        let fixture = try BufferFixture()
        fixture.segmentSizeBytes = 64 << 10
        let layout = Layout(Array(repeating: TestFrames.chunk("m", count: 2_500), count: 60))
        let buffer = try fixture.open()
        var lengths: [UInt64] = []
        // Values of their own, which take eight bytes each; then a sixteenth of them move.
        var values = (0..<layout.seriesCount).map {
            Double(bitPattern: 0x3FF0_0123_4567_89AB + UInt64($0) << 32)
        }
        for frame in 0..<20 {
            for series in stride(from: frame % 16, to: values.count, by: 16) { values[series] += .pi / 1e6 }
            try buffer.append(
                Frame(
                    target: fixture.target, layout: layout, timestampMs: fixture.clock.wallMs, values: values)
            )
            lengths.append(buffer.sizeBytes)
        }
        #expect(lengths[0] > 1 << 20)
        #expect(try fixture.segmentPaths.count == 1)
        #expect(lengths[19] < 8 * lengths[0])
    }

    /// The scrapes of a real exporter as they stand in the file: what each takes behind the first.
    @Test func aRealExporterTakesLessThanAByteASample() throws {
        let fixture = try BufferFixture()
        let scrapes = RecordedScrapes.nodeExporter
        let series = scrapes[0].count
        let layout = Layout([
            TestFrames.chunk("node_filesystem_", count: 256),
            TestFrames.chunk("node_network_", count: series - 256),
        ])
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        var lengths: [UInt64] = [buffer.sizeBytes]
        for values in scrapes {
            fixture.clock.advance(ms: 15_000)
            try buffer.append(
                Frame(
                    target: fixture.target, layout: layout, timestampMs: fixture.clock.wallMs, values: values)
            )
            lengths.append(buffer.sizeBytes)
        }
        let read = try stream.all().map { $0.frame.values.map(\.bitPattern) }
        #expect(read == scrapes.map { $0.map(\.bitPattern) })
        let last = lengths.count - 1
        let each = Double(lengths[last] - lengths[1]) / Double(series * (last - 1))
        #expect(each < 1, "\(each) bytes a sample")
        // The first frame has no base: its values alone.
        #expect(Double(lengths[1] - lengths[0]) / Double(series) < 10)
    }

    private let thousand = TestFrames.chunk("m", count: 1_000)

    /// How many segments frames a minute apart make, which always say the same: a few bytes each. `change`
    /// may add another.
    private func segments(
        minutes: Int, _ change: (_ minute: Int) -> Frame? = { _ in nil }
    ) throws -> Int {
        let fixture = try BufferFixture()
        let buffer = try fixture.open()
        for minute in 0..<minutes {
            try buffer.append(TestFrames.frame(fixture.target, Layout([thousand]), at: Int64(minute)))
            if let frame = change(minute) { try buffer.append(frame) }
            fixture.clock.advance(ms: 60_000)
        }
        return try fixture.segmentPaths.count
    }

    @Test(arguments: [(60, 1), (61, 2), (181, 4)])
    func aSegmentOfLittleMoreThanItsBeginningGoesOnForAnHour(minutes: Int, count: Int) throws {
        #expect(try segments(minutes: minutes) == count)
    }

    @Test func aSegmentThatHoldsMuchMoreEndsAtItsAge() throws {
        var generator = SeededGenerator(seed: 2)
        let layout = Layout(Array(repeating: thousand, count: 4))
        let target = TestFrames.target("other:1")
        let count = try segments(minutes: 46) { minute in
            Frame(
                target: target, layout: layout, timestampMs: Int64(minute),
                values: (0..<4_000).map { _ in Double(bitPattern: generator.next() >> 2) })
        }
        #expect(count == 4)
    }

    @Test func aSegmentWhoseTargetsWentEndsAtItsAge() throws {
        let layout = Layout([TestFrames.chunk("a", count: 10)])
        let count = try segments(minutes: 18) { minute in
            TestFrames.frame(TestFrames.target("other:\(minute)"), layout, at: Int64(minute))
        }
        #expect(count == 2)
    }

    @Test func aSegmentWhoseLayoutsWentEndsAtItsAge() throws {
        let target = TestFrames.target("other:1")
        let count = try segments(minutes: 16) { minute in
            let layout = Layout([TestFrames.chunk("gone\(minute)_", count: 1_000)])
            return TestFrames.frame(target, layout, at: Int64(minute))
        }
        #expect(count == 2)
    }

    @Test func aSegmentEndsAtHalfOfTheRetentionWhateverItStates() throws {
        let fixture = try BufferFixture()
        fixture.segmentSizeBytes = 64 << 10
        fixture.retentionBytes = 1 << 20
        let layout = largeLayout()
        let buffer = try fixture.open()
        for _ in 0..<3 {
            try buffer.append(TestFrames.frame(fixture.target, layout, at: fixture.clock.wallMs))
        }
        #expect(try fixture.segmentPaths.count == 3)
    }

    /// What a start has to read, and what retention takes at once, is bounded: 4 MiB of 32 where the segment
    /// would be 9 by what it repeats, and twice that where an eighth of the retention is less.
    @Test(arguments: [(32, 4), (8, 2)]) func aSegmentIsNoMoreThanAnEighthOfTheRetention(
        retentionMiB: Int, segmentMiB: Int
    ) throws {
        let fixture = try BufferFixture()
        fixture.segmentSizeBytes = 64 << 10
        fixture.retentionBytes = UInt64(retentionMiB) << 20
        let layout = Layout(Array(repeating: TestFrames.chunk("m", count: 2_500), count: 50))
        let buffer = try fixture.open()
        var values = (0..<layout.seriesCount).map {
            Double(bitPattern: 0x3FF0_0123_4567_89AB + UInt64($0) << 32)
        }
        let first = try #require(buffer.core.catalog.all.last?.number)
        var length: UInt64 = 0
        for frame in 0..<40 {
            for series in stride(from: frame % 2, to: values.count, by: 2) { values[series] += .pi / 1e6 }
            try buffer.append(
                Frame(
                    target: fixture.target, layout: layout, timestampMs: fixture.clock.wallMs, values: values)
            )
            let now = try #require(buffer.core.catalog.all.last)
            guard now.number == first else { break }
            length = now.length
        }
        let expected = UInt64(segmentMiB) << 20
        #expect(length >= expected && length < expected + 768 << 10, "\(length) bytes")
    }

    @Test(arguments: [FaultyFiles.Operation.open, .write])
    func whereNoSegmentCanBeBegunTheOldOneGoesOn(operation: FaultyFiles.Operation) throws {
        let fixture = try BufferFixture()
        fixture.segmentSizeBytes = 1
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        try buffer.append(fixture.frame(1))
        let old = try #require(fixture.segmentPaths.last)
        fixture.files.fail { wanted, path in wanted == operation && path != old ? .init(errno: 24) : nil }
        try buffer.append(fixture.frame(2))
        try buffer.append(fixture.frame(3))
        fixture.files.fail(nil)
        try buffer.append(fixture.frame(4))
        #expect(try stream.all().map { $0.frame.values[0] } == [1, 2, 3, 4])
        #expect(try fixture.segmentPaths.count == 3)
    }

    /// An answer counts in memory; after a kill its samples are sent again.
    @Test func anAnswerThatCannotBeWrittenIsLostWithTheProcessAlone() throws {
        let fixture = try BufferFixture()
        do {
            let buffer = try fixture.open()
            let stream = try buffer.openStream("a")
            try buffer.append(fixture.frame(1))
            let frames = try stream.all()
            fixture.files.fail { operation, path in
                operation == .write && path.contains("cursor") ? .init(keptBytes: 20) : nil
            }
            try stream.deliver(frames)
            #expect(try books(buffer).delivered == 10)
        }
        fixture.files.fail(nil)
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        #expect(try stream.drain().count == 1)
        #expect(try books(buffer).delivered == 10)
    }

    @Test func aDiskThatCannotReadIsSaidAndTriedAgain() throws {
        let fixture = try BufferFixture()
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        for value in 1...3 { try buffer.append(fixture.frame(Double(value))) }
        for operation in [FaultyFiles.Operation.open, .read] {
            fixture.files.fail { wanted, _ in wanted == operation ? .init(errno: 5) : nil }
            #expect(throws: BufferError.self) { _ = try stream.next() }
        }
        fixture.files.fail(nil)
        #expect(try stream.all().map { $0.frame.values[0] } == [1, 2, 3])
    }
}
