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

    @Test(arguments: 0..<64)
    func everyPairOfBytesHasAWindow(pair: Int) {
        let (high, low) = (pair / 8, pair % 8)
        guard high >= low else { return }
        let bits = UInt64(1) << UInt64(high * 8) | UInt64(0x80) << UInt64(low * 8)
        let values = [Double(bitPattern: bits)]
        let bytes = encoded(values, starts: [0, 1], base: [], bases: .none)
        #expect(decoded(bytes, starts: [0, 1], base: [], bases: .none) == [bits])
        let window = ColumnCodec.windows[Int(bytes[2] & 15)]
        #expect(window.top >= high && window.top + 1 - window.length <= low)
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

    /// The value moves from 1 to 2: 3FF0… XOR 4000… is 7FF0…, which fits the window of the two highest bytes.
    @Test func goldenBytesOfAChangedChunk() {
        let bytes = encoded([1, 2, 1], starts: [0, 3], base: [1, 1, 1], bases: .same)
        // mode changed, bitmap with the second bit, code 0, the window's two bytes, lowest first
        #expect(bytes == [2, 0b010, 0, 0xF0, 0x7F])
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
            bytes.removeLast(generator.below(20))
            _ = decoded(bytes, starts: starts, base: base, bases: .same)
            _ = decoded(bytes, starts: starts, base: base, bases: .moved([190, 0, 100, 71]))
        }
    }
}
