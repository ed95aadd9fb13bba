import HTTPTransport
import MetricModel
import Testing

@testable import Scrape

@Suite struct PassedSeriesTests {
    private static func target(_ name: String) -> ScrapeTarget {
        ScrapeTarget(
            url: "http://\(name)/metrics", labels: LabelSet([Label("instance", "i"), Label("job", "j")]))
    }

    private func scraped(_ target: ScrapeTarget, _ text: String) throws -> (ScrapeEngine, [TemplateChunk]) {
        let engine = ScrapeEngine(
            target: Target(job: "j", own: target.labels), honorLabels: false, honorTimestamps: true,
            layouts: LayoutInterner(), templates: TemplateInterner())
        let prepared = try HTTPBody(Array(text.utf8)).withSpan {
            try engine.scraped($0, at: 1_000, after: engine.makeState(), durationSeconds: { 0 })
        }
        return (engine, prepared.next.chunks)
    }

    @Test func itHoldsWhatThoseThatAreGoneMayHaveMissedAndNothingElse() throws {
        let (old, older, new) = (Self.target("a"), Self.target("b"), Self.target("c"))
        let (engine, chunks) = try scraped(new, "x 1\n")
        var passed = PassedSeries()
        func count() -> Int { passed.entries(of: old, andOthers: false).count }
        passed.add(chunks, of: new, engine, at: 1_000, nowNs: 1)
        #expect(passed.isEmpty && !passed.isAwaited)
        passed.setGone([older], nowNs: 2)
        passed.add(chunks, of: new, engine, at: 2_000, nowNs: 3)
        passed.setGone([older, old], nowNs: 4)
        passed.add(chunks, of: new, engine, at: 3_000, nowNs: 5)
        #expect(count() == 2)
        passed.ended(older)
        passed.setGone([old], nowNs: 6)
        #expect(passed.entries(of: old, andOthers: true).map(\.scrape.lastSeriesMs) == [3_000])
        passed.ended(old)
        #expect(passed.isEmpty && !passed.isAwaited)
    }

    @Test func ofOtherLabelsOnlySharedSeriesAreHeld() throws {
        let gone = ScrapeTarget(
            url: "http://g/", labels: LabelSet([Label("instance", "g"), Label("job", "j")]))
        let (engine, chunks) = try scraped(Self.target("c"), "x 1\n")
        var passed = PassedSeries()
        passed.setGone([gone], nowNs: 1)
        passed.add(chunks, of: Self.target("c"), engine, at: 2_000, nowNs: 2)
        #expect(passed.isEmpty)
    }
}
