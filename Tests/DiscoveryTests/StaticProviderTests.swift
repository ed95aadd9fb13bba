import Configuration
import MetricModel
import Testing

@testable import Discovery

@Suite struct StaticProviderTests {
    @Test func staticTargetsAreReportedOnce() async {
        let provider = StaticProvider([
            StaticConfiguration(targets: ["a:1", "b:1"], labels: labels(("env", "x"))),
            StaticConfiguration(targets: []),
        ])
        let reports = Reports<[TargetGroup]>()
        await provider.run { reports.add($0) }
        #expect(reports.received == 1)
        #expect(
            await reports.next() == [
                TargetGroup(
                    source: "static/0",
                    targets: [labels(("__address__", "a:1")), labels(("__address__", "b:1"))],
                    labels: labels(("env", "x"))),
                TargetGroup(source: "static/1", targets: []),
            ])
    }
}
