import MetricModel
import Testing

@testable import Scrape

@Suite struct TemplateInternerTests {
    private let layouts = LayoutInterner()
    private let templates = TemplateInterner()

    private func engine(_ labels: [Label], honorLabels: Bool = false) -> ScrapeEngine {
        ScrapeEngine(
            target: Target(job: "j", own: LabelSet(labels)), honorLabels: honorLabels, honorTimestamps: true,
            layouts: layouts, templates: templates)
    }

    private func scraped(
        _ engine: ScrapeEngine, _ text: String, after state: ScrapeState? = nil, at timestampMs: Int64 = 1
    ) throws -> ScrapeEngine.Prepared {
        let bytes = Array(text.utf8)
        // Safety: the span is used only inside the closure, where the array's bytes live.
        return try unsafe bytes.withUnsafeBytes {
            try unsafe engine.scraped($0.bytes, at: timestampMs, after: state ?? engine.makeState()) { 0 }
        }
    }

    private let body = (0..<1_000).map { "m{n=\"\($0)\"} \($0)\n" }.joined()

    @Test func aTaskLikeAnotherIsNotParsedAtAll() throws {
        let first = try scraped(engine([Label("instance", "1")]), body)
        let second = try scraped(engine([Label("instance", "2")]), body)
        #expect(first.parsedLines == 1_000)
        #expect(second.parsedLines == 0)
        #expect(second.report.seriesAdded == 1_000)
        #expect(second.frame.layout.isIdentical(to: first.frame.layout))
        #expect(second.frame.samples()[7].labels["instance"] == "2")
        #expect(second.frame.departed.isEmpty)
    }

    @Test func otherLabelNamesOrFlagsAreOtherTargets() throws {
        let first = try scraped(engine([Label("instance", "1")]), body)
        #expect(try scraped(engine([Label("host", "1")]), body).parsedLines == 1_000)
        #expect(try scraped(engine([Label("instance", "1"), Label("n", "x")]), body).parsedLines == 1_000)
        #expect(try scraped(engine([Label("instance", "1")], honorLabels: true), body).parsedLines == 1_000)
        #expect(try scraped(engine([Label("instance", "3")]), body).parsedLines == 0)
        #expect(first.parsedLines == 1_000)
    }

    @Test func duplicatesAreFoundInABorrowedTemplateToo() throws {
        let text = body + "m{n=\"3\"} 9\n"
        let first = try scraped(engine([Label("instance", "1")]), text)
        #expect(first.frame.absent == [1_000])
        let second = try scraped(engine([Label("instance", "2")]), text)
        #expect(second.parsedLines == 0 && second.frame.absent == [1_000] && second.leftOut[.duplicate] == 1)
        #expect(second.next.chunks.count == first.next.chunks.count)
    }

    @Test func templatesGoWithTheirLastTarget() throws {
        do {
            let engine = engine([Label("instance", "1")])
            let prepared = try scraped(engine, body)
            #expect(templates.count == prepared.next.chunks.count)
        }
        #expect(templates.count == 0)
        #expect(layouts.count <= 1)
        #expect(try scraped(engine([Label("instance", "2")]), body).parsedLines == 1_000)
    }
}
