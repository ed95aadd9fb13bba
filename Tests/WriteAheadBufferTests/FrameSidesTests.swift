import MetricModel
import Platform
import Testing

@testable import WriteAheadBuffer

struct FrameSidesTests {
    private func coded(_ sides: FrameSides, base: FrameSides? = nil, at timestampMs: Int64 = 0) -> [UInt8] {
        var buffer = RecordBuffer()
        sides.put(base: base, timestampMs: timestampMs, into: &buffer)
        return buffer.bytes
    }

    private func read(
        _ bytes: [UInt8], base: FrameSides? = nil, at timestampMs: Int64 = 0, values: [Double]
    ) -> FrameSides? {
        var offset = 0
        let sides = FrameSides(
            bytes.span, &offset, base: base, timestampMs: timestampMs, values: values)
        return offset == bytes.count ? sides : nil
    }

    /// The bytes of docs/buffer-format.md, written out.
    @Test func goldenBytes() throws {
        var sides = FrameSides()
        sides.histograms = [
            .init(
                series: 1,
                histogram: NativeHistogram(
                    schema: 3, zeroThreshold: 0.5, sum: 2.5, resetHint: .gauge,
                    positiveSpans: [.init(offset: -1, length: 1), .init(offset: 2, length: 1)],
                    counts: .integer(count: 7, zeroCount: 1, positiveDeltas: [2, 1], negativeDeltas: [])))
        ]
        sides.exemplars = [
            .init(
                series: 2,
                exemplar: Exemplar(labels: LabelSet([Label("a", "b")]), value: 1, timestampMs: 98))
        ]
        sides.starts = [.init(series: 0, timestampMs: 90), .init(series: 2, timestampMs: 90)]
        let first =
            [
                0x07,  // histograms, exemplars, start timestamps
                0x01, 0x01,  // one histogram, of series 1
                0x0E, 0x06,  // integer, gauge, a zero bucket; schema 3
                0, 0, 0, 0, 0, 0, 0xE0, 0x3F,  // zero threshold 0.5
                0x02, 0x01, 0x01, 0x04, 0x01,  // two spans: -1 of 1, 2 of 1
                0x0E, 0x02, 0x04, 0x02,  // count 7, zero count 1, buckets 2 and +1
                0x01, 0x02,  // one exemplar, of series 2
                0x08, 0x0A, 0x06, 0x0A, 0x01, 0x61, 0x12, 0x01, 0x62,  // its labels
                0xBF, 0xE0, 0x03,  // value 1: bytes 3F F0 reversed, as a varint
                0x01, 0x03,  // timed, 2 ms before the frame
                0x02, 0x00, 0x01,  // two start timestamps, of series 0 and 2
                0x13, 0x00,  // 10 ms before the frame, the same
            ] as [UInt8]
        #expect(coded(sides, at: 100) == first)
        let back = try #require(read(first, at: 100, values: [0, 2.5, 0]))
        #expect(back.histograms == sides.histograms)
        #expect(back.exemplars == sides.exemplars)
        #expect(back.starts == sides.starts)

        var next = FrameSides()
        next.histograms = [
            .init(
                series: 1,
                histogram: NativeHistogram(
                    schema: 3, zeroThreshold: 0.5, sum: 3.5, resetHint: .gauge,
                    positiveSpans: [.init(offset: -1, length: 1), .init(offset: 2, length: 1)],
                    counts: .integer(count: 8, zeroCount: 1, positiveDeltas: [3, 0], negativeDeltas: [])))
        ]
        next.starts = sides.starts
        let second =
            [
                0x09,  // histograms; start timestamps as before
                0x01, 0x01, 0x40,  // of series 1, the shape of the base's
                0x02, 0x00, 0x02, 0x01,  // one more observation, in the first bucket
            ] as [UInt8]
        #expect(coded(next, base: sides, at: 115) == second)
        let followed = try #require(read(second, base: sides, at: 115, values: [0, 3.5, 0]))
        #expect(followed.histograms == next.histograms)
        #expect(followed.starts == next.starts)
        // Without its base it says nothing.
        #expect(read(second, at: 115, values: [0, 3.5, 0]) == nil)
        #expect(read(Array(first), at: 100, values: [0, 2.5]) == nil)
    }

    @Test(arguments: 1...20)
    func anyFrameComesBackAsItWas(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let fixture = try BufferFixture()
        fixture.segmentSizeBytes = 20_000
        let targets = (0..<3).map { TestFrames.target("t\($0)") }
        let chunks = [TestFrames.histogramChunk("h", count: 12), TestFrames.chunk("c", count: 5)]
        var written: [FrameContent] = []
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        var before: [Int: Frame] = [:]
        for index in 0..<60 {
            let which = generator.below(3)
            let plain = TestFrames.random(
                targets[which], chunks, at: Int64(index) << 20, before: before[which]?.values ?? [],
                &generator)
            let frame = TestFrames.withSides(plain, before: before[which], &generator)
            before[which] = frame
            try buffer.append(frame)
            // One without a sample is not handed out.
            if frame.sampleCount > 0 { written.append(FrameContent(frame)) }
        }
        #expect(try stream.all().map { FrameContent($0.frame) } == written, "seed \(seed)")
        stream.rewind()
        #expect(try stream.all().map { FrameContent($0.frame) } == written, "seed \(seed)")
    }

    @Test(arguments: 1...30)
    func damageIsRefusedOrReadButNeverTrapsOrGrows(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let chunk = TestFrames.histogramChunk("h", count: 6)
        let plain = TestFrames.random(
            TestFrames.target(), [chunk, chunk], at: 5, before: [], &generator)
        let frame = TestFrames.withSides(plain, before: nil, &generator)
        let sides = FrameSides(frame)
        guard !sides.isEmpty else { return }
        let good = coded(sides, at: 5)
        for end in good.indices {
            #expect(
                read(Array(good[..<end]), at: 5, values: frame.values) == nil, "seed \(seed), cut at \(end)")
        }
        for _ in 0..<300 {
            var bad = good
            for _ in 0...generator.below(3) {
                bad[generator.below(bad.count)] = UInt8(truncatingIfNeeded: generator.next())
            }
            var offset = 0
            let read = FrameSides(
                bad.span, &offset, base: sides, timestampMs: 5, values: frame.values)
            guard let read else { continue }
            // What is read is no more than the bytes can hold.
            #expect(read.histograms.allSatisfy { $0.histogram.isWellFormed })
            #expect(read.exemplars.count <= bad.count && read.histograms.count <= bad.count)
            #expect(read.exemplars.allSatisfy { $0.series < frame.layout.seriesCount })
        }
    }

    @Test func aFrameWithoutSidesHasNotOneByteMore() throws {
        let fixture = try BufferFixture()
        let buffer = try fixture.open()
        try buffer.append(fixture.frame(1))
        let path = try #require(fixture.segmentPaths.first)
        let before = try fixture.bytes(path).count
        try buffer.append(fixture.frame(1))
        // Header 16, sequence, layout, time 8, samples before, samples, three empty lists, one mode, CRC 4.
        #expect(try fixture.bytes(path).count - before == 16 + 1 + 1 + 8 + 1 + 1 + 3 + 1 + 4)
    }

    @Test func sidesThatContradictTheLayoutAreRefused() throws {
        let fixture = try BufferFixture()
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        let layout = Layout([TestFrames.histogramChunk("h", count: 5)])
        #expect(layout.histogramSeries == [1, 4])
        func histogram(_ sum: Double, buckets: Int = 1) -> NativeHistogram {
            NativeHistogram(
                schema: 0, sum: sum, positiveSpans: [.init(offset: 0, length: 1)],
                counts: .integer(
                    count: 1, zeroCount: 0, positiveDeltas: Array(repeating: 1, count: buckets),
                    negativeDeltas: []))
        }
        func frame(
            _ histograms: [(UInt32, NativeHistogram)], absent: [UInt32] = [], stale: Bool = false,
            exemplars: [UInt32] = [], starts: [UInt32] = []
        ) -> Frame {
            Frame(
                target: fixture.target, layout: layout, timestampMs: 1,
                values: [0, 1, 0, 0, stale ? StaleMarker.value : 4], absent: absent,
                histograms: histograms.map { .init(series: $0.0, histogram: $0.1) },
                exemplars: exemplars.map {
                    .init(series: $0, exemplar: Exemplar(labels: LabelSet(), value: 1, timestampMs: nil))
                }, startTimestamps: starts.map { .init(series: $0, timestampMs: 0) })
        }
        let both = [(UInt32(1), histogram(1)), (4, histogram(4))]
        let bad = [
            frame([]), frame([both[0]]), frame([both[1], both[0]]), frame(both, absent: [4]),
            frame(both, stale: true), frame([both[0], (4, histogram(5))]), frame(both + [(4, histogram(4))]),
            frame([(0, histogram(0))] + both), frame([(1, histogram(1, buckets: 2)), both[1]]),
            frame(both, exemplars: [3, 2]), frame(both, exemplars: [5]), frame(both, starts: [2, 2]),
            frame(both, starts: [5]),
        ]
        for (index, frame) in bad.enumerated() {
            let error = #expect(throws: BufferError.self, "\(index)") { try buffer.append(frame) }
            #expect(error?.code == .invalidFrame, "\(index)")
        }
        let good = [
            frame(both), frame([both[0]], absent: [4]), frame([both[0]], stale: true),
            frame(both, exemplars: [2, 2, 4], starts: [0, 4]),
        ]
        for frame in good { try buffer.append(frame) }
        #expect(try stream.all().map { FrameContent($0.frame) } == good.map { FrameContent($0) })
    }

    /// Nothing but the header differs in what they could write.
    @Test(arguments: [1, 2] as [UInt8]) func segmentsOfEarlierVersionsAreRead(version: UInt8) throws {
        let fixture = try BufferFixture()
        do { try fixture.open().append(fixture.frame(7)) }
        let path = try #require(fixture.segmentPaths.first)
        let written = try fixture.bytes(path)
        #expect(FileHeader(written.span)?.version == 3)
        let earlier = VersionTwoFiles.withVersion(version, written)
        try fixture.overwrite(path, with: earlier)
        #expect(FileHeader(earlier.span)?.version == UInt32(version))
        #expect(try fixture.open().openStream("a").all().map(\.frame.values[0]) == [7])
        #expect(try fixture.bytes(path) == earlier, "it is not changed")
    }
}
