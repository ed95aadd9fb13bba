import Testing

@testable import Scrape

@Suite struct ByteTests {
    private func word(_ bytes: [UInt8]) -> UInt64 {
        bytes.enumerated().reduce(0) { $0 | UInt64($1.element) << UInt64(8 * $1.offset) }
    }

    private func isName(_ byte: UInt8, colons: Bool) -> Bool {
        Byte.isNameStart(byte) || Byte.isDigit(byte) || colons && byte == Byte.colon
    }

    @Test func everyByteIsJudgedInEveryPlaceAsByItself() {
        for place in 0..<8 {
            for byte in UInt8.min...UInt8.max {
                var bytes = Array("aZ_09zAb".utf8)
                bytes[place] = byte
                for colons in [false, true] {
                    let expected = isName(byte, colons: colons) ? 8 : place
                    #expect(
                        Byte.nameBytes(in: word(bytes), colons: colons) == expected, "\(byte) at \(place)")
                }
                let isEnd = byte == Byte.quote || byte == Byte.backslash
                let isLine = byte == Byte.newline || byte == 0
                #expect(Byte.quotedBytes(in: word(bytes), lines: false) == (isEnd ? place : 8))
                #expect(Byte.quotedBytes(in: word(bytes), lines: true) == (isEnd || isLine ? place : 8))
            }
        }
    }

    /// Bytes beside each other do not change each other's answer.
    @Test func anyEightBytesAreCountedAsOneByOne() {
        var random = SeededGenerator(seed: printedSeed("anyEightBytesAreCountedAsOneByOne"))
        let alphabet: [UInt8] = [
            0x00, 0x01, 0x0A, 0x21, 0x22, 0x23, 0x2F, 0x30, 0x39, 0x3A, 0x3B, 0x40, 0x41, 0x5A, 0x5B, 0x5C,
            0x5D, 0x5F, 0x60, 0x61, 0x7A, 0x7B, 0x7F, 0x80, 0xAF, 0xE1, 0xFF,
        ]
        for _ in 0..<50_000 {
            let bytes = (0..<8).map { _ in alphabet.randomElement(using: &random) ?? 0 }
            for colons in [false, true] {
                let expected = bytes.prefix { isName($0, colons: colons) }.count
                #expect(Byte.nameBytes(in: word(bytes), colons: colons) == expected, "\(bytes)")
            }
            let ends: Set<UInt8> = [Byte.quote, Byte.backslash]
            let lineEnds = ends.union([Byte.newline, 0])
            #expect(
                Byte.quotedBytes(in: word(bytes), lines: false) == bytes.prefix { !ends.contains($0) }.count)
            #expect(
                Byte.quotedBytes(in: word(bytes), lines: true)
                    == bytes.prefix { !lineEnds.contains($0) }.count)
        }
    }
}
