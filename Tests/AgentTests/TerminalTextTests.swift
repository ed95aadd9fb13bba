import Testing

@testable import Agent

@Suite struct TerminalTextTests {
    @Test(arguments: [
        ("", ""), ("grüße {a=\"b\\n\"} 🚀", "grüße {a=\"b\\n\"} 🚀"), ("two\nlines", "two\\nlines"),
        ("\u{1B}[2J\u{7}", "\\u{1b}[2J\\u{7}"), ("a\r\nb\t\0", "a\\u{d}\\nb\\u{9}\\u{0}"),
        ("\u{9B}31m\u{2028}\u{7F}", "\\u{9b}31m\\u{2028}\\u{7f}"),
    ])
    func whatATerminalWouldObeyStaysText(text: String, shown: String) {
        #expect(TerminalText.shown(text) == shown)
    }
}
