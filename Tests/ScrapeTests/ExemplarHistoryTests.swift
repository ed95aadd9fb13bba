import MetricModel
import Testing

@testable import Scrape

@Suite struct ExemplarHistoryTests {
    private func exemplars(_ scrape: TargetScrape, _ lines: String, at timestampMs: Int64) throws -> [String]
    {
        try scrape.consume(lines + "# EOF\n", isOpenMetrics: true, at: timestampMs).exemplars.map {
            "\($0.series) \($0.exemplar.labels) \($0.exemplar.value)"
                + ($0.exemplar.timestampMs.map { " @\($0)" } ?? "")
        }
    }

    @Test func eachExemplarCountsOnce() throws {
        let scrape = plainScrape(keepsExemplars: true)
        let first = "a 1\nb 1 # {x=\"1\"} 2\nc 1 # {} 3 4\n"
        #expect(try exemplars(scrape, first, at: 1) == ["1 {x=\"1\"} 2.0", "2 {} 3.0 @4000"])
        #expect(try exemplars(scrape, first, at: 2) == [])
        // In a changed layout the series are found again.
        #expect(try exemplars(scrape, "z 1\n" + first, at: 3) == [])
        #expect(try exemplars(scrape, "b 1 # {x=\"2\"} 2\nc 1 # {} 3 5\n", at: 4).count == 2)
        // A series that left and returned shows its own anew.
        #expect(try exemplars(scrape, "a 1\n", at: 5) == [])
        #expect(try exemplars(scrape, "b 1 # {x=\"2\"} 2\n", at: 6).count == 1)
    }

    @Test func nobodyWhoAskedForNoneGetsAny() throws {
        #expect(try exemplars(plainScrape(), "a 1 # {x=\"1\"} 2\n", at: 1) == [])
    }

    @Test func exemplarsBeyondTheRulesAreLeftOut() throws {
        let scrape = plainScrape(keepsExemplars: true)
        let long = String(repeating: "\u{e9}", count: 127)
        #expect(
            try exemplars(
                scrape,
                "a 1 # {x=\"\(long)\"} 1\nb 1 # {x=\"\(long)y\"} 1\nc 1 # {x=\"1\",x=\"2\"} 1\n"
                    + "d 1 # {x=\"\",y=\"a\\\\b\"} 1\n", at: 1) == [
                    "0 {x=\"\(long)\"} 1.0", "3 {y=\"a\\\\b\"} 1.0",
                ])
    }

    @Test func repeatedLinesGiveNone() throws {
        let scrape = plainScrape(keepsExemplars: true)
        #expect(try exemplars(scrape, "a 1 # {x=\"1\"} 1\na 2 # {x=\"2\"} 1\n", at: 1) == ["0 {x=\"1\"} 1.0"])
    }
}
