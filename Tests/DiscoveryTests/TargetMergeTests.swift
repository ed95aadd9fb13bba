import Configuration
import MetricModel
import Relabel
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
        #expect(merge.warnings[0].contains("scraped once: in static/0 (a:1) and in f.yml:0 (a:1)"))
    }

    @Test func heldTargetsStayWhereNobodyElseHasTheirLabels() {
        let merge = TargetMerge(
            [group("x", "a:1"), group("y", "c:2", ("instance", "c"))],
            held: [group("x", "a:1"), group("x", "b:1"), group("y", "c:1", ("instance", "c"))], job: job)
        #expect(
            merge.targets.map(\.url) == ["http://a:1/metrics", "http://c:2/metrics", "http://b:1/metrics"])
        #expect(merge.discoveredCount == 3 && merge.warnings.isEmpty && merge.leftOut.isEmpty)
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
                "in ecs/prod (a:1, container one of t) and in ecs/prod (a:1, container two of t)"))
    }

    private func rule(_ keys: RelabelRule.Keys) throws -> RelabelRule { try RelabelRule(keys) }

    @Test func droppedTargetsAreKeptWithTheirLabelsAndTheRule() throws {
        var job = job
        job.relabelRules = RelabelRules([
            try rule(.init(targetLabel: "__tmp_seen", replacement: "yes")),
            try rule(.init(action: .drop, sourceLabels: ["__meta_x"], regex: "b")),
        ])
        let groups = [
            group("g0", "a:1", ("__meta_x", "a")), group("g1", "b:1", ("__meta_x", "b")),
            group("g2", "c:1", ("__meta_x", "b")),
        ]
        let merge = TargetMerge(groups, job: job)
        #expect(merge.targets.map(\.labels) == [labels(("instance", "a:1"), ("job", "j"))])
        #expect(merge.droppedCount == 2 && merge.discoveredCount == 3)
        let first = try #require(merge.leftOut.first)
        #expect(first.cause == .dropped(byRule: 1))
        #expect(first.message == "relabel_configs[1] drops it: drop source_labels=[__meta_x] regex=b")
        #expect(first.discoveredLabels["__address__"] == "b:1" && first.discoveredLabels["__tmp_seen"] == nil)
        #expect(first.labels["__tmp_seen"] == "yes")
        job.keepDroppedTargets = 1
        let bounded = TargetMerge(groups, job: job)
        #expect(bounded.leftOut.count == 1 && bounded.droppedCount == 2)
    }

    @Test func targetsThatRulesMakeEqualAreScrapedOnce() throws {
        var job = job
        job.relabelRules = RelabelRules([
            try rule(.init(targetLabel: "__address__", replacement: "proxy:80")),
            try rule(.init(targetLabel: "instance", replacement: "i")),
        ])
        let merge = TargetMerge([group("x", "a:1"), group("y", "b:1")], job: job)
        #expect(merge.targets.map(\.url) == ["http://proxy:80/metrics"])
        #expect(merge.leftOut.map(\.cause) == [.duplicate])
        #expect(merge.warnings.count == 1)
        #expect(merge.warnings[0].contains("scraped once: in x (a:1) and in y (b:1)"))
    }

    @Test func whatHasEndedForGoodIsToldUnlessItIsScrapedAgain() {
        let group = TargetGroup(
            source: "s", targets: [labels(("__address__", "new:1"))], labels: labels(("env", "prod")),
            stopped: [
                labels(("__address__", "old:1")), labels(("__address__", "new:1")), labels(("no", "address")),
            ])
        let merge = TargetMerge([group], job: ScrapeConfiguration(jobName: "j"))
        #expect(merge.stopped.map(\.url) == ["http://old:1/metrics"])
        #expect(merge.stopped.first?.labels["env"] == "prod", "relabelled and merged as when it was scraped")
        #expect(merge.leftOut.isEmpty)
    }
}
