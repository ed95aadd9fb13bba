import MetricModel
import Testing

@testable import WriteAheadBuffer

/// The table of docs/buffer-format.md, code by code: what a reader makes of it.
struct DifferenceCodingTests {
    /// A chunk with a code for each series.
    private func read(_ base: [Double], codes: [UInt8], nibbles: [UInt8]) -> [UInt64]? {
        func packed(_ halves: [UInt8]) -> [UInt8] {
            stride(from: 0, to: halves.count, by: 2).map {
                halves[$0] | ($0 + 1 < halves.count ? halves[$0 + 1] << 4 : 0)
            }
        }
        let bytes = [4] + packed(codes) + packed(nibbles)
        var offset = 0
        let values = ColumnCodec.decode(
            bytes.span, &offset, starts: [0, UInt32(base.count)], base: base, bases: .same)
        return offset == bytes.count ? values?.map(\.bitPattern) : nil
    }

    private func expect(
        _ values: [Double], of base: [Double], codes: [UInt8], nibbles: [UInt8],
        _ place: SourceLocation = #_sourceLocation
    ) {
        #expect(
            read(base, codes: codes, nibbles: nibbles) == values.map(\.bitPattern), sourceLocation: place)
    }

    @Test func differencesAreInZigzagAndTheLastOneIsKept() {
        expect(
            [11, 8, 6, 5, 0], of: [10, 10, 8, 5, 2], codes: [2, 2, 1, 0, 1], nibbles: [2, 3])
        // 18, then 3 more than that, then as much once more.
        expect([18, 21, 21], of: [0, 0, 0], codes: [3, 9, 1], nibbles: [4, 2, 6])
        for length in 1...7 {
            let nibbles = [UInt8](repeating: 0, count: length - 1) + [2]
            let difference = Double(UInt64(1) << UInt64(4 * (length - 1)))
            expect([5 + difference], of: [5], codes: [UInt8(1 + length)], nibbles: nibbles)
        }
        expect([1 + 0x8_0000_0000], of: [1], codes: [12], nibbles: [0, 0, 0, 0, 0, 0, 0, 0, 0, 1])
    }

    @Test func theScaleIsTheBases() {
        expect([0.26], of: [0.25], codes: [2], nibbles: [2])
        expect([0.126], of: [0.125], codes: [2], nibbles: [2])
        expect([2.000_002], of: [2.000_001], codes: [2], nibbles: [2])
        expect([1e-9], of: [2e-9], codes: [2], nibbles: [1])
        // A base of 0 takes the scale named last: thousandths.
        expect(
            [0.5, 0.001, 7, 0], of: [0.25, 0, 6, 0], codes: [13, 2, 2, 0], nibbles: [2, 3, 4, 15, 1, 2, 2])
    }

    @Test func withoutAScaleCodesAreXORs() {
        let base = Double.pi
        for code in 1...12 {
            let nibbles = [UInt8](repeating: 0, count: code + 2) + [1]
            let bits = base.bitPattern ^ UInt64(1) << UInt64(4 * (code + 2))
            expect([Double(bitPattern: bits)], of: [base], codes: [UInt8(code)], nibbles: nibbles)
        }
        expect([.infinity], of: [1], codes: [14], nibbles: [0, 0, 0, 4])
        expect(
            [Double(bitPattern: 0xFEDC_BA98_7654_3210)], of: [0], codes: [15],
            nibbles: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15])
    }

    @Test func whatNoWriterWritesIsRefused() {
        #expect(read([1], codes: [13], nibbles: [5, 1, 1, 0]) == nil)  // no such scale
        #expect(read([1], codes: [13], nibbles: [0, 0, 0, 0]) == nil)  // no nibble
        #expect(read([1], codes: [13], nibbles: [0, 15] + Array(repeating: 1, count: 16)) == nil)
        #expect(read([1e9], codes: [13], nibbles: [4, 1, 1, 0]) == nil)  // too large for billionths
        #expect(read([.nan], codes: [13], nibbles: [0, 1, 1, 0]) == nil)
        #expect(read([1], codes: [2], nibbles: []) == nil)  // a nibble is missing
        #expect(read([1], codes: [2], nibbles: [2, 0, 0]) == nil)  // a byte too many
    }

    /// No sum traps, however far the differences go.
    @Test func differencesBeyondEveryBoundWrapAround() {
        let most: [UInt8] = Array(repeating: 15, count: 14)
        let base = [Double](repeating: 0, count: 4_000)
        let codes: [UInt8] = [13] + Array(repeating: 11, count: 3_999)
        let nibbles = [0, 14] + most + Array(repeating: [15, 15, 15], count: 3_999).flatMap { $0 }
        #expect(read(base, codes: codes, nibbles: nibbles)?.count == 4_000)
    }

    @Test func aSegmentOfVersionTwoIsRead() throws {
        let fixture = try BufferFixture()
        let path = "\(fixture.folder.path)/\(BufferFileName.segment(1))"
        let digits = Array(Self.segmentOfVersionThreeBeforeItsFeatures.joined().utf8)
        let bytes = stride(from: 0, to: digits.count, by: 2).compactMap {
            UInt8(String(decoding: digits[$0...$0 + 1], as: UTF8.self), radix: 16)
        }
        try fixture.overwrite(path, with: VersionTwoFiles.withVersion(2, bytes))
        let stream = try fixture.open().openStream("d")
        let frames = try stream.all().map(\.frame)
        #expect(frames.map(\.values) == [[1], [2]])
        #expect(frames.map(\.timestampMs) == [1_700_000_000_000, 1_700_000_000_015])
        #expect(frames.map(\.departed.count) == [0, 1])
    }

    /// As FileHeaderTests has it, with windows of bytes.
    private static let segmentOfVersionThreeBeforeItsFeatures = [
        "4e415254484558420300000001000000175a175a01000000000000000068e5cf8b0100009c3cda4e",
        "4e415254484558420300000001000000175a175a01000000000000000068e5cf8b0100009c3cda4e",
        "0b0000000500000000000000170c27bf00000000000000800000002f1dae01",
        "150000000100000000000000b87955ae44a634bf9c62d36f016a0200016101620101650166ce189dae",
        "160000000200000000000000818283260f0a0d0a085f5f6e616d655f5f12016d010f00020101adc063f5",
        "020000000300000000000000757751b30100fde48844",
        "1600000004010000000000006ad6e5fd00000068e5cf8b01000000010001000100020100f03f893d2061",
        "170000000400000000000000922e97a401000f68e5cf8b0100000102000001000100020100f07f9ed080b4",
    ]
}
