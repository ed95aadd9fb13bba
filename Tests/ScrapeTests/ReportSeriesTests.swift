import MetricModel
import Testing

@testable import Scrape

@Suite struct ReportSeriesTests {
    /// The last chunk of a frame is the report's.
    private func families(keepsDetails: Bool, hasExtra: Bool) throws -> [MetricMetadata?] {
        let scrape = TargetScrape(
            target: plainTarget(), keepsDetails: keepsDetails, rules: SeriesRules(), reportsExtra: hasExtra)
        let frame = try scrape.consume("a 1\n", at: 1)
        let chunk = try #require(frame.layout.chunks.last)
        return (0..<chunk.seriesCount).map { chunk.metadata?.family(ofSeries: $0) }
    }

    @Test(arguments: [false, true]) func eachIsDescribedToReceiversOf20(hasExtra: Bool) throws {
        let families = try families(keepsDetails: true, hasExtra: hasExtra)
        #expect(
            families.map { $0?.family } == ReportSeries.names + (hasExtra ? ReportSeries.extraNames : []))
        #expect(
            families[0]
                == MetricMetadata(
                    family: "up", kind: .gauge,
                    help:
                        "Health of the scrape target. 1 means the target is healthy, 0 if the scrape failed.",
                    unit: "targets"))
        #expect(families.allSatisfy { $0?.kind == .gauge && $0?.help != "" && $0?.unit != "" })
    }

    @Test func othersAreSentNoneWithThem() throws {
        #expect(try families(keepsDetails: false, hasExtra: false).allSatisfy { $0 == nil })
    }
}
