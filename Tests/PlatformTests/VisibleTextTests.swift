import Testing

@testable import Platform

@Suite struct VisibleTextTests {
    @Test(arguments: [
        ("", ""), ("grüße {a=\"b\\n\"} 🚀", "grüße {a=\"b\\n\"} 🚀"), ("two\nlines", "two\\nlines"),
        ("\u{1B}[2J\u{7}", "\\u{1b}[2J\\u{7}"), ("a\r\nb\t\0", "a\\u{d}\\nb\\u{9}\\u{0}"),
        ("\u{9B}31m\u{2028}\u{7F}", "\\u{9b}31m\\u{2028}\\u{7f}"),
        // A byte order mark, spaces that are none or not the plain one, what turns the direction, what fills.
        ("\u{FEFF}a", "\\u{feff}a"), ("a\u{A0}b\u{3000}", "a\\u{a0}b\\u{3000}"),
        ("a\u{200B}\u{200D}\u{AD}", "a\\u{200b}\\u{200d}\\u{ad}"), ("\u{202E}txt", "\\u{202e}txt"),
        ("\u{3164}\u{FE0F}\u{E0041}", "\\u{3164}\\u{fe0f}\\u{e0041}"),
    ])
    func whatCannotBeSeenIsEscaped(text: String, shown: String) {
        #expect(VisibleText.shown(text) == shown)
    }
}
