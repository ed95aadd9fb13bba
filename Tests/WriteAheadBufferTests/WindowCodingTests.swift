import Testing

@testable import WriteAheadBuffer

struct WindowCodingTests {
    private func decoded(_ bytes: [UInt8], base: [Double]) -> [UInt64]? {
        var offset = 0
        let values = ColumnCodec.decode(
            bytes.span, &offset, starts: [0, UInt32(base.count)], base: base, bases: .same)
        return offset == bytes.count ? values?.map(\.bitPattern) : nil
    }

    @Test(arguments: 1...20)
    func whatEarlierVersionsWroteIsRead(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let base = (0..<1 + generator.below(150)).map { _ in TestFrames.oddValue(&generator) }
        let values = base.map { generator.chance(60) ? TestFrames.oddValue(&generator) : $0 }
        let bytes = VersionTwoFiles.column(values, base: base)
        #expect(decoded(bytes, base: base) == values.map(\.bitPattern), "seed \(seed)")
        for length in 0..<bytes.count { #expect(decoded(Array(bytes[..<length]), base: base) == nil) }
        for _ in 0..<500 {
            var damaged = bytes
            damaged[1 + generator.below(bytes.count - 1)] = UInt8(truncatingIfNeeded: generator.next())
            damaged.removeLast(generator.below(min(20, bytes.count)))
            _ = decoded(damaged, base: base)
        }
    }

    @Test(arguments: 0..<16)
    func everyWindowIsRead(code: Int) {
        let window = WindowCoding.windows[code]
        let bytes: [UInt8] = [2, 1, UInt8(code)] + (1...window.length).map { UInt8($0) }
        let expected = (1...window.length).reduce(UInt64(0)) {
            $0 | UInt64($1) << UInt64(8 * (window.top - window.length + $1))
        }
        #expect(decoded(bytes, base: [0]) == [expected])
        #expect(decoded(bytes + [UInt8](repeating: 9, count: 9), base: [0]) == nil)
    }

    /// The value moves from 1 to 2: 3FF0… XOR 4000… is 7FF0…, which fits the window of the two highest bytes.
    @Test func goldenBytesOfAChangedChunk() {
        // mode, bitmap with the second bit, code 0, the window's two bytes, lowest first
        #expect(decoded([2, 0b010, 0, 0xF0, 0x7F], base: [1, 1, 1]) == [1, 2, 1].map(\.bitPattern))
        #expect(VersionTwoFiles.column([1, 2, 1], base: [1, 1, 1]) == [2, 0b010, 0, 0xF0, 0x7F])
    }
}

extension VersionTwoFiles {
    /// A column of one chunk in which something changed, as versions 1 and 2 wrote it.
    static func column(_ values: [Double], base: [Double]) -> [UInt8] {
        var bitmap = [UInt8](repeating: 0, count: (values.count + 7) / 8)
        var codes: [UInt8] = []
        var data: [UInt8] = []
        for (index, value) in values.enumerated() {
            let bits = value.bitPattern ^ base[index].bitPattern
            guard bits != 0 else { continue }
            bitmap[index / 8] |= 1 << UInt8(index % 8)
            let high = 7 - bits.leadingZeroBitCount / 8
            let low = bits.trailingZeroBitCount / 8
            var code = 3
            for (candidate, window) in WindowCoding.windows.enumerated()
            where window.top >= high && window.top + 1 - window.length <= low
                && window.length < WindowCoding.windows[code].length
            { code = candidate }
            codes.append(UInt8(code))
            let window = WindowCoding.windows[code]
            for part in 0..<window.length {
                data.append(
                    UInt8(truncatingIfNeeded: bits >> UInt64(8 * (window.top + 1 - window.length + part))))
            }
        }
        let pairs = stride(from: 0, to: codes.count, by: 2).map {
            codes[$0] | ($0 + 1 < codes.count ? codes[$0 + 1] << 4 : 0)
        }
        return [2] + bitmap + pairs + data
    }
}
