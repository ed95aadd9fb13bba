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

    /// Packed chunks may state many times their bytes: beyond a bound they are lost as damaged ones are.
    @Test(arguments: [(1, 0, false), (1, 1 << 30, true), (64, 0, true)])
    func whatUnpacksToTooMuchIsLost(times: Int, leastBytes: Int, isWhole: Bool) throws {
        let layouts = (0..<12).map { number in
            Layout([TestFrames.chunk("some_metric_of_a_fleet_\(number)_", count: 1_000)])
        }
        let (found, ownBytes, length) = try read(layouts, .init(times: times, leastBytes: leastBytes))
        #expect(found[0] && found[11] == isWhole)
        let held = layouts.reduce(0) { $0 + $1.chunks[0].heldBytes }
        if isWhole {
            #expect(ownBytes == held)
        } else {
            #expect(ownBytes < Int(length) + held / 12 + 1 && ownBytes < held)
        }
    }

    /// A chunk keeps what its series have in common once, and is read as if it were all written out.
    @Test func theBoundCountsWhatIsWrittenOut() throws {
        let layouts = (0..<3).map { number in
            Layout([TestFrames.chunk("some_metric_of_a_fleet_\(number)_", count: 1_000)])
        }
        let sizes = layouts.map { layout in
            let plain = layout.chunks[0].plain
            return plain.bytes.count + 8 * plain.pieces.count + 4 * plain.pieceOffsets.count
        }
        #expect(layouts[0].chunks[0].heldBytes + layouts[1].chunks[0].heldBytes < sizes[0])
        for (bound, isFound) in [
            (sizes[0], [true, false, false]), (sizes[0] + 1, [true, true, false]),
            (sizes[0] + sizes[1], [true, true, false]), (sizes[0] + sizes[1] + 1, [true, true, true]),
        ] {
            #expect(try read(layouts, .init(times: 0, leastBytes: bound)).found == isFound)
        }
    }

    /// Whether each layout is found in a segment that states them, what of the chunks is nobody else's, and
    /// the segment's length, all in bytes.
    private func read(
        _ layouts: [Layout], _ bound: StatedLayouts.Bound
    ) throws -> (found: [Bool], ownBytes: Int, length: UInt64) {
        let fixture = try BufferFixture()
        let buffer = try fixture.open()
        for layout in layouts {
            try buffer.append(TestFrames.frame(fixture.target, layout, at: fixture.clock.wallMs))
        }
        let core = buffer.core
        let info = try #require(core.catalog.all.last)
        var segment: SegmentReader? = try SegmentReader(
            info, isLastLook: false, catalog: core.catalog, files: fixture.files, metrics: core.metrics,
            clock: fixture.clock)
        defer { segment?.close() }
        var stated = StatedLayouts(LayoutInterner(), bound: bound)
        var numbers: [UInt32] = []
        while case .record(let header, let place)? = try segment?.next() {
            switch header.type {
            case .chunk: stated.note(chunk: header, at: place)
            case .layout:
                stated.note(layout: header, at: place)
                numbers.append(header.subject)
            default: break
            }
            segment?.done()
        }
        #expect(numbers.count == layouts.count)
        let found = try numbers.map { try stated.layout($0, in: &segment) != nil }
        return (found, stated.ownBytes, info.length)
    }
}
