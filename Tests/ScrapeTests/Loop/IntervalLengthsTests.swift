import Platform
import Telemetry
import TestSupport
import Testing

@testable import Scrape

struct IntervalLengthsTests {
    @Test func onlySoManyIntervalsHaveALabelOfTheirOwn() {
        let registry = MetricRegistry()
        let metrics = ScrapeMetrics(registry: registry, clock: ManualClock(), job: "j")
        let lengths = IntervalLengths(metrics, jobMs: 15_000)
        for ms in 1...Int64(1_000) { lengths.length(ofMs: ms).observe(seconds: 1) }
        let counts = registry.render().split(separator: "\n").filter {
            $0.hasPrefix("prometheus_target_interval_length_seconds_count")
        }
        #expect(counts.count == IntervalLengths.most + 1)
        // What has no label of its own counts with the job's.
        let own = counts.first { $0.contains("interval=\"15s\"") }
        #expect(own?.hasSuffix(" \(1_000 - IntervalLengths.most)") == true, "\(own ?? "none")")
    }
}
