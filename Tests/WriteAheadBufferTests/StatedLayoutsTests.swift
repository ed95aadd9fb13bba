import MetricModel
import Platform
import TestSupport
import Testing

@testable import WriteAheadBuffer

struct StatedLayoutsTests {
    /// Every target's first frame needs the chunk; only the first of them may wait for it.
    @Test func aSharedChunkThatCannotBeReadIsWaitedForOnce() throws {
        let fixture = try BufferFixture()
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        let lost = Layout([TestFrames.chunk("lost", count: 8_000)])
        var generator = SeededGenerator(seed: 4)
        // Held, as targets are that are scraped: a segment ends with most of its targets.
        let targets = (0..<40).map { TestFrames.target("\($0 < 20 ? "t" : "u")\($0 % 20)") }
        for index in 0..<20 {
            let values = (0..<8_000).map { _ in Double.random(in: 0..<1, using: &generator) }
            try buffer.append(
                Frame(target: targets[index], layout: lost, timestampMs: 1, values: values))
        }
        for index in 0..<20 {
            try buffer.append(fixture.frame(Double(index), target: targets[20 + index]))
        }
        withExtendedLifetime(targets) {}
        let path = try #require(fixture.segmentPaths.last)
        let chunk = try #require(
            try fixture.bytes(path).firstRange(of: Array("lost".utf8))?.lowerBound)
        fixture.files.spoil(path, UInt64(chunk)..<UInt64(chunk) + 1)
        var read: [StoredFrame] = []
        var waits = 0
        while read.count < 20, waits < 50 {
            do {
                while let stored = try stream.next() { read.append(stored) }
                break
            } catch {
                waits += 1
                fixture.clock.advance(ms: 300_000)
            }
        }
        #expect(read.count == 20)
        #expect(waits >= 2 && waits <= 4, "\(waits) waits of five minutes for one chunk")
        try stream.deliver(read)
        _ = try stream.next()
        let books = try #require(buffer.ledger().destinations["a"]?["node"])
        #expect(books.dropped == [BufferDropReason.damaged: 160_000])
        #expect(books.buffered == 0)
    }
}
