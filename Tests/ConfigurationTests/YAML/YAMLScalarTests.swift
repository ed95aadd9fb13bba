import Testing

@testable import Configuration

@Suite struct YAMLScalarTests {
    @Test(arguments: [
        ("0", 0), ("42", 42), ("-7", -7), ("+7", 7), ("1_000", 1_000), ("0x1F", 31), ("0o17", 15),
        ("017", 15),
        ("0b101", 5), ("1e3", 1_000), ("5.0", 5), ("-0x10", -16), ("9223372036854775807", Int64.max),
    ])
    func readsWholeNumbersAsGoDoes(text: String, value: Int64) {
        #expect(YAMLScalar.integer(text) == value)
    }

    @Test(arguments: [
        "", "-", "a", "1a", "1.5", "0x", "08", "1e400", "--1", "+-1", "nan", "inf", "1:30",
        "9223372036854775808",
    ])
    func refusesOtherNumbers(text: String) {
        #expect(YAMLScalar.integer(text) == nil)
    }

    @Test func readsTruthValuesOfYAML11() {
        for text in ["true", "True", "yes", "Y", "on"] { #expect(YAMLScalar.bool(text) == true) }
        for text in ["false", "NO", "n", "Off"] { #expect(YAMLScalar.bool(text) == false) }
        for text in ["tRue", "1", "", "enabled"] { #expect(YAMLScalar.bool(text) == nil) }
    }
}
