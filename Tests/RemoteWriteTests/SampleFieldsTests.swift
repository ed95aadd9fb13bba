import MetricModel
import Platform
import Synchronization
import TestSupport
import Testing
import WriteAheadBuffer

@testable import RemoteWrite

@Suite struct SampleFieldsTests {
    /// Any histogram but one with a sum or threshold of -0.0, which protobuf-c leaves out.
    private func histogram(_ random: inout SplitMix64, custom: Bool) -> NativeHistogram {
        func below(_ bound: Int) -> Int { Int(random.next() % UInt64(bound)) }
        func spans() -> [NativeHistogram.BucketSpan] {
            (0..<below(4)).map { _ in
                .init(
                    offset: Int32(truncatingIfNeeded: random.next() >> UInt64(below(64))),
                    length: UInt32(below(5)))
            }
        }
        let positive = spans()
        let negative = custom ? [] : spans()
        func count(_ spans: [NativeHistogram.BucketSpan]) -> Int { spans.reduce(0) { $0 + Int($1.length) } }
        func deltas(_ count: Int) -> [Int64] {
            (0..<count).map { _ in Int64(bitPattern: random.next() >> UInt64(below(64))) }
        }
        func floats(_ count: Int) -> [Double] { (0..<count).map { _ in Double(below(1_000)) / 3 } }
        return NativeHistogram(
            schema: custom ? NativeHistogram.customBucketsSchema : Int32(below(13)) - 4,
            zeroThreshold: below(2) == 0 ? 0 : 2.938735877055719e-39,
            sum: [0, 12.5, .nan, -.infinity][below(4)],
            resetHint: NativeHistogram.ResetHint(rawValue: UInt8(below(4))) ?? .unknown,
            positiveSpans: positive, negativeSpans: negative,
            counts: below(2) == 0
                ? .integer(
                    count: random.next(), zeroCount: UInt64(below(3)),
                    positiveDeltas: deltas(count(positive)),
                    negativeDeltas: deltas(count(negative)))
                : .float(
                    count: 1.5, zeroCount: Double(below(3)), positiveCounts: floats(count(positive)),
                    negativeCounts: floats(count(negative))),
            customValues: custom ? [0.005, 1, 2.5] : [])
    }

    @Test func histogramsArePackedAsProtobufCDoes() {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SplitMix64(seed: seed)
        for index in 0..<500 {
            let histogram = histogram(&random, custom: index % 5 == 0)
            let timestampMs = [0, 1_700_000_000_000, -1][index % 3] as Int64
            let packed = ReferenceCodec.pack(histogram, timestampMs: timestampMs)
            var fields = SampleFields()
            fields.putHistogram(histogram, timestampMs: timestampMs)
            var expected: [UInt8] = [0x22]
            ProtobufWire.appendVarint(UInt64(packed.count), to: &expected)
            #expect(fields.bytes == expected + packed, "seed \(seed), histogram \(index)")
        }
    }

    @Test func negativeZeroSumsStay() throws {
        let histogram = NativeHistogram(
            schema: 1, sum: -0.0,
            counts: .integer(count: 0, zeroCount: 0, positiveDeltas: [], negativeDeltas: []))
        #expect(
            try sent(frame(histogram), .init(samples: 9, bytes: 9_999, ownAgeMs: nil, sendsHistograms: true))
                .compactMap(\.histogram) == [histogram])
    }

    private func frame(_ histogram: NativeHistogram) -> Frame {
        let target = TestFrames.target()
        let plain = TestFrames.chunk([[Label("__name__", "h")]], target).plain
        guard
            let chunk = LayoutChunk(
                bytes: plain.bytes, pieces: plain.pieces, pieceOffsets: plain.pieceOffsets,
                histogramSeries: [0])
        else { preconditionFailure("one series") }
        return Frame(
            target: target, layout: Layout([chunk]), timestampMs: 5, values: [histogram.sum],
            histograms: [.init(series: 0, histogram: histogram)])
    }

    private func sent(_ frame: Frame, _ limits: EncodeLimits) throws -> [SentSeries] {
        let scratch = RequestScratch()
        scratch.begin()
        _ = scratch.append(frame, from: 0, to: frame.sampleCount, limits: limits)
        return try ReferenceCodec.unpackSeries(scratch.bytes)
    }

    /// A random frame with some series histograms, and exemplars.
    private func rich(_ random: inout SplitMix64) -> Frame {
        let plain = TestFrames.random(&random)
        func marked(_ chunk: LayoutChunk) -> LayoutChunk {
            let series = (0..<UInt32(chunk.seriesCount)).filter { _ in random.next() % 4 == 0 }
            let plain = chunk.plain
            return LayoutChunk(
                bytes: plain.bytes, pieces: plain.pieces, pieceOffsets: plain.pieceOffsets,
                histogramSeries: series) ?? chunk
        }
        let layout = Layout(plain.layout.chunks.map(marked))
        var values = plain.values
        var histograms: [Frame.Histogram] = []
        for series in layout.histogramSeries where !plain.absent.contains(series) {
            if random.next() % 5 == 0 {
                values[Int(series)] = StaleMarker.value
                continue
            }
            let one = histogram(&random, custom: random.next() % 4 == 0)
            values[Int(series)] = one.sum
            histograms.append(.init(series: series, histogram: one))
        }
        let exemplars = (0..<UInt32(layout.seriesCount)).filter { _ in random.next() % 5 == 0 }.flatMap {
            series in
            (0...Int(random.next() % 2)).map { number in
                Frame.SeriesExemplar(
                    series: series,
                    exemplar: Exemplar(
                        labels: LabelSet([Label("trace_id", "t\(number)")]), value: Double(number),
                        timestampMs: random.next() % 2 == 0 ? nil : Int64(random.next() >> 30)))
            }
        }
        return Frame(
            target: plain.target, layout: layout, timestampMs: plain.timestampMs, values: values,
            explicitTimestamps: plain.explicitTimestamps, absent: plain.absent,
            departed: plain.departed.map { .init(chunk: marked($0.chunk), series: $0.series) },
            histograms: histograms, exemplars: exemplars)
    }

    /// What a receiver should get of `frame`, and what is dropped.
    private func expected(_ frame: Frame, _ limits: EncodeLimits) -> (sent: [SentSeries], FrameEncoding) {
        var result: [SentSeries] = []
        var counts = FrameEncoding()
        func add(_ labels: LabelSet?, _ series: SentSeries, isHistogram: Bool) {
            counts.consumed += 1
            if isHistogram, !limits.sendsHistograms {
                counts.histogramsOff += 1
                return
            }
            if series.histogram?.hasCustomBuckets ?? false, !limits.sendsCustomBuckets {
                counts.customBuckets += 1
                return
            }
            counts.written += 1
            counts.histograms += isHistogram ? 1 : 0
            var series = series
            series.labels = labels?.labels ?? []
            if limits.sendsExemplars {
                counts.exemplars += series.exemplars.count
            } else {
                counts.exemplarsOff += series.exemplars.count
                series.exemplars = []
            }
            counts.cover(series.timestampMs)
            result.append(series)
        }
        let stale = NativeHistogram(
            schema: 0, sum: StaleMarker.value,
            counts: .integer(count: 0, zeroCount: 0, positiveDeltas: [], negativeDeltas: []))
        for ordinal in 0..<UInt32(frame.layout.seriesCount) where !frame.absent.contains(ordinal) {
            let isHistogram = frame.layout.histogramSeries.contains(ordinal)
            let ownMs = frame.explicitTimestamps.first { $0.series == ordinal }?.timestampMs
            var series = SentSeries(labels: [], timestampMs: ownMs ?? frame.timestampMs)
            if isHistogram {
                series.histogram = frame.histograms.first { $0.series == ordinal }?.histogram ?? stale
            } else {
                series.valueBits = frame.values[Int(ordinal)].bitPattern
            }
            series.exemplars = frame.exemplars.filter { $0.series == ordinal }.map {
                Exemplar(
                    labels: $0.exemplar.labels, value: $0.exemplar.value,
                    timestampMs: $0.exemplar.timestampMs ?? series.timestampMs)
            }
            add(
                frame.layout.labels(ofSeries: Int(ordinal), target: frame.target), series,
                isHistogram: isHistogram)
        }
        for group in frame.departed {
            for ordinal in group.series {
                let isHistogram = group.chunk.histogramSeries.contains(ordinal)
                add(
                    group.chunk.labels(ofSeries: Int(ordinal), target: frame.target),
                    SentSeries(
                        labels: [], valueBits: isHistogram ? nil : StaleMarker.bits,
                        timestampMs: frame.timestampMs, histogram: isHistogram ? stale : nil),
                    isHistogram: isHistogram)
            }
        }
        return (result, counts)
    }

    @Test(arguments: [(false, false), (true, false), (true, true)], [false, true])
    func anyFrameArrivesAsItIs(
        sends: (histograms: Bool, customBuckets: Bool), sendsExemplars: Bool
    ) throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SplitMix64(seed: seed)
        let scratch = RequestScratch()
        for _ in 0..<80 {
            let frame = rich(&random)
            let limits = EncodeLimits(
                samples: .max, bytes: .max, ownAgeMs: nil, sendsHistograms: sends.histograms,
                sendsExemplars: sendsExemplars, sendsCustomBuckets: sends.customBuckets)
            let (wanted, counts) = expected(frame, limits)
            scratch.begin()
            let done = scratch.append(frame, from: 0, to: frame.sampleCount, limits: limits)
            #expect(try ReferenceCodec.unpackSeries(scratch.bytes) == wanted, "seed \(seed)")
            #expect(done == counts, "seed \(seed)")
            #expect(scratch.sampleCount == counts.written, "seed \(seed)")
            let whole = scratch.bytes

            // Cut into requests at any place, by samples and by bytes, it is the same all together.
            var parts: [UInt8] = []
            var from = 0
            while from < frame.sampleCount {
                var cut = limits
                cut.samples = 1 + Int(random.next() % 20)
                if random.next() % 2 == 0 { cut.bytes = 200 + Int(random.next() % 2_000) }
                let to = min(frame.sampleCount, from + 1 + Int(random.next() % 40))
                scratch.begin()
                let done = scratch.append(frame, from: from, to: to, limits: cut)
                #expect(done.written <= cut.samples && done.consumed > 0, "seed \(seed)")
                #expect(
                    done.consumed == done.written + done.histogramsOff + done.customBuckets, "seed \(seed)")
                #expect(scratch.byteCount <= cut.bytes || done.written == 1, "seed \(seed)")
                guard done.consumed > 0 else { return }
                from += done.consumed
                parts += scratch.bytes
            }
            #expect(parts == whole, "seed \(seed)")
        }
    }

    /// What is not sent is in the ledger, by job and reason.
    @Test func histogramsThatAreNotSentAreBookedAsDropped() throws {
        let integer = NativeHistogram(
            schema: 3, sum: 1,
            counts: .integer(count: 1, zeroCount: 1, positiveDeltas: [], negativeDeltas: []))
        var custom = integer
        custom.schema = NativeHistogram.customBucketsSchema
        for (histogram, sends, reason) in [
            (integer, false, DropReason.histogramsOff), (custom, false, DropReason.histogramsOff),
            (custom, true, DropReason.customBuckets),
        ] {
            var collector = BatchCollector(
                limits: .init(
                    bytes: 10_000, age: SampleAge(configuredMs: 0, url: "http://receiver/"),
                    sendsHistograms: sends), isSigned: false)
            let store = BufferedDestination(clock: ManualClock())
            store.append([frame(histogram)])
            collector.load(try store.slices())
            var leftOut = LeftOutSeries()
            guard
                case .dropped(let batch) = collector.cut(
                    samples: 10, leftOut: &leftOut, agingMs: 0, scratch: RequestScratch())
            else {
                Issue.record("nothing is left to send")
                return
            }
            #expect(
                batch.outcome == ["node": JobOutcome(dropped: [reason: 1])])
            #expect(collector.isEmpty)
        }
    }
}
