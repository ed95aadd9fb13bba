import MetricModel
import Testing

@testable import WriteAheadBuffer

struct ColumnCodecTests {
    private func encoded(_ values: [Double], starts: [UInt32], base: [Double], bases: BaseMap) -> [UInt8] {
        var buffer = RecordBuffer(capacity: 16)
        ColumnCodec.encode(values, starts: starts, base: base, bases: bases, into: &buffer)
        return buffer.bytes
    }

    private func decoded(_ bytes: [UInt8], starts: [UInt32], base: [Double], bases: BaseMap) -> [UInt64]? {
        var offset = 0
        let values = ColumnCodec.decode(bytes.span, &offset, starts: starts, base: base, bases: bases)
        return offset == bytes.count ? values?.map(\.bitPattern) : nil
    }

    @Test(arguments: 1...40)
    func whatGoesInComesOutBitForBit(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var starts: [UInt32] = [0]
        for _ in 0..<generator.below(6) {
            starts.append(starts[starts.count - 1] + UInt32(generator.below(200)))
        }
        let total = Int(starts[starts.count - 1])
        let base = (0..<total).map { _ in TestFrames.oddValue(&generator) }
        let values = base.map { generator.chance(40) ? TestFrames.oddValue(&generator) : $0 }
        for bases in [
            BaseMap.none, .same, .moved(starts.dropLast().map { generator.chance(50) ? Int($0) : -1 }),
        ] {
            let bytes = encoded(values, starts: starts, base: base, bases: bases)
            #expect(
                decoded(bytes, starts: starts, base: base, bases: bases) == values.map(\.bitPattern),
                "seed \(seed)")
        }
    }

    /// All that a column may hold, one to the other.
    @Test func everyOddValueFollowsEveryOther() {
        let odd: [Double] = [
            0, -0.0, 1, -1, 0.1, 0.25, -0.125, 1e-9, .pi, -.pi * 1e9, 1e15, 9_007_199_254_740_994,
            -9_223_372_036_854_775_808, 2_251_799_813_685_247, 2_251_799_813_685_248, 2_251_799.75, 1e300,
            .leastNonzeroMagnitude, .greatestFiniteMagnitude, .infinity, -.infinity, StaleMarker.value,
            Double(bitPattern: StaleMarker.ordinaryNaNBits), Double(bitPattern: 0xFFF8_DEAD_BEEF_0001),
            Double(bitPattern: 0x7FF4_0000_0000_0000), 1_700_000_000.123, 4_294_967_296, 123_456.789_012,
        ]
        let base = odd.flatMap { value in odd.map { _ in value } }
        let values = odd.flatMap { _ in odd }
        let count = UInt32(values.count)
        for starts in [[0, count], Array(0...count)] {
            let bytes = encoded(values, starts: starts, base: base, bases: .same)
            #expect(decoded(bytes, starts: starts, base: base, bases: .same) == values.map(\.bitPattern))
        }
        for value in odd {
            let alone = encoded([value], starts: [0, 1], base: [], bases: .none)
            #expect(alone.count <= 10)
            #expect(decoded(alone, starts: [0, 1], base: [], bases: .none) == [value.bitPattern])
        }
    }

    @Test(arguments: [0, 1, 17, 25, 50, 75, 99, 100])
    func whatMovesAsExportersDoIsShort(percent: Int) {
        var generator = SeededGenerator(seed: UInt64(percent) + 1)
        // Counters, and gauges with two decimals.
        let base = (0..<2_000).map { index in
            index % 3 == 2 ? Double(generator.below(100_000)) / 100 : Double(generator.below(1_000_000))
        }
        let values = base.enumerated().map { index, before in
            guard generator.chance(percent) else { return before }
            return index % 3 == 2
                ? ((before * 100).rounded() + Double(generator.below(200) - 100)) / 100
                : before + Double(generator.below(900))
        }
        let starts: [UInt32] = Array(stride(from: 0, through: 2_000, by: 250))
        let bytes = encoded(values, starts: starts, base: base, bases: .same)
        #expect(decoded(bytes, starts: starts, base: base, bases: .same) == values.map(\.bitPattern))
        #expect(Double(bytes.count) <= 2_000 * (0.15 + 1.8 * Double(percent) / 100))
        // Without a base half of what values of eight bytes would take.
        let first = encoded(values, starts: starts, base: [], bases: .none)
        #expect(decoded(first, starts: starts, base: [], bases: .none) == values.map(\.bitPattern))
        #expect(first.count <= 2_000 * 4)
    }

    @Test func aColumnThatStandsStillTakesAByteAChunk() {
        let values = [1.0, 2, 3, 4]
        #expect(encoded(values, starts: [0, 3, 4], base: values, bases: .same) == [0, 0])
        let stale = [Double](repeating: StaleMarker.value, count: 3)
        #expect(encoded(stale, starts: [0, 3], base: [], bases: .none) == [1])
    }

    @Test func aChunkWithoutSeriesIsOneByte() {
        let bytes = encoded([], starts: [0, 0, 0], base: [], bases: .none)
        #expect(bytes == [0, 0])
        #expect(decoded(bytes, starts: [0, 0, 0], base: [], bases: .none) == [])
        #expect(decoded([], starts: [0], base: [], bases: .none) == [])
    }

    @Test func goldenBytesOfAChangedChunk() {
        let base = [1, 1, 0.25, 1, 1, 1, 1, 1]
        #expect(
            encoded([1, 2, 0.5, 1, 1, 1, 1, 1], starts: [0, 8], base: base, bases: .same) == [
                3,  // marked
                0b0000_0110,  // the second and the third series
                0x32,  // codes 2 and 3: one nibble, two nibbles
                0x22, 0x03,  // 1 is 2 in zigzag; 25 hundredths are 50: 2, 3
            ])
        let all = encoded(
            [2, 2, 0.5, 1, .infinity, 0], starts: [0, 6], base: [1, 1, 0.25, 1, 1, 1], bases: .same)
        #expect(
            all == [
                4,  // a code for each
                0x12,  // one nibble; the difference before once more
                0x03,  // two nibbles; the base itself
                0x2E,  // the four highest nibbles of the XOR; one nibble
                0x22, 0x03, 0x00, 0x14,  // 1; 25 hundredths; 3FF0 XOR 7FF0 is 4000; -1 is 1 in zigzag
            ])
    }

    @Test(arguments: 1...20)
    func hostileBytesAreRefusedOrReadAndNeverCrash(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let starts: [UInt32] = [0, 5, 5, 70, 200]
        let base = (0..<200).map { _ in TestFrames.oddValue(&generator) }
        let values = (0..<200).map { _ in TestFrames.oddValue(&generator) }
        let good = encoded(values, starts: starts, base: base, bases: .same)
        for length in 0..<good.count {
            #expect(decoded(Array(good[..<length]), starts: starts, base: base, bases: .same) == nil)
        }
        for _ in 0..<2_000 {
            var bytes = good
            for _ in 0..<generator.below(4) + 1 {
                bytes[generator.below(bytes.count)] = UInt8(truncatingIfNeeded: generator.next())
            }
            if generator.chance(50) { bytes[0] = UInt8(generator.below(6)) }
            bytes.removeLast(generator.below(20))
            _ = decoded(bytes, starts: starts, base: base, bases: .same)
            _ = decoded(bytes, starts: starts, base: base, bases: .moved([190, 0, 100, 71]))
        }
    }
}
