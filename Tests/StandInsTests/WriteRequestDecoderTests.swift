import Platform
import Testing

@testable import StandIns

struct WriteRequestDecoderTests {
    @Test func readsLabelsAndSamples() throws {
        let body = WireRequest.body([
            WireRequest(labels: [("__name__", "up"), ("job", "ä")], samples: [(1_000, 1), (2_000, -0.5)]),
            WireRequest(labels: [("__name__", "down")], samples: [(-5, .nan)]),
        ])
        let request = try WriteRequestDecoder.decode(body, limitBytes: 1_000)
        #expect(request.series.count == 2)
        #expect(request.strings(request.series[0]).map { "\($0)=\($1)" } == ["__name__=up", "job=ä"])
        #expect(request.description(request.series[1]) == "{__name__=\"down\"}")
        #expect(request.samples.map(\.timestampMs) == [1_000, 2_000, -5])
        #expect(request.samples[1].value == -0.5)
        #expect(request.samples[2].value.isNaN)
    }

    @Test func readsAGoldenRequest() throws {
        let plain: [UInt8] = [
            0x0A, 0x1B,  // timeseries, 27 bytes
            0x0A, 0x0E,  // label, 14 bytes
            0x0A, 0x08, 0x5F, 0x5F, 0x6E, 0x61, 0x6D, 0x65, 0x5F, 0x5F,  // name "__name__"
            0x12, 0x02, 0x75, 0x70,  // value "up"
            0x12, 0x09,  // sample, 9 bytes: a value and no timestamp, which is 0
            0x09, 0, 0, 0, 0, 0, 0, 0xF0, 0x3F,  // value 1.0
        ]
        // A block of 29 bytes: its length, a literal of 29 bytes (28 << 2), the bytes.
        let request = try WriteRequestDecoder.decode([29, 28 << 2] + plain, limitBytes: 29)
        #expect(request.description(request.series[0]) == "{__name__=\"up\"}")
        #expect(request.samples[0].value == 1)
        #expect(request.samples[0].timestampMs == 0)
        #expect(request.uncompressedBytes == 29)
    }

    @Test func anEmptyRequestIsFine() throws {
        // AWS' own probe: a snappy block of nothing.
        #expect(try WriteRequestDecoder.decode([0], limitBytes: 10).series.isEmpty)
    }

    @Test(
        arguments: [
            [], [0xFF], [0xFF, 0xFF, 0xFF, 0xFF, 0x0F], [5, 0], [4, 12, 1, 2, 3], [3, 8, 1, 2, 3, 4, 5],
            [10, 0xFE, 0xFF, 0xFF],
        ] as [[UInt8]])
    func corruptSnappyIsRefused(body: [UInt8]) {
        #expect(throws: WriteRequestDecoder.Failure.self) {
            try WriteRequestDecoder.decode(body, limitBytes: 1_000)
        }
    }

    @Test func aBombIsRefusedBeforeItIsUnpacked() {
        // Claims 4,294,967,295 bytes.
        let error = #expect(throws: WriteRequestDecoder.Failure.self) {
            try WriteRequestDecoder.decode([0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 0, 0], limitBytes: 1 << 20)
        }
        #expect(error?.message.contains("1048576 allowed") == true)
    }

    @Test(arguments: [[0x0A, 0x05, 0x01], [0xFF], [0x0A, 0x02, 0x0A, 0x7F], [0x0B]] as [[UInt8]])
    func corruptProtobufIsRefused(plain: [UInt8]) {
        let error = #expect(throws: WriteRequestDecoder.Failure.self) {
            try WriteRequestDecoder.decode(WireRequest.snappy(plain), limitBytes: 1_000)
        }
        #expect(error?.message.hasPrefix("proto: ") == true)
    }

    @Test func everyTruncationIsRefusedOrShorter() {
        let whole = WireRequest.message([WireRequest(labels: [("__name__", "up")], samples: [(1, 2)])])
        for length in 0..<whole.count {
            let request = try? WriteRequestDecoder.decode(
                WireRequest.snappy(Array(whole[..<length])), limitBytes: 1_000)
            #expect((request?.samples.count ?? 0) == 0)
        }
    }

    @Test func randomBytesNeverCrash() {
        var random = SplitMix64(seed: 7)
        for _ in 0..<2_000 {
            let bytes = (0..<Int(random.next() % 60)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            _ = try? WriteRequestDecoder.decode(bytes, limitBytes: 10_000)
            _ = try? WriteRequestDecoder.decode(WireRequest.snappy(bytes), limitBytes: 10_000)
        }
    }
}
