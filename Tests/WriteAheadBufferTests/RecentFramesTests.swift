import MetricModel
import Platform
import TestSupport
import Testing

@testable import WriteAheadBuffer

struct RecentFramesTests {
    private func all(_ reader: DestinationReader) throws -> [StoredFrame] {
        var frames: [StoredFrame] = []
        while let stored = try reader.next() { frames.append(stored) }
        return frames
    }

    private func reader(_ buffer: WriteAheadBuffer, _ name: String) throws -> DestinationReader {
        try buffer.openDestination(name).reader
    }

    /// Frames of any kind over several segments: a destination that follows gets the very frames that were
    /// appended, and they are what another one decodes.
    @Test(arguments: 1...4 as ClosedRange<UInt64>)
    func whoFollowsGetsWhatOthersDecode(seed: UInt64) throws {
        let fixture = try BufferFixture()
        fixture.recentFrameBytes = 1 << 20
        fixture.segmentSizeBytes = 16_384
        let buffer = try fixture.open()
        let following = try reader(buffer, "following")
        let decoding = try reader(buffer, "decoding")
        #expect(try all(following).isEmpty)
        var generator = SeededGenerator(seed: seed)
        let targets = (0..<4).map { TestFrames.target("t\($0)", job: "job\($0 % 2)") }
        let chunks = (0..<3).map { TestFrames.histogramChunk("m\($0)_", count: 7) }
        var before: [Int: Frame] = [:]
        var given: [StoredFrame] = []
        for step in 0..<200 {
            let number = generator.below(targets.count)
            let plain = TestFrames.random(
                targets[number], chunks, at: Int64(step) * 1_000, before: before[number]?.values ?? [],
                &generator)
            let frame = TestFrames.withSides(plain, before: before[number], &generator)
            // What the scraper would not make is not appended.
            guard frame.contradiction == nil else { continue }
            before[number] = frame
            try buffer.append(frame)
            let read = try all(following)
            let isTheSame = read.allSatisfy { $0.frame.target === frame.target }
            #expect(isTheSame, "not decoded")
            #expect(buffer.core.recent.kept.frames == 0, "everybody who follows has it")
            given += read
        }
        let decoded = try all(decoding)
        #expect(decoded.count == given.count && given.count > 100, "seed \(seed)")
        for (first, second) in zip(given, decoded) {
            #expect(second.frame.target !== first.frame.target)
            let isEqual =
                FrameContent(first.frame) == FrameContent(second.frame) && first.start == second.start
                && first.end == second.end && first.open == second.open && first.lead == second.lead
            #expect(isEqual, "seed \(seed), at \(first.start)")
        }
    }

    /// Who follows knows when a frame was appended, however late it reads; the disk does not say so.
    @Test func whoFollowsKnowsWhenAFrameWasAppended() throws {
        let fixture = try BufferFixture()
        fixture.recentFrameBytes = 1 << 20
        let buffer = try fixture.open()
        let (following, decoding) = (try reader(buffer, "following"), try reader(buffer, "decoding"))
        #expect(try all(following).isEmpty)
        var appendedNs: [UInt64?] = []
        for value in 0..<3 {
            try buffer.append(fixture.frame(Double(value)))
            appendedNs.append(fixture.clock.monotonicNs)
            fixture.clock.advance(ms: 7_000)
        }
        #expect(try all(following).map(\.appendedNs) == appendedNs)
        #expect(try all(decoding).map(\.appendedNs) == [nil, nil, nil])
    }

    /// One that stands still for long holds up nothing: the oldest frames go, and it reads the disk until
    /// it has caught up.
    @Test func whoFallsBehindReadsTheDiskAndFollowsAgain() throws {
        let fixture = try BufferFixture()
        fixture.recentFrameBytes = 4_096
        let buffer = try fixture.open()
        let (quick, slow) = (try reader(buffer, "quick"), try reader(buffer, "slow"))
        for reader in [quick, slow] { #expect(try all(reader).isEmpty) }
        for value in 0..<30 {
            try buffer.append(fixture.frame(Double(value)))
            #expect(buffer.core.recent.kept.bytes <= 4_096)
            let read = try all(quick)
            #expect(read.count == 1 && read.first?.frame.target === fixture.target)
        }
        #expect(buffer.core.recent.kept.frames == 0, "nothing is kept for one that is behind")
        let behind = try all(slow)
        #expect(behind.map(\.frame.values[0]) == (0..<30).map { Double($0) })
        #expect(behind.allSatisfy { $0.frame.target !== fixture.target })
        try buffer.append(fixture.frame(30))
        for reader in [quick, slow] {
            let read = try all(reader)
            #expect(read.first?.frame.target === fixture.target, "both follow")
        }
        // Nobody follows any more: one is set back, and the other behind.
        try buffer.append(fixture.frame(31))
        #expect(buffer.core.recent.kept.frames == 1)
        quick.rewind()
        slow.rewind()
        #expect(buffer.core.recent.kept.frames == 0)
        try buffer.append(fixture.frame(32))
        #expect(buffer.core.recent.kept.frames == 0)
        let again = try all(quick)
        #expect(again.count == 33)
    }

    /// Another destination is behind and holds all that reading may: those at the tail go on following.
    @Test func oneThatUsesTheMemoryUpUnfollowsNobody() throws {
        let fixture = try BufferFixture()
        fixture.recentFrameBytes = 1 << 20
        fixture.memory = MemoryAccount(readingBytes: 1 << 20)
        let buffer = try fixture.open()
        let reader = try reader(buffer, "following")
        #expect(try all(reader).isEmpty)
        let another = MemoryHold(fixture.memory, .reading)
        another.set(1 << 20)
        for value in 0..<3 {
            try buffer.append(fixture.frame(Double(value)))
            let read = try all(reader)
            #expect(read.count == 1 && read.first?.frame.target === fixture.target, "not decoded")
        }
        another.set(0)
    }

    /// What a reader decodes is charged, and given back with it; what it has from the appender is not its
    /// own, so another destination costs next to nothing.
    @Test(arguments: [0, 16 << 20]) func basesAreChargedWhereTheyAreTheReadersOwn(recentFrameBytes: Int)
        throws
    {
        let fixture = try BufferFixture()
        fixture.recentFrameBytes = recentFrameBytes
        let buffer = try fixture.open()
        let layout = Layout([TestFrames.chunk("m", count: 1_000)])
        let targets = (0..<50).map { TestFrames.target("t\($0)") }
        let series = targets.count * layout.seriesCount
        var charged: [Double] = []
        do {
            var destinations: [BufferDestination] = []
            for number in 1...3 {
                destinations.append(try buffer.openDestination("d\(number)"))
                for round in 0..<3 {
                    for target in targets {
                        try buffer.append(
                            TestFrames.frame(target, layout, at: Int64(round), first: Double(round)))
                    }
                    for destination in destinations {
                        let reader = destination.reader
                        let frames = try all(reader)
                        var outcome = Outcomes()
                        outcome.deliver(frames.count * 1_000, of: "node")
                        try reader.answered(
                            [], ranges: frames.map { $0.lead..<$0.end }, outcome: outcome)
                        _ = try reader.next()
                    }
                }
                charged.append(Double(fixture.memory.usedBytes(of: .reading)) / Double(series))
            }
            print("bytes a series charged with 1, 2 and 3 destinations: \(charged)")
            // The list of frames handed out has room for more than there are.
            let most = recentFrameBytes > 0 ? 2.0 : 9.5
            let least = recentFrameBytes > 0 ? 0.0 : 8.0
            for (one, next) in zip([0] + charged, charged) {
                #expect(next - one >= least && next - one <= most)
            }
        }
    }
}
