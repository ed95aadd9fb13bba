import MetricModel
import Platform
import Testing

@testable import RemoteWrite

@Suite struct SymbolRequestTests {
    private static let everything = EncodeLimits(
        samples: Int.max, bytes: Int.max, ownAgeMs: nil, sendsHistograms: true, sendsExemplars: true,
        sendsCustomBuckets: true)

    private func encode(_ frames: [Frame], _ limits: EncodeLimits = everything) -> [UInt8] {
        let scratch = RequestScratch()
        scratch.begin(.v2)
        for frame in frames {
            let done = scratch.append(frame, from: 0, to: frame.sampleCount, limits: limits)
            #expect(done.consumed == frame.sampleCount)
        }
        return scratch.bytes
    }

    /// What the specification asks of every request: the empty string first, each string once, none that
    /// nothing refers to.
    private func check(_ message: SymbolMessage, _ note: Comment) {
        #expect(message.symbols.first == "", note)
        #expect(Set(message.symbols.map { Array($0.utf8) }).count == message.symbols.count, note)
        #expect(Set(message.references).union([0]) == Set(0..<UInt32(message.symbols.count)), note)
    }

    /// A scratch waits for its next request, maybe for ever: nothing of the last one waits with it.
    @Test func aRequestThatIsOverHoldsNoChunks() {
        let scratch = RequestScratch()
        let idle = scratch.heldBytes
        scratch.begin(.v2)
        let frame = TestFrames.frame(count: 20_000, timestampMs: 1)
        let all = EncodeLimits(
            samples: .max, bytes: .max, ownAgeMs: nil, sendsHistograms: true, sendsExemplars: true,
            sendsCustomBuckets: true)
        _ = scratch.append(frame, drops: SeriesDrops(), from: 0, to: 20_000, limits: all)
        #expect(scratch.holdsChunks)
        let body = scratch.compress()
        #expect(!scratch.holdsChunks && !body.isEmpty)
        let table = scratch.heldBytes - idle
        #expect(table > 20_000 * 32, "what its table of symbols keeps is counted: \(table)")
    }

    @Test func tinyRequestHasTheseBytes() {
        let target = TestFrames.target([Label("job", "j")])
        let frame = Frame(
            target: target,
            layout: Layout([TestFrames.chunk([[Label("__name__", "up"), Label("z", "1")]], target)]),
            timestampMs: 300, values: [1], startTimestamps: [.init(series: 0, timestampMs: 299)])
        let golden: [UInt8] =
            [0x22, 0x00]  // Request.symbols = 4: the empty string
            + [0x22, 0x08] + Array("__name__".utf8)
            + [0x22, 0x02] + Array("up".utf8)
            + [0x22, 0x03] + Array("job".utf8)
            + [0x22, 0x01] + Array("j".utf8)
            + [0x22, 0x01] + Array("z".utf8)
            + [0x22, 0x01] + Array("1".utf8)
            + [0x2A, 0x19]  // Request.timeseries = 5, 25 bytes
            + [0x0A, 0x06, 1, 2, 3, 4, 5, 6]  // TimeSeries.labels_refs = 1, packed
            + [0x12, 0x0F]  // TimeSeries.samples = 2, 15 bytes
            + [0x09, 0, 0, 0, 0, 0, 0, 0xF0, 0x3F]  // Sample.value = 1: 1.0, little-endian
            + [0x10, 0xAC, 0x02]  // Sample.timestamp = 2: 300
            + [0x18, 0xAB, 0x02]  // Sample.start_timestamp = 3: 299
        #expect(encode([frame]) == golden)
    }

    @Test func everyFrameIsPackedAsProtobufCDoes() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SplitMix64(seed: seed)
        for _ in 0..<150 {
            let frames = (0..<1 + random.next() % 3).map { _ in TestFrames.random(&random) }
            let bytes = encode(frames)
            let message = try ReferenceCodec.unpackSymbols(bytes)
            #expect(bytes == message.packedAgain, "seed \(seed)")
            #expect(
                message.series
                    == frames.flatMap(\.samples).map {
                        SymbolSeries(
                            labels: $0.labels,
                            samples: [.init(valueBits: $0.valueBits, timestampMs: $0.timestampMs)])
                    }, "seed \(seed)")
            check(message, "seed \(seed)")
        }
    }

    @Test func negativeZeroArrivesAsItIs() throws {
        let target = TestFrames.target()
        let frame = Frame(
            target: target, layout: Layout([TestFrames.chunk([[Label("__name__", "m")]], target)]),
            timestampMs: 5, values: [-0.0])
        #expect(
            try ReferenceCodec.unpackSymbols(encode([frame])).series.first?.samples
                == [.init(valueBits: (-0.0).bitPattern, timestampMs: 5)])
    }

    @Test func targetsThatShareAChunkShareItsStrings() throws {
        let targets = (0..<3).map { TestFrames.target([Label("instance", "i\($0)"), Label("job", "j")]) }
        let chunk = TestFrames.chunk((0..<40).map { [Label("__name__", "m\($0)")] }, targets[0])
        let frames = targets.map {
            Frame(target: $0, layout: Layout([chunk]), timestampMs: 9, values: Array(repeating: 1, count: 40))
        }
        let message = try ReferenceCodec.unpackSymbols(encode(frames))
        // The empty one, __name__, 40 names, instance, three values, job and its value.
        #expect(message.symbols.count == 1 + 1 + 40 + 1 + 3 + 2)
        #expect(message.series.map(\.labels) == frames.flatMap(\.samples).map(\.labels))
        check(message, "")
    }

    // MARK: limits

    @Test(arguments: [1, 64, 300, 1_000, 3_000]) func bytesStayWithinTheLimitButForOneSample(limit: Int)
        throws
    {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SplitMix64(seed: seed)
        let scratch = RequestScratch()
        for _ in 0..<30 {
            let frame = TestFrames.random(&random)
            var series: [SymbolSeries] = []
            var from = 0
            while from < frame.sampleCount {
                scratch.begin(.v2)
                let done = scratch.append(
                    frame, from: from, to: frame.sampleCount,
                    limits: EncodeLimits(samples: Int.max, bytes: limit, ownAgeMs: nil))
                try #require(done.consumed >= 1, "seed \(seed)")
                let bytes = scratch.bytes
                #expect(bytes.count == scratch.byteCount)
                #expect(bytes.count <= limit || done.written == 1, "seed \(seed)")
                let message = try ReferenceCodec.unpackSymbols(bytes)
                check(message, "seed \(seed)")
                series += message.series
                from += done.consumed
            }
            #expect(series == (try ReferenceCodec.unpackSymbols(encode([frame]))).series, "seed \(seed)")
        }
    }

    @Test func numberOfSamplesEndsARequest() throws {
        let frame = TestFrames.frame(count: 10, timestampMs: 5, departed: ["gone", "left"])
        let scratch = RequestScratch()
        var from = 0
        var names: [String] = []
        while from < 12 {
            scratch.begin(.v2)
            let done = scratch.append(
                frame, from: from, to: 12,
                limits: EncodeLimits(samples: 5, bytes: Int.max, ownAgeMs: nil))
            #expect(done.written == min(5, 12 - from))
            #expect(scratch.sampleCount == done.written)
            from += done.consumed
            let message = try ReferenceCodec.unpackSymbols(scratch.bytes)
            check(message, "")
            names += message.series.compactMap { $0.labels.first?.value }
        }
        #expect(names == (0..<10).map { "m\($0)" } + ["gone", "left"])
    }

    @Test func labelsThatCannotBeReadAreCounted() throws {
        let chunk = try #require(
            LayoutChunk(
                bytes: [1, 2, 3, 4],
                pieces: [
                    .init(runEnd: 2, firstTargetLabel: 0, targetLabelCount: 0),
                    .init(runEnd: 4, firstTargetLabel: 0, targetLabelCount: 0),
                ], pieceOffsets: [0, 1, 2]))
        // Strings of exemplars whose series is not sent are not in the request either.
        let frame = Frame(
            target: TestFrames.target(), layout: Layout([chunk]), timestampMs: 1, values: [1, 2],
            absent: [1], departed: [.init(chunk: chunk, series: [0])],
            exemplars: [
                .init(
                    series: 0,
                    exemplar: Exemplar(labels: LabelSet([Label("trace", "t")]), value: 1, timestampMs: nil))
            ])
        let scratch = RequestScratch()
        scratch.begin(.v2)
        let done = scratch.append(frame, from: 0, to: 2, limits: Self.everything)
        #expect(done == FrameEncoding(consumed: 2, malformed: 2))
        #expect(scratch.bytes == [0x22, 0x00])
    }

    // MARK: what 1.0 has no place for

    private func frame(metadata: ChunkMetadata?, histograms: [UInt32] = [], _ names: [String]) throws -> Frame
    {
        let target = TestFrames.target()
        let plain = TestFrames.chunk(names.map { [Label("__name__", $0)] }, target).plain
        let chunk = try #require(
            LayoutChunk(
                bytes: plain.bytes, pieces: plain.pieces, pieceOffsets: plain.pieceOffsets,
                histogramSeries: histograms, metadata: metadata))
        return Frame(
            target: target, layout: Layout([chunk]), timestampMs: 5_000,
            values: names.indices.map { Double($0) },
            histograms: histograms.map { ordinal in
                .init(
                    series: ordinal,
                    histogram: NativeHistogram(
                        schema: ordinal.isMultiple(of: 2) ? -53 : 3, sum: Double(ordinal),
                        positiveSpans: [.init(offset: 0, length: 2)],
                        counts: ordinal < 3
                            ? .integer(count: 3, zeroCount: 0, positiveDeltas: [1, 1], negativeDeltas: [])
                            : .float(count: 3, zeroCount: 0, positiveCounts: [1, 2], negativeCounts: []),
                        customValues: ordinal.isMultiple(of: 2) ? [1] : []))
            },
            exemplars: [
                .init(
                    series: 0,
                    exemplar: Exemplar(
                        labels: LabelSet([Label("trace_id", "m0")]), value: 0.5, timestampMs: 4_000)),
                .init(
                    series: 1, exemplar: Exemplar(labels: LabelSet(), value: 0.25, timestampMs: nil)),
            ],
            startTimestamps: names.indices.filter { $0.isMultiple(of: 2) }.map {
                .init(series: UInt32($0), timestampMs: 1_000)
            })
    }

    private func metadata(_ runs: [(first: UInt32, family: String?)], series: Int) throws -> ChunkMetadata {
        var comments: [UInt8] = []
        var result: [ChunkMetadata.Run] = []
        for run in runs {
            guard let family = run.family else {
                result.append(.init(firstSeries: run.first, offset: ChunkMetadata.Run.noFamily))
                continue
            }
            result.append(.init(firstSeries: run.first, offset: UInt32(comments.count)))
            let name = Array(family.utf8)
            ChunkMetadata.append(.type, family: name, text: Array("counter".utf8)[...], to: &comments)
            ChunkMetadata.append(
                .help, family: name, text: Array("Help of \(family)".utf8)[...], to: &comments)
            ChunkMetadata.append(.unit, family: name, text: Array("seconds".utf8)[...], to: &comments)
        }
        return try #require(ChunkMetadata(comments: comments, runs: result, seriesCount: series))
    }

    @Test func metadataStandsWithEachSeries() throws {
        let names = (0..<6).map { "m\($0)" }
        let frame = try frame(metadata: metadata([(1, "a"), (3, nil), (4, "b")], series: 6), names)
        let bytes = encode([frame])
        let message = try ReferenceCodec.unpackSymbols(bytes)
        let a = ["1", "Help of a", "seconds"]
        let b = ["1", "Help of b", "seconds"]
        #expect(message.series.map(\.metadata) == [nil, a, a, nil, b, b])
        #expect(message.packedAgain == bytes)
        check(message, "")
    }

    @Test func metadataGoesOnInTheNextRequest() throws {
        let frame = try frame(metadata: metadata([(0, "a")], series: 4), (0..<4).map { "m\($0)" })
        let scratch = RequestScratch()
        for from in 0..<4 {
            scratch.begin(.v2)
            _ = scratch.append(frame, from: from, to: from + 1, limits: Self.everything)
            let message = try ReferenceCodec.unpackSymbols(scratch.bytes)
            #expect(message.series.map(\.metadata) == [["1", "Help of a", "seconds"]])
        }
    }

    @Test func startTimestampsExemplarsAndHistogramsAreThere() throws {
        let names = (0..<6).map { "m\($0)" }
        let frame = try frame(metadata: nil, histograms: [1, 2, 3, 4], names)
        let bytes = encode([frame])
        let message = try ReferenceCodec.unpackSymbols(bytes)
        #expect(message.packedAgain == bytes)
        check(message, "")
        #expect(
            message.series.map(\.samples) == [
                [.init(valueBits: 0, timestampMs: 5_000, startMs: 1_000)], [], [], [], [],
                [.init(valueBits: (5.0).bitPattern, timestampMs: 5_000)],
            ])
        #expect(
            message.series.map { $0.histograms.map(\.histogram) }[1...4].flatMap { $0 }
                == frame.histograms.map(\.histogram))
        #expect(message.series.flatMap { $0.histograms.map(\.startMs) } == [0, 1_000, 0, 1_000])
        #expect(
            message.series.flatMap(\.exemplars) == [
                Exemplar(labels: LabelSet([Label("trace_id", "m0")]), value: 0.5, timestampMs: 4_000),
                Exemplar(labels: LabelSet(), value: 0.25, timestampMs: 5_000),
            ])
    }

    /// Some exporters give `_created` in milliseconds.
    @Test(arguments: [(4_999, 4_999), (5_000, 5_000), (5_001, 0), (.max, 0)] as [(Int64, Int64)])
    func aStartBehindItsSampleIsNotSent(startMs: Int64, sent: Int64) throws {
        let like = try frame(metadata: nil, ["m0"])
        let frame = Frame(
            target: like.target, layout: like.layout, timestampMs: 5_000, values: [1],
            startTimestamps: [.init(series: 0, timestampMs: startMs)])
        let message = try ReferenceCodec.unpackSymbols(encode([frame]))
        #expect(message.series.flatMap { $0.samples.map(\.startMs) } == [sent])
    }

    @Test func whatADestinationDoesNotTakeIsCounted() throws {
        let frame = try frame(metadata: nil, histograms: [1, 2], (0..<4).map { "m\($0)" })
        let scratch = RequestScratch()
        scratch.begin(.v2)
        var limits = Self.everything
        limits.sendsExemplars = false
        limits.sendsHistograms = false
        let done = scratch.append(frame, from: 0, to: 4, limits: limits)
        #expect(
            done
                == FrameEncoding(
                    consumed: 4, written: 2, histogramsOff: 2, exemplarsOff: 1, oldestMs: 5_000,
                    newestMs: 5_000))
        limits.sendsHistograms = true
        limits.sendsCustomBuckets = false
        scratch.begin(.v2)
        #expect(scratch.append(frame, from: 0, to: 4, limits: limits).customBuckets == 1)
    }

    @Test func staleMarkersOfHistogramsAreEmptyHistograms() throws {
        let target = TestFrames.target()
        let plain = TestFrames.chunk([[Label("__name__", "h")]], target).plain
        let chunk = try #require(
            LayoutChunk(
                bytes: plain.bytes, pieces: plain.pieces, pieceOffsets: plain.pieceOffsets,
                histogramSeries: [0]))
        let frame = Frame(
            target: target, layout: Layout([chunk]), timestampMs: 7, values: [StaleMarker.value],
            departed: [.init(chunk: chunk, series: [0])])
        let message = try ReferenceCodec.unpackSymbols(encode([frame]))
        #expect(message.series.count == 2)
        for series in message.series {
            #expect(series.samples == [])
            #expect(series.histograms.map(\.histogram.sum.bitPattern) == [StaleMarker.bits])
        }
    }

    @Test func requestAfterALimitBeginsAnew() throws {
        let scratch = RequestScratch()
        let frame = TestFrames.frame(count: 20, timestampMs: 5)
        scratch.begin(.v2)
        _ = scratch.append(
            frame, from: 0, to: 20, limits: EncodeLimits(samples: 3, bytes: Int.max, ownAgeMs: nil))
        #expect(
            scratch.append(frame, from: 3, to: 20, limits: Self.everything) == FrameEncoding(),
            "a request that met a limit takes nothing more")
        scratch.begin(.v2)
        _ = scratch.append(frame, from: 3, to: 20, limits: Self.everything)
        #expect(try ReferenceCodec.unpackSymbols(scratch.bytes).series.count == 17)
        scratch.begin()
        _ = scratch.append(frame, from: 0, to: 20, limits: Self.everything)
        #expect(scratch.bytes == ReferenceCodec.pack(frame.samples))
    }

    @Test func blockUncompressesToTheRequest() throws {
        let frame = TestFrames.frame(count: 2_000, timestampMs: 1_700_000_000_000)
        let scratch = RequestScratch()
        scratch.begin(.v2)
        _ = scratch.append(frame, from: 0, to: frame.sampleCount, limits: Self.everything)
        let body = scratch.compress()
        #expect(try ReferenceCodec.unpackSymbols(ReferenceCodec.uncompress(body)).series.count == 2_000)
        #expect(try ReferenceCodec.uncompress(body) == scratch.bytes)
    }
}
