import Configuration
import MetricModel
import Testing

@testable import Discovery

@Suite struct TargetMergeTests {
    private let job = ScrapeConfiguration(jobName: "j")

    private func group(_ source: String, _ address: String, _ more: (String, String)...) -> TargetGroup {
        TargetGroup(
            source: source, targets: [labels(("__address__", address))],
            labels: LabelSet(more.map { Label($0.0, $0.1) }))
    }

    @Test func equalTargetsCollapseAndBothAreNamed() {
        let merge = TargetMerge(
            [
                group("static/0", "a:1"), group("f.yml:0", "a:1", ("__meta_filepath", "f.yml")),
                group("c", "b:1"),
            ],
            job: job)
        #expect(merge.targets.map(\.url) == ["http://a:1/metrics", "http://b:1/metrics"])
        #expect(merge.discoveredCount == 3)
        #expect(merge.warnings.count == 1)
        #expect(merge.warnings[0].contains("scraped once: in static/0 and in f.yml:0"))
    }

    @Test func equalLabelsWithOtherURLsAreKeptAndWarnedOf() {
        let merge = TargetMerge(
            [group("x", "a:1", ("instance", "i")), group("y", "b:1", ("instance", "i"))], job: job)
        #expect(merge.targets.count == 2)
        #expect(merge.warnings.count == 1)
        #expect(merge.warnings[0].contains("http://a:1/metrics and http://b:1/metrics have the same labels"))
    }

    @Test func containersAreNamedInWarnings() {
        let container = [
            labels(
                ("__address__", "a:1"), ("__meta_ecs_container_name", "one"), ("__meta_ecs_task_arn", "t")),
            labels(
                ("__address__", "a:1"), ("__meta_ecs_container_name", "two"), ("__meta_ecs_task_arn", "t")),
        ]
        let merge = TargetMerge([TargetGroup(source: "ecs/prod", targets: container)], job: job)
        #expect(merge.targets.count == 1)
        #expect(
            merge.warnings[0].contains(
                "in ecs/prod (container one of t) and in ecs/prod (container two of t)"))
    }
}
