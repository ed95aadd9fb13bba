import MetricModel
import Synchronization
import TestSupport
import Synchronization
import Testing

@testable import WriteAheadBuffer

struct WriteAheadBufferLettingGoTests {
    /// 300 series with names of a thousand letters.
    private static func large(_ seed: UInt64) -> Layout {
        Layout([TestFrames.incompressibleChunk(count: 300, nameBytes: 1_000, seed: seed)])
    }

    @Test func readersLetGoOfSeriesThatAreGoneOnceTheSegmentEnds() throws {
        let fixture = try BufferFixture()
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        for seed in 1...3 {
            try buffer.append(TestFrames.frame(fixture.target, Self.large(UInt64(seed)), at: 1_000))
        }
        try buffer.append(fixture.frame(7))
        #expect(try stream.drain().count == 4)
        // The reader alone has them.
        #expect(fixture.interner.size.labelBytes > 900_000)
        buffer.keep()
        #expect(try fixture.segmentPaths.count == 1)
        buffer.letGoOfThePast()
        buffer.keep()
        try buffer.append(fixture.frame(8))
        #expect(try stream.drain().map { $0.frame.values[0] } == [8])
        #expect(fixture.interner.size.labelBytes < 100_000)
        // What is asked for once is done once.
        buffer.letGoOfThePast()
        buffer.keep()
        buffer.keep()
        #expect(buffer.state.withLock { $0.writer?.number } == 2)
    }

    @Test func aSegmentWhoseSeriesGoOnIsNotEnded() throws {
        let fixture = try BufferFixture()
        let buffer = try fixture.open()
        let layout = Self.large(1)
        for _ in 0..<3 { try buffer.append(TestFrames.frame(fixture.target, layout, at: 1_000)) }
        buffer.letGoOfThePast()
        buffer.keep()
        #expect(buffer.state.withLock { $0.writer?.number } == 1)
    }

    @Test func targetsThatAreGoneEndASegmentThatStatesLittle() throws {
        let fixture = try BufferFixture()
        let buffer = try fixture.open()
        try buffer.append(fixture.frame(1))
        for index in 0..<20 {
            try buffer.append(fixture.frame(1, target: TestFrames.target("gone:\(index)")))
        }
        buffer.letGoOfThePast()
        buffer.keep()
        #expect(buffer.state.withLock { $0.writer?.number } == 2)
    }
}
