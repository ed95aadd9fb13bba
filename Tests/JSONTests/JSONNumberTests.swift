import JSON
import Testing

@Suite struct JSONNumberTests {
    private static let doubles: [(Double, String)] = [
        (0.0, "0"), (-0.0, "-0"), (1.0, "1"), (1.5, "1.5"), (0.1, "0.1"), (-2.5e-7, "-2.5e-07"),
        (1_700_000_000.25, "1700000000.25"), (1e16, "1e+16"),
        (1.7976931348623157e308, "1.7976931348623157e+308"),
        (.leastNonzeroMagnitude, "5e-324"), (9_007_199_254_740_991.0, "9007199254740991"),
    ]

    @Test(arguments: doubles)
    func doublesHaveTheirShortestForm(value: Double, text: String) throws {
        #expect(JSONNumber(value)?.text == text)
        #expect(try JSONReader.read(Array(text.utf8)).number?.bitPattern == value.bitPattern)
    }

    @Test(arguments: [Double.nan, .infinity, -.infinity, .signalingNaN])
    func whatJSONHasNotIsRefused(value: Double) { #expect(JSONNumber(value) == nil) }

    @Test func integersHaveAllDigits() {
        #expect(JSONNumber(UInt64.max).text == "18446744073709551615")
        #expect(JSONNumber(Int64.min).text == "-9223372036854775808")
    }

    @Test(arguments: [
        ("1.50", true), ("-0", true), ("123456789012345678901234567890", true), ("1e5", true), ("01", false),
        ("+1", false), ("1.", false), ("NaN", false), ("", false), (" 1", false), ("1 ", false),
        ("1,2", false),
        ("\"1\"", false), ("null", false),
    ])
    func textIsANumberOrRefused(text: String, isNumber: Bool) {
        #expect(JSONNumber(text: text)?.text == (isNumber ? text : nil))
    }
}
