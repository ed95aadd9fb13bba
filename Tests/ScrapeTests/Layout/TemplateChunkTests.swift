import MetricModel
import Testing

@testable import Scrape

@Suite struct TemplateChunkTests {
    @Test func exclusionsOfARangeAreFound() {
        var layout = LayoutChunkBuilder()
        for _ in 0..<12 { layout.endSeries() }
        let exclusions = [0, 1, 4, 6, 7, 11].map {
            TemplateChunk.Exclusion(series: UInt32($0), targetLabels: [UInt16($0)])
        }
        for exclusions in [[], Array(exclusions.prefix(1)), exclusions] {
            let chunk = TemplateChunk(
                hashes: Array(0..<12), lengths: Array(repeating: 1, count: 12), ownHashes: Array(0..<12),
                exclusions: exclusions, layout: layout.finish(), before: FamilyContext(),
                after: FamilyContext())
            for _ in 0..<12 { layout.endSeries() }
            for first in 0...12 {
                for last in first...12 {
                    let expected = exclusions.filter { (first..<last).contains(Int($0.series)) }
                    #expect(Array(chunk.exclusions(of: first..<last)) == expected)
                }
            }
        }
    }
}
