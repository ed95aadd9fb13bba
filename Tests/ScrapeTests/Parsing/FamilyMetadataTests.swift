import MetricModel
import Testing

@testable import Scrape

@Suite struct FamilyMetadataTests {
    private func metadata(_ text: String, isOpenMetrics: Bool) throws -> [String] {
        let scrape = plainScrape()
        _ = try scrape.consume(text, isOpenMetrics: isOpenMetrics, at: 1)
        return scrape.metadata.map { "\($0.family)|\($0.type)|\($0.help)|\($0.unit)" }
    }

    @Test func theLastWordOfEachKindCounts() throws {
        #expect(
            try metadata(
                "# HELP a one\n# TYPE a counter\na 1\n# HELP a two\n# TYPE b untyped\nb 1\n",
                isOpenMetrics: false) == ["a|counter|two|", "b|unknown||"])
    }

    @Test func openMetricsHasUnits() throws {
        #expect(
            try metadata(
                "# TYPE a_seconds counter\n# UNIT a_seconds seconds\n# HELP a_seconds x\na_seconds_total 1\n"
                    + "# TYPE \"b \\\" c\" info\n{\"b\"} 1\n# EOF\n", isOpenMetrics: true)
                == ["a_seconds|counter|x|seconds", "b \" c|info||"])
    }

    @Test func escapesFollowTheFormat() throws {
        let help = "# HELP a x\\\\y\\nz \\\"q\\\" \\t\na 1\n"
        #expect(try metadata(help, isOpenMetrics: false) == ["a|unknown|x\\y\nz \\\"q\\\" \\t|"])
        #expect(try metadata(help + "# EOF\n", isOpenMetrics: true) == ["a|unknown|x\\y\nz \"q\" \\t|"])
    }

    @Test func familiesAreCountedWithoutReadingThem() {
        var packed = PackedMetadata(isOpenMetrics: false)
        #expect(PackedMetadata.familyCount(packed.bytes) == 0)
        for (kind, family, text) in [
            (.help, "a", "x"), (.type, "a", "gauge"), (.type, "", ""), (.help, "b", ""), (.unit, "b", "y"),
        ] as [(FamilyMetadata.Kind, String, String)] {
            packed.append(kind, family: Array(family.utf8), text: Array(text.utf8))
        }
        #expect(PackedMetadata.familyCount(packed.bytes) == 3)
        // What is cut within a comment ends there.
        #expect(PackedMetadata.familyCount(Array(packed.bytes.dropLast(3))) == 3)
        #expect(PackedMetadata.familyCount(Array(packed.bytes.prefix(12))) == 1)
    }

    /// A body of comments must not stay in memory for as long as its target.
    @Test func aTargetsMetadataIsBounded() throws {
        let text = String(repeating: "x", count: PackedMetadata.maxTextBytes)
        func body(_ count: Int, _ value: Int) -> String {
            (0..<count).map { "# HELP f\($0) \(text)\ng{i=\"\($0)\"} \(value)\n" }.joined()
                + "# TYPE last counter\nlast 1\n"
        }
        let scrape = plainScrape()
        let limit = TemplateBuilder.maxMetadataBytes / PackedMetadata.maxTextBytes
        _ = try scrape.consume(body(limit - 1, 1), at: 1)
        #expect(scrape.metadata.count == limit)
        // Known lines count as well.
        _ = try scrape.consume(body(2 * limit, 2), at: 2)
        #expect((limit - 1...limit + 1).contains(scrape.metadata.count))
        #expect(!scrape.metadata.contains { $0.family == "last" })
    }

    @Test func longTextsAreCutAtACharacter() throws {
        let long = "x" + String(repeating: "\u{e9}", count: PackedMetadata.maxTextBytes)
        let found = try metadata("# HELP a \(long)\na 1\n", isOpenMetrics: false)
        #expect(found.first?.utf8.count == "a|unknown||".utf8.count + PackedMetadata.maxTextBytes - 1)
        #expect(found.first?.hasSuffix("\u{e9}|") == true)
    }
}
