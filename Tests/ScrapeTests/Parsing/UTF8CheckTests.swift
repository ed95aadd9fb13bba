import Testing

@testable import Scrape

@Suite struct UTF8CheckTests {
    private func isValid(_ bytes: [UInt8]) -> Bool {
        // Safety: the span is used only inside the closure, where the array's bytes live.
        unsafe bytes.withUnsafeBytes { unsafe UTF8Check.isValid($0.bytes, 0..<bytes.count) }
    }

    @Test(
        arguments: [
            [], [0x00], [0x7F], [0xC2, 0x80], [0xDF, 0xBF], [0xE0, 0xA0, 0x80], [0xED, 0x9F, 0xBF],
            [0xEE, 0x80, 0x80],
            [0xF0, 0x90, 0x80, 0x80], [0xF4, 0x8F, 0xBF, 0xBF],
        ] as [[UInt8]])
    func wellFormedIsTaken(bytes: [UInt8]) {
        #expect(isValid(bytes))
        #expect(isValid([0x61] + bytes + [0x62]))
    }

    @Test(
        arguments: [
            [0x80], [0xBF], [0xC0, 0x80], [0xC1, 0xBF], [0xC2], [0xC2, 0x41], [0xE0, 0x9F, 0xBF],
            [0xED, 0xA0, 0x80],
            [0xE1, 0x80], [0xE1, 0x80, 0x41], [0xF0, 0x8F, 0xBF, 0xBF], [0xF4, 0x90, 0x80, 0x80],
            [0xF0, 0x90, 0x80],
            [0xF5, 0x80, 0x80, 0x80], [0xFE], [0xFF],
        ] as [[UInt8]])
    func illFormedIsRefused(bytes: [UInt8]) {
        #expect(!isValid(bytes))
        #expect(!isValid([0x61] + bytes))
        #expect(!isValid(bytes + [0x62]))
    }

    @Test func agreesWithTheStandardLibraryOnRandomBytes() {
        var random = SeededGenerator(seed: printedSeed("agreesWithTheStandardLibraryOnRandomBytes"))
        let alphabet: [UInt8] = [0x41, 0x80, 0xBF, 0xC2, 0xE0, 0xA0, 0xED, 0x9F, 0xF0, 0x90, 0xF4, 0x8F]
        for _ in 0..<20_000 {
            let bytes = (0..<Int.random(in: 0...20, using: &random)).map { _ in
                alphabet.randomElement(using: &random) ?? 0
            }
            #expect(isValid(bytes) == (String(validating: bytes, as: UTF8.self) != nil), "\(bytes)")
        }
    }
}
