import Platform
import Testing

@Suite struct JSONTextTests {
    @Test(
        arguments: [
            ("", "\"\""), ("plain ä", #""plain ä""#), (#"a"b\c"#, #""a\"b\\c""#),
            ("1\n2\r3\t", #""1\n2\r3\t""#), ("\u{0}\u{1F}", #""\u0000\u001f""#),
            ("\u{7F}\u{9B}", #""\u007f\u009b""#), ("\u{2028}\u{2029}\u{FEFF}", #""\u2028\u2029\ufeff""#),
            ("a\u{A0}\u{200B}\u{202E}", #""a\u00a0\u200b\u202e""#), ("\u{E0041}", "\"\u{E0041}\""),
            ("\u{1F600}", "\"\u{1F600}\""),
        ])
    func textIsQuoted(text: String, quoted: String) { #expect(JSONText.quoted(text) == quoted) }
}
