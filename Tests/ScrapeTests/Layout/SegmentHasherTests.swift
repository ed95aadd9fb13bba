import Testing

@testable import Scrape

@Suite struct SegmentHasherTests {
    private func hash(_ hasher: SegmentHasher, _ bytes: [UInt8], _ range: Range<Int>) -> UInt64 {
        // Safety: the span is used only inside the closure, where the array's bytes live.
        unsafe bytes.withUnsafeBytes { unsafe hasher.hash($0.bytes, range.lowerBound, range.count) }
    }

    @Test func everyBitAndTheLengthMatter() {
        let hasher = SegmentHasher()
        var seen: Set<UInt64> = []
        for length in 0...200 {
            let bytes = [UInt8](repeating: 0x61, count: length)
            #expect(seen.insert(hash(hasher, bytes, 0..<length)).inserted)
            for index in 0..<length {
                for bit in 0..<8 {
                    var other = bytes
                    other[index] ^= 1 << bit
                    #expect(
                        seen.insert(hash(hasher, other, 0..<length)).inserted, "\(length) \(index) \(bit)")
                }
            }
        }
    }

    @Test func onlyTheRangeCounts() {
        let hasher = SegmentHasher()
        for length in 0...100 {
            let core = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 7) }
            let left = hash(hasher, [1, 2, 3] + core + [4, 5], 3..<3 + length)
            #expect(left == hash(hasher, core, 0..<length))
        }
    }

    @Test func aKeyOfItsOwnForEachHasher() {
        let bytes = Array("node_cpu_seconds_total".utf8)
        #expect(
            hash(SegmentHasher(), bytes, 0..<bytes.count) != hash(SegmentHasher(), bytes, 0..<bytes.count))
    }
}
