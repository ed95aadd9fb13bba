import Glibc
import Testing

@testable import Scrape

private func parse(_ text: String) -> Double? {
    let bytes = Array(text.utf8)
    // Safety: the span is used only inside the closure, where the array's bytes live.
    return unsafe bytes.withUnsafeBytes { unsafe DecimalFloat.parse($0.bytes, 0..<bytes.count) }
}

/// The number in front of a line's end, read in place; nil when that is left to `parse`.
private func parseInPlace(_ text: String) -> Double? {
    let bytes = Array(text.utf8) + [0x0A] + Array(repeating: UInt8(ascii: "7"), count: 80)
    // Safety: the spans are used only inside the closure, where the array's bytes live.
    return unsafe bytes.withUnsafeBytes { buffer in
        let (value, end) = unsafe DecimalFloat.parsePrefix(buffer.bytes, 0)
        let (short, next) = unsafe DecimalFloat.parseShortLine(buffer.bytes, 0)
        if next >= 0 {
            #expect(next == text.utf8.count + 1 && short.bitPattern == value.bitPattern, "\(text)")
        }
        return end == text.utf8.count ? value : nil
    }
}

@Suite struct DecimalFloatTests {
    @Test(arguments: [
        ("0", 0.0), ("1", 1), ("-1", -1), ("+1", 1), ("12345678", 12_345_678), ("123456789", 123_456_789),
        (".5", 0.5), ("5.", 5), ("5.e1", 50), ("1e3", 1_000), ("1E+3", 1_000), ("1e-3", 0.001),
        ("1.234567e+09", 1_234_567_000), ("9007199254740993", 9_007_199_254_740_992),
        ("1.7976931348623157e308", Double.greatestFiniteMagnitude),
        ("4.9e-324", Double.leastNonzeroMagnitude), ("1e-400", 0),
        ("0e999999999999999999999", 0), ("123456789012345678901234567890", 123456789012345678901234567890.0),
        ("0000000000000000000000000000000000001.5", 1.5),
        ("2.2250738585072011e-308", Double.leastNormalMagnitude.nextDown),
    ])
    func numbersOfGoSyntaxAreRead(text: String, value: Double) {
        #expect(parse(text) == value)
    }

    @Test(arguments: [
        "", "+", "-", ".", "e", "e5", "1e", "1e+", "1.2.3", "1 ", " 1", "0x1", "0x1p-2", "0X1P2", "1_000",
        "1p3",
        "+NaN", "-NaN", "nanx", "infi", "infinit", "1e400", "-1e400", "1,5", "--1", "+-1", "1\u{0}", "\u{0}",
        "179769313486231580793e289", "١",
    ])
    func otherTextIsRefused(text: String) {
        #expect(parse(text) == nil)
        #expect(parseInPlace(text) == nil)
    }

    @Test(arguments: ["NaN", "nan", "NAN", "nAn"])
    func notANumberComesInAnyCase(text: String) throws {
        #expect(try #require(parse(text)).isNaN)
    }

    @Test(arguments: ["Inf", "+Inf", "inf", "INF", "+infinity", "Infinity", "iNFiNiTy"])
    func infinityComesInAnyCase(text: String) {
        #expect(parse(text) == .infinity)
        #expect(parse("-" + text.drop { $0 == "+" }) == -.infinity)
    }

    @Test func minusZeroKeepsItsSign() throws {
        #expect(try #require(parse("-0")).bitPattern == (-0.0).bitPattern)
        #expect(try #require(parse("-0.0e5")).bitPattern == (-0.0).bitPattern)
        #expect(try #require(parseInPlace("-0")).bitPattern == (-0.0).bitPattern)
    }

    @Test func aMillionDigitsAreReadInBoundedMemory() {
        let zeros = String(repeating: "0", count: 1_000_000)
        #expect(parse("1" + zeros) == nil)
        #expect(parse("0." + zeros + "1") == 0)
        #expect(parse("1" + zeros + "e-1000000") == 1)
        #expect(parse(String(repeating: "9", count: 1_000_000) + "e-1000000") == 1)
        // One digit after 800 others decides which side of the half it is.
        let half = "9007199254740993." + String(repeating: "0", count: 2_000)
        #expect(parse(half) == 9_007_199_254_740_992)
        #expect(parse(half + "1") == 9_007_199_254_740_994)
    }

    @Test func randomBitPatternsAgreeWithStrtod() {
        var random = SeededGenerator(seed: printedSeed("randomBitPatternsAgreeWithStrtod"))
        for _ in 0..<40_000 {
            let value = Double(bitPattern: random.next())
            guard value.isFinite else { continue }
            check("\(value)")
        }
    }

    @Test func randomDigitStringsAgreeWithStrtod() {
        var random = SeededGenerator(seed: printedSeed("randomDigitStringsAgreeWithStrtod"))
        for _ in 0..<40_000 {
            var text = Bool.random(using: &random) ? "-" : ""
            for _ in 0..<Int.random(in: 1...22, using: &random) {
                text += "\(Int.random(in: 0...9, using: &random))"
            }
            if Bool.random(using: &random) {
                text += "."
                for _ in 0..<Int.random(in: 0...25, using: &random) {
                    text += "\(Int.random(in: 0...9, using: &random))"
                }
            }
            if Bool.random(using: &random) { text += "e\(Int.random(in: -345...310, using: &random))" }
            check(text)
        }
    }

    /// Halves between two neighbours are where rounding goes wrong.
    @Test func halfwayCasesAgreeWithStrtod() {
        var random = SeededGenerator(seed: printedSeed("halfwayCasesAgreeWithStrtod"))
        for _ in 0..<20_000 {
            let low = UInt64.random(in: (1 << 53)..<(1 << 62), using: &random)
            check("\(low)")
            check("\(low)e\(Int.random(in: -30...30, using: &random))")
        }
    }

    private func check(_ text: String) {
        // Safety: the string is bridged with a closing zero and lives through the call; no end is asked for.
        let expected = unsafe strtod(text, nil)
        if let value = parse(text) {
            #expect(value.bitPattern == expected.bitPattern, "\(text)")
        } else {
            #expect(expected.isInfinite, "\(text)")
        }
        if let value = parseInPlace(text) { #expect(value.bitPattern == expected.bitPattern, "\(text)") }
    }
}
