import Testing

@testable import Configuration

@Suite struct SpellingTests {
    @Test(arguments: [
        ("scrape_intervall", "scrape_interval"), ("scrape-interval", "scrape_interval"),
        ("Scrape_Interval", "scrape_interval"), ("interval", nil), ("jobname", "job_name"), ("x", nil),
        ("", nil),
        (String(repeating: "a", count: 1_000), nil),
    ])
    func findsWhatWasMeant(word: String, expected: String?) {
        #expect(Spelling.nearest(word, ["job_name", "scrape_interval", "scrape_timeout"]) == expected)
    }

    @Test func distancesCountEdits() {
        #expect(Spelling.distance(Array("kitten".utf8), Array("sitting".utf8)) == 3)
        #expect(Spelling.distance(Array("ab".utf8), Array("ba".utf8)) == 1)
        #expect(Spelling.distance([], Array("abc".utf8)) == 3)
    }
}
