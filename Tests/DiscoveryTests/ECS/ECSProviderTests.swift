import AWS
import Configuration
import MetricModel
import Platform
import Telemetry
import Testing

@testable import Discovery

@Suite struct ECSProviderTests {
    @Test func clustersAreReadOnTheirIntervalAndRetriedSooner() async throws {
        let (ecs, clock, registry, said) = (FakeECS(), ManualClock(), MetricRegistry(), SaidLines())
        let reports = Reports<[TargetGroup]>()
        ecs.set {
            $0.tasks = ["prod": [fargateTask(1)], "test": []]
            $0.definitions["web:1"] = webDefinition()
            $0.errors["listTasks prod"] = AWSError(
                .accessDenied, message: "not allowed", operation: "ECS.ListTasks")
        }
        let provider = ECSProvider(
            ECSSDConfiguration(clusters: ["prod", "test"], refreshIntervalMs: 30_000), job: "j",
            region: "eu-west-1",
            ecs: ecs, clock: clock, registry: registry, logger: said.logger)
        let task = Task { await provider.run { reports.add($0) } }
        #expect(await reports.next() == [TargetGroup(source: "ecs/test", targets: [])])
        for waitMs in [2_000, 4_000, 8_000] {
            await waitForSleepers(clock)
            clock.advance(ms: Int64(waitMs))
        }
        await waitForSleepers(clock)
        #expect(ecs.calls.count { $0 == "listTasks prod" } == 4)
        #expect(
            registry.render().contains(
                "prometheus_sd_refresh_failures_total{config=\"j\",mechanism=\"ecs\"} 4"))
        #expect(
            said.all == [
                "ECS could not be asked; the last good targets stay "
                    + "cluster=prod error=ECS.ListTasks: not allowed"
            ])

        ecs.set { $0.errors = [:] }
        clock.advance(ms: 16_000)
        let groups = await reports.next()
        #expect(groups?.map(\.source) == ["ecs/prod", "ecs/test"])
        await waitForSleepers(clock)
        clock.advance(ms: 29_999)
        #expect(clock.sleeperCount == 1)
        ecs.set { $0.tasks["prod"] = [] }
        clock.advance(ms: 1)
        #expect(await reports.next()?.allSatisfy { $0.targets.isEmpty } == true)
        task.cancel()
        await task.value
    }
}
