import MetricModel
import Platform
import Testing

@testable import RemoteWrite

@Suite struct RequestScratchTests {
    private static let noLimits = EncodeLimits(samples: Int.max, bytes: Int.max, ownAgeMs: nil)

    private func encode(_ frame: Frame, limits: EncodeLimits = noLimits) -> [UInt8] {
        let scratch = RequestScratch()
        scratch.begin()
        _ = scratch.append(frame, from: 0, to: frame.sampleCount, limits: limits)
        return scratch.bytes
    }

    @Test func tinyRequestHasTheseBytes() {
        let target = TestFrames.target([Label("job", "j")])
        let frame = Frame(
            target: target,
            layout: Layout([TestFrames.chunk([[Label("__name__", "up"), Label("z", "1")]], target)]),
            timestampMs: 300, values: [1])
        let golden: [UInt8] =
            [0x0A, 0x30]  // WriteRequest.timeseries = 1, 48 bytes
            + [0x0A, 0x0E]  // TimeSeries.labels = 1, 14 bytes
            + [0x0A, 0x08] + Array("__name__".utf8)  // Label.name = 1
            + [0x12, 0x02] + Array("up".utf8)  // Label.value = 2
            + [0x0A, 0x08]  // the target's label
            + [0x0A, 0x03] + Array("job".utf8)
            + [0x12, 0x01] + Array("j".utf8)
            + [0x0A, 0x06]  // the series' own again
            + [0x0A, 0x01] + Array("z".utf8)
            + [0x12, 0x01] + Array("1".utf8)
            + [0x12, 0x0C]  // TimeSeries.samples = 2, 12 bytes
            + [0x09, 0, 0, 0, 0, 0, 0, 0xF0, 0x3F]  // Sample.value = 1: 1.0, little-endian
            + [0x10, 0xAC, 0x02]  // Sample.timestamp = 2: 300
        #expect(encode(frame) == golden)
        #expect(ReferenceCodec.pack(frame.samples) == golden)
    }

    @Test func everyFrameIsPackedAsProtobufCDoes() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SplitMix64(seed: seed)
        for _ in 0..<150 {
            let frame = TestFrames.random(&random)
            let bytes = encode(frame)
            #expect(bytes == ReferenceCodec.pack(frame.samples), "seed \(seed)")
            #expect(try ReferenceCodec.unpack(bytes) == frame.samples, "seed \(seed)")
        }
    }

    /// protobuf-c takes -0.0 for the default and leaves it out: the receiver would read 0.
    @Test func negativeZeroArrivesAsItIs() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SplitMix64(seed: seed)
        for _ in 0..<100 {
            let frame = TestFrames.random(&random, allowsNegativeZero: true)
            #expect(try ReferenceCodec.unpack(encode(frame)) == frame.samples, "seed \(seed)")
        }
    }

    @Test func partsOfAFrameAreTogetherTheWhole() {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SplitMix64(seed: seed)
        let scratch = RequestScratch()
        for _ in 0..<200 {
            let frame = TestFrames.random(&random)
            var parts: [UInt8] = []
            var from = 0
            while from < frame.sampleCount {
                let most = 1 + Int(random.next() % 30)
                let to = min(frame.sampleCount, from + 1 + Int(random.next() % 40))
                scratch.begin()
                let done = scratch.append(
                    frame, from: from, to: to,
                    limits: EncodeLimits(samples: most, bytes: Int.max, ownAgeMs: nil))
                #expect(done.written == min(most, to - from), "seed \(seed)")
                #expect(done.consumed == done.written, "seed \(seed)")
                from += done.consumed
                parts += scratch.bytes
            }
            #expect(parts == encode(frame), "seed \(seed)")
        }
    }

    @Test(arguments: [64, 100, 500, 1_000, 4_000]) func bytesStayWithinTheLimitButForOneSample(limit: Int) {
        let frame = TestFrames.frame(count: 50, timestampMs: 1_700_000_000_000)
        let scratch = RequestScratch()
        var from = 0
        var all: [UInt8] = []
        while from < frame.sampleCount {
            scratch.begin()
            let done = scratch.append(
                frame, from: from, to: frame.sampleCount,
                limits: EncodeLimits(samples: Int.max, bytes: limit, ownAgeMs: nil))
            #expect(done.consumed >= 1)
            #expect(scratch.byteCount <= limit || done.written == 1)
            from += done.consumed
            all += scratch.bytes
        }
        #expect(all == encode(frame))
    }

    @Test func ownTimestampsTooOldForTheirFrameAreCountedAndLeftOut() throws {
        let frame = TestFrames.frame(
            count: 4, timestampMs: 10_000,
            explicit: [.init(series: 0, timestampMs: 4_999), .init(series: 2, timestampMs: 5_000)],
            absent: [3])
        let scratch = RequestScratch()
        scratch.begin()
        let done = scratch.append(
            frame, from: 0, to: frame.sampleCount,
            limits: EncodeLimits(samples: Int.max, bytes: Int.max, ownAgeMs: 5_000))
        #expect(done == FrameEncoding(consumed: 3, written: 2, tooOld: 1, oldestMs: 5_000, newestMs: 10_000))
        #expect(try ReferenceCodec.unpack(scratch.bytes).map(\.timestampMs) == [10_000, 5_000])
    }

    @Test func bufferGrowsForOneHugeSeries() throws {
        let target = TestFrames.target([Label("job", String(repeating: "j", count: 300_000))])
        let huge = String(repeating: "v", count: 500_000)
        let frame = Frame(
            target: target, layout: Layout([TestFrames.chunk([[Label("__name__", huge)]], target)]),
            timestampMs: 1,
            values: [2])
        #expect(encode(frame) == ReferenceCodec.pack(frame.samples))
    }

    @Test func blockUncompressesToTheRequest() throws {
        let frame = TestFrames.frame(count: 2_000, timestampMs: 1_700_000_000_000)
        let scratch = RequestScratch()
        scratch.begin()
        _ = scratch.append(frame, from: 0, to: frame.sampleCount, limits: Self.noLimits)
        let body = scratch.compress()
        #expect(try ReferenceCodec.uncompress(body) == scratch.bytes)
        #expect(body.count < scratch.byteCount / 2)
    }
}
