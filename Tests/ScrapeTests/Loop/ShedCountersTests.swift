import Telemetry
import Testing

@testable import Scrape

@Suite struct ShedCountersTests {
    private let registry = MetricRegistry()

    private func lines() -> [Substring] {
        registry.render().split(separator: "\n").filter { !$0.hasPrefix("#") }
    }

    @Test func samplesAreCountedByLabel() {
        let shed = ShedCounters(registry: registry, job: "j")
        shed.count(2, label: "path")
        shed.count(3, label: "path")
        shed.count(4, label: nil)
        #expect(
            Set(lines()) == [
                "narthex_scrape_shed_samples_total{scrape_job=\"j\",label=\"path\"} 5",
                "narthex_scrape_shed_samples_total{scrape_job=\"j\",label=\"\"} 4",
            ])
    }

    @Test func whatTargetsMakeUpHasItsBounds() {
        let shed = ShedCounters(registry: registry, job: "j")
        for number in 0..<1_000 { shed.count(1, label: "l\(number)") }
        shed.count(7, label: String(repeating: "n", count: ShedCounters.mostNameBytes + 1))
        #expect(lines().count == ShedCounters.mostLabels + 1)
        let rest = 1_000 - ShedCounters.mostLabels + 7
        #expect(lines().contains("narthex_scrape_shed_samples_total{scrape_job=\"j\",label=\"\"} \(rest)"))
        // Those that have a counter keep it.
        shed.count(1, label: "l0")
        #expect(lines().contains("narthex_scrape_shed_samples_total{scrape_job=\"j\",label=\"l0\"} 2"))
    }
}
