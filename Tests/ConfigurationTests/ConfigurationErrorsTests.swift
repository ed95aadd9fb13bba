import Testing

@testable import Configuration

@Suite struct ConfigurationErrorsTests {
    /// What an editor or a page leaves in a file and nobody sees.
    @Test(arguments: [
        ("global:\n  \u{200B}scrape_interval: 15s\n", "unknown key \"\\u{200b}scrape_interval\""),
        ("global:\n  scrape_interval: 15\u{A0}s\n", "\"15\\u{a0}s\""),
        ("global:\n  scrape_interval: \"\u{FEFF}15s\"\n", "\"\\u{feff}15s\""),
        ("scrape_configs:\n- job_name: j\n  body_size_limit: \"1\u{202F}MB\"\n", "\"1\\u{202f}MB\""),
        (
            "scrape_configs:\n- job_name: j\n  relabel_configs:\n  - action: \"keep\u{2060}\"\n",
            "\"keep\\u{2060}\""
        ),
        ("scrape_configs:\n- job_name: j\n  scheme: \"htt\\eps\"\n", "\\u{1b}"),
    ])
    func whatCannotBeSeenIsShown(text: String, shown: String) {
        let found = errors(text)
        #expect(found.contains { $0.contains(shown) }, "\(found)")
    }

    @Test func thePlaceIsShownToo() {
        let error = ConfigurationError(file: "a\u{1B}[2J.yml", line: 1, column: 2, message: "b\u{FEFF}c\nd")
        #expect(error.description == "a\\u{1b}[2J.yml:1:2: b\\u{feff}c\\nd")
        let both = ConfigurationErrors([error, error])
        #expect(both.description.split(separator: "\n").count == 2)
    }
}
