import Configuration
import MetricModel
import Testing

@testable import Scrape

/// Limits and name rules: all or nothing by default, in part where the job says so.
@Suite struct SeriesRulesTests {
    private func scrape(_ change: (inout SeriesRules) -> Void, own: [Label] = []) -> TargetScrape {
        var rules = SeriesRules()
        change(&rules)
        return TargetScrape(
            target: plainTarget(own, external: [Label("region", "a-very-long-value")]), rules: rules)
    }

    /// The scrape's lines without the external label, or its error.
    private func reading(_ scrape: TargetScrape, _ text: String, at timestampMs: Int64 = 1) -> [String] {
        do {
            return try scrape.consume(text, at: timestampMs).lines().map {
                $0.replacing("{region=\"a-very-long-value\"}", with: "")
                    .replacing("region=\"a-very-long-value\", ", with: "")
            }
        } catch {
            guard let error = error as? ScrapeError else { return ["\(error)"] }
            return ["\(error.code.rawValue): \(error.message)"]
        }
    }

    @Test func labelsAreCountedWithNameAndTarget() {
        // __name__, instance, job and one of its own; external labels do not count.
        #expect(reading(scrape { $0.limits.labels = 4 }, "a{x=\"1\"} 1\n") == ["a{x=\"1\"} 1.0"])
        #expect(
            reading(scrape { $0.limits.labels = 4 }, "a{x=\"1\"} 1\nb{x=\"1\",y=\"2\"} 1\n") == [
                "label_limit: \"b\" has 5 labels, its name and the target's among them; label_limit is 4"
            ])
        // An empty value is no label.
        #expect(reading(scrape { $0.limits.labels = 4 }, "a{x=\"1\",y=\"\"} 1\n") == ["a{x=\"1\"} 1.0"])
    }

    @Test func lengthsAreBytes() {
        #expect(
            reading(scrape { $0.limits.labelNameLength = 8 }, "a{x=\"1\"} 1\n") == ["a{x=\"1\"} 1.0"])
        #expect(
            reading(scrape { $0.limits.labelNameLength = 8 }, "a{x23456789=\"1\"} 1\n").first?
                .hasPrefix("label_limit: the label name \"x23456789\" of \"a\" has 9 bytes") == true)
        #expect(
            reading(scrape { $0.limits.labelValueLength = 2 }, "a{x=\"\u{e9}\"} 1\n") == [
                "a{x=\"\u{e9}\"} 1.0"
            ])
        #expect(
            reading(scrape { $0.limits.labelValueLength = 2 }, "a{x=\"\u{e9}1\"} 1\n").first?
                .contains("has a value of 3 bytes") == true)
        #expect(
            reading(scrape { $0.limits.labelValueLength = 2 }, "abc 1\n").first?.contains("__name__") == true)
    }

    @Test func theTargetsOwnLabelsCount() {
        let long = scrape({ $0.limits.labelValueLength = 5 }, own: [Label("az", "eu-west-1a")])
        #expect(reading(long, "a 1\n").first?.hasPrefix("label_limit: the label \"az\"") == true)
        #expect(reading(long, "") == [])
    }

    @Test func legacyNamesAreAsked() {
        let good = "a:b_1{x_1=\"\u{e9}\"} 1\n"
        #expect(reading(scrape { $0.validation = .legacy }, good) == ["a:b_1{x_1=\"\u{e9}\"} 1.0"])
        for bad in ["{\"a.b\"} 1\n", "a{\"x.y\"=\"1\"} 1\n", "a{\"x:y\"=\"1\"} 1\n"] {
            #expect(reading(scrape { $0.validation = .legacy }, bad).first?.contains("refuses") == true)
            #expect(reading(scrape { _ in }, bad).first?.hasSuffix(" 1.0") == true)
        }
    }

    @Test func aSeriesBeyondTheLimitsIsShed() throws {
        let scrape = scrape {
            $0.limits.labels = 4
            $0.onLimit = .shed
        }
        let text = "a{x=\"1\"} 1\nb{x=\"1\",y=\"2\"} 1\nb{x=\"1\",y=\"2\"} 1\nc 3\n"
        #expect(reading(scrape, text) == ["a{x=\"1\"} 1.0", "c 3.0"])
        #expect(scrape.shed.refusedCount == 2)
        #expect(scrape.shed.firstRefusal?.hasPrefix("\"b\" has 5 labels") == true)
        let parsed = scrape.parsedLines
        #expect(reading(scrape, text, at: 2) == ["a{x=\"1\"} 1.0", "c 3.0"])
        #expect(scrape.parsedLines == parsed)
        // No marker for what never had a sample.
        #expect(reading(scrape, "c 3\n", at: 3) == ["c 3.0", "a{x=\"1\"} stale"])
    }

    @Test func aBadLineIsSkipped() throws {
        let scrape = scrape { $0.onBadLine = .skip }
        let text = "a 1\n?? nonsense\n# TYPE b nonsense\nb{x=\"1\",x=\"2\"} 1\nc 3\n!\n"
        #expect(reading(scrape, text) == ["a 1.0", "c 3.0"])
        #expect(scrape.skippedLines == 3)
        #expect(scrape.shed.refusedCount == 1)
        let parsed = scrape.parsedLines
        #expect(reading(scrape, text, at: 2) == ["a 1.0", "c 3.0"])
        #expect(scrape.skippedLines == 3)
        #expect(scrape.parsedLines == parsed)
        #expect(reading(scrape, "", at: 3) == ["a stale", "c stale"])
    }

    @Test func aBodyThatBreaksOffIsNotABadLine() throws {
        let scrape = scrape { $0.onBadLine = .skip }
        let frame = try scrape.consume("a 1\n??\nb  2\n# EOF\n", isOpenMetrics: true, at: 1)
        #expect(frame.lines().count == 1)
        for text in ["a 1\n", "a 1\n# EO", "a 1\nb", "a 1\n\n"] {
            #expect(throws: ScrapeError.self) { try scrape.consume(text, isOpenMetrics: true, at: 2) }
        }
    }
}
