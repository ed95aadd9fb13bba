import Testing

@testable import Relabel

@Suite struct LetterCaseTests {
    // What Go's strings.ToUpper and ToLower give.
    @Test(arguments: [
        ("Hello World_1", "HELLO WORLD_1", "hello world_1"), ("straße", "STRAßE", "straße"),
        ("Éé", "ÉÉ", "éé"), ("\u{1F80}", "\u{1F88}", "\u{1F80}"), ("\u{130}", "\u{130}", "i"),
        ("ﬁ", "ﬁ", "ﬁ"), ("ŉ", "ŉ", "ŉ"), ("Σς", "ΣΣ", "σς"), ("ǆ", "Ǆ", "ǆ"), ("日本", "日本", "日本"),
    ])
    func lettersAreMappedOneByOne(text: String, upper: String, lower: String) {
        #expect(
            Array(String(decoding: LetterCase.upper(Array(text.utf8)), as: UTF8.self).unicodeScalars)
                == Array(upper.unicodeScalars))
        #expect(
            Array(String(decoding: LetterCase.lower(Array(text.utf8)), as: UTF8.self).unicodeScalars)
                == Array(lower.unicodeScalars))
    }
}
