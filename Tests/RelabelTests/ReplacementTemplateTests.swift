import Testing

@testable import Relabel

@Suite struct ReplacementTemplateTests {
    // What Go's regexp.Expand gives for the groups 1 = "one", 2 = none, name = "n".
    @Test(arguments: [
        ("$1", "one"), ("${1}", "one"), ("$1x", ""), ("${1}x", "onex"), ("$1-x", "one-x"), ("$$1", "$1"),
        ("$", "$"), ("$ 1", "$ 1"), ("${", "${"), ("${1", "${1"), ("${}", "${}"), ("a$name.", "an."),
        ("${name}_", "n_"), ("$name_", ""), ("$2", ""), ("$9", ""), ("$01", ""), ("$0", "onen"), ("", ""),
        ("$1$1", "oneone"), ("é$1", "éone"), ("$é", ""), ("$-", "$-"), ("${name", "${name"), ("$$", "$"),
        ("$123456789123", ""),
    ])
    func dollarsAreReadAsGoDoes(template: String, expected: String) throws {
        let pattern = try RelabelPattern("(one)(two)?(?P<name>n)")
        let source = Array("onen".utf8)
        var ranges: [Int32] = []
        try #require(pattern.find(in: source, ranges: &ranges))
        let template = ReplacementTemplate(template, pattern)
        var result: [UInt8] = []
        template.expand(source, ranges, into: &result)
        #expect(String(decoding: result, as: UTF8.self) == expected)
        #expect(template.expandedCount(ranges) == result.count)
    }
}
