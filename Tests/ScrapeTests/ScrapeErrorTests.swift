import HTTPTransport
import Testing

@testable import Scrape

@Suite struct ScrapeErrorTests {
    /// What a body begins with or holds and nobody sees is told as an escape.
    @Test(arguments: [
        ("\u{FEFF}a 1\n", "found \"\\u{feff}"), ("a 1\n\u{A0}b 1\n", "found \"\\u{a0}"),
        ("a{b=\"1\",\u{200B}c=\"2\"} 1\n", "\\u{200b}"), ("a 1\u{A0}\n", "\\u{a0}"),
        ("a 1\u{1B}[2J\n", "\\u{1b}[2J"),
    ])
    func whatCannotBeSeenIsShown(text: String, shown: String) {
        let error = #expect(throws: ScrapeError.self) { try plainScrape().consume(text, at: 1) }
        #expect(error?.description.contains(shown) == true, "\(error?.description ?? "")")
    }

    @Test func aContentTypeIsShown() {
        let error = #expect(throws: ScrapeError.self) {
            try ExpositionFormat.of(contentType: "text/\u{200B}odd\u{1B}", fallback: nil)
        }
        #expect(error?.message.contains("text/\\u{200b}odd\\u{1b}") == true, "\(error?.message ?? "")")
    }
}
