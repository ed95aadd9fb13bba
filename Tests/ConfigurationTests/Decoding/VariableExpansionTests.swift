import Testing

@testable import Configuration

@Suite struct VariableExpansionTests {
    @Test(arguments: [
        ("plain", "plain"), ("$A", "1"), ("${A}b", "1b"), ("$A$B", "12"), ("$AB", ""), ("$$", "$"),
        ("$${A}", "${A}"),
        ("a$", "a$"), ("$ x", "$ x"), ("${A-b}", ""), ("$1x", "x"),
    ])
    func expandsAsGoDoes(source: String, expected: String) {
        #expect(VariableExpansion(source, environment: ["A": "1", "B": "2"]).text == expected)
    }

    @Test(arguments: ["${", "${}", "a${B"])
    func openBracesAreFaults(source: String) {
        #expect(VariableExpansion(source, environment: [:]).fault != nil)
    }

    @Test func valuesAreNotExpandedAgain() {
        #expect(VariableExpansion("$A", environment: ["A": "$B", "B": "x"]).text == "$B")
    }
}
