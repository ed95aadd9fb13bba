import AWS
import Configuration
import MetricModel
import Platform
import Synchronization
import Telemetry
import Testing

@testable import Discovery

@Suite struct ECSProviderTests {
    private func provider(
        _ configuration: ECSSDConfiguration, _ aws: FakeAWS, _ clock: ManualClock,
        registry: MetricRegistry = MetricRegistry(), said: SaidLines = SaidLines(),
        own: ECSOwnCluster = .none, inventory: ECSInventory? = nil, measures: ECSJobMeasures? = nil
    ) -> ECSProvider {
        ECSProvider(
            configuration, job: "j",
            inventory: inventory ?? ECSInventory(region: "eu-west-1", api: aws.api, clock: clock),
            ownCluster: own, clock: clock, registry: registry,
            measures: measures ?? ECSJobMeasures(job: "j", clock: clock, registry: registry),
            logger: said.logger, random: { 0.5 })
    }

    /// A job with entries for two accounts, each of which has a cluster "prod" with a fault of its own.
    @Test func clustersOfOneNameAreOneSeries() async {
        let (clock, registry) = (ManualClock(), MetricRegistry())
        let measures = ECSJobMeasures(job: "j", clock: clock, registry: registry)
        let accounts = [FakeAWS(), FakeAWS()]
        var tasks: [Task<Void, Never>] = []
        for (number, aws) in accounts.enumerated() {
            aws.set {
                $0.tasks["prod"] = [fargateTask(1)]
                $0.definitions["web:1"] = webDefinition(port: number == 0 ? "none" : "80")
            }
            let reports = Reports<[TargetGroup]>()
            let provider = provider(
                ECSSDConfiguration(clusters: ["prod"]), aws, clock, registry: registry, measures: measures)
            tasks.append(Task { await provider.run { reports.add($0) } })
            _ = await reports.next()
            clock.advance(ms: 10_000)
        }
        let page = registry.render().split(separator: "\n").filter { $0.hasPrefix("narthex_sd_ecs_") }
        #expect(
            page == [
                "narthex_sd_ecs_age_seconds{config=\"j\",cluster=\"prod\"} 20",
                "narthex_sd_ecs_faulty_targets{config=\"j\"} 1",
            ])
        tasks[0].cancel()
        await tasks[0].value
        #expect(registry.render().contains("narthex_sd_ecs_faulty_targets{config=\"j\"} 0\n"))
        tasks[1].cancel()
        await tasks[1].value
        #expect(!registry.render().contains("narthex_sd_ecs_"))
    }

    @Test func clustersAreReadOnTheirIntervalAndRetriedSooner() async throws {
        let (aws, clock, registry, said) = (FakeAWS(), ManualClock(), MetricRegistry(), SaidLines())
        let reports = Reports<[TargetGroup]>()
        aws.set {
            $0.tasks = ["prod": [fargateTask(1)], "test": []]
            $0.definitions["web:1"] = webDefinition()
            $0.errors["listTasks prod"] = AWSError(
                .accessDenied, message: "not allowed", operation: "ECS.ListTasks")
        }
        let provider = provider(
            ECSSDConfiguration(clusters: ["prod", "test"], refreshIntervalMs: 30_000), aws, clock,
            registry: registry, said: said)
        let task = Task { await provider.run { reports.add($0) } }
        #expect(await reports.next() == [TargetGroup(source: "ecs/test", targets: [])])
        for waitMs in [1_500, 3_000, 6_000] {
            await waitForSleepers(clock)
            clock.advance(ms: Int64(waitMs))
        }
        await waitForSleepers(clock)
        #expect(aws.calls.count { $0 == "listTasks prod" } == 4)
        #expect(
            registry.render().contains(
                "prometheus_sd_refresh_failures_total{config=\"j\",mechanism=\"ecs\"} 4"))
        #expect(
            said.all == [
                "ECS could not be asked; the last good targets stay "
                    + "cluster=prod err=ECS.ListTasks: not allowed"
            ])

        aws.set { $0.errors = [:] }
        clock.advance(ms: 12_000)
        let groups = await reports.next()
        #expect(groups?.map(\.source) == ["ecs/prod", "ecs/test"])
        await waitForSleepers(clock)
        #expect(said.all.last == "ECS answers again after_s=22 cluster=prod")
        await waitForSleepers(clock)
        clock.advance(ms: 29_999)
        #expect(clock.sleeperCount == 1)
        #expect(
            registry.render().contains("narthex_sd_ecs_age_seconds{config=\"j\",cluster=\"prod\"} 29.999"))
        aws.set { $0.tasks["prod"] = [] }
        clock.advance(ms: 1)
        #expect(await reports.next()?.allSatisfy { $0.targets.isEmpty } == true)
        task.cancel()
        await task.value
        #expect(!registry.render().contains("narthex_sd_ecs_age_seconds"))
    }

    @Test func allClustersAreThoseThatAreListedNow() async {
        let (aws, clock) = (FakeAWS(), ManualClock())
        let reports = Reports<[TargetGroup]>()
        aws.set { $0.tasks = ["a": [], "b": []] }
        let provider = provider(ECSSDConfiguration(clusters: ["*"]), aws, clock)
        let task = Task { await provider.run { reports.add($0) } }
        var sources: [String] = []
        while sources.count < 2 { sources = await reports.next()?.map(\.source) ?? ["", ""] }
        #expect(sources == ["ecs/a", "ecs/b"])
        await waitForSleepers(clock)
        aws.set { $0.tasks["a"] = nil }
        clock.advance(ms: 60_000)
        #expect(await reports.next()?.map(\.source) == ["ecs/b"])
        // The list cannot be had: the clusters stay.
        await waitForSleepers(clock)
        aws.set {
            $0.errors["listClusters"] = throttled("listClusters")
            $0.tasks["b"] = [fargateTask(1)]
            $0.definitions["web:1"] = webDefinition()
        }
        clock.advance(ms: 60_000)
        #expect(await reports.next()?.map(\.targets.count) == [1])
        task.cancel()
        await task.value
    }

    @Test func theAgentsOwnClusterIsTheDefault() async {
        let (aws, clock) = (FakeAWS(), ManualClock())
        aws.set { $0.tasks = ["mine": [], "other": []] }
        let answers = Mutex(0)
        let own = ECSOwnCluster { () throws(AWSError) in
            let count = answers.withLock {
                $0 += 1; return $0
            }
            if count == 1 { throw AWSError(.transport, message: "refused", operation: "ECS task metadata") }
            return "mine"
        }
        let reports = Reports<[TargetGroup]>()
        let provider = provider(ECSSDConfiguration(), aws, clock, own: own)
        let task = Task { await provider.run { reports.add($0) } }
        await waitForSleepers(clock)
        clock.advance(ms: 2_000)
        #expect(await reports.next()?.map(\.source) == ["ecs/mine"])
        task.cancel()
        await task.value
        #expect(!aws.calls.contains { $0.hasPrefix("listClusters") })
    }

    @Test func jobsThatAskAlikeReadAClusterOnce() async {
        let (aws, clock) = (FakeAWS(), ManualClock())
        aws.set {
            $0.tasks = ["prod": [fargateTask(1)]]
            $0.definitions["web:1"] = webDefinition()
        }
        let inventory = ECSInventory(region: "r", api: aws.api, clock: clock)
        let reports = Reports<[TargetGroup]>()
        let tasks = (0..<5).map { _ in
            let one = provider(ECSSDConfiguration(clusters: ["prod"]), aws, clock, inventory: inventory)
            return Task { await one.run { reports.add($0) } }
        }
        for _ in 0..<5 { #expect(await reports.next()?.first?.targets.count == 1) }
        await waitForSleepers(clock, 5)
        #expect(aws.takeCalls() == ["listTasks prod", "describeTasks 1", "describeTaskDefinition web:1"])
        clock.advance(ms: 60_000)
        await waitForSleepers(clock, 5)
        #expect(aws.takeCalls() == ["listTasks prod", "describeTasks 1"])
        for task in tasks { task.cancel() }
        for task in tasks { await task.value }
    }

    @Test func unchangedTasksAreNotReported() async {
        let (aws, clock) = (FakeAWS(), ManualClock())
        aws.set {
            $0.tasks = ["prod": (0..<3).map { fargateTask($0) }]
            $0.definitions["web:1"] = webDefinition()
        }
        let reports = Reports<[TargetGroup]>()
        let provider = provider(ECSSDConfiguration(clusters: ["prod"]), aws, clock)
        let task = Task { await provider.run { reports.add($0) } }
        for _ in 0..<4 {
            await waitForSleepers(clock)
            clock.advance(ms: 60_000)
        }
        await waitForSleepers(clock)
        #expect(reports.received == 1)
        aws.set { state in
            var stopped = fargateTask(1)
            stopped.lastStatus = "STOPPED"
            state.unlisted = [stopped]
            state.tasks["prod"]?.remove(at: 1)
        }
        clock.advance(ms: 60_000)
        _ = await reports.next()
        let group = await reports.next()?.first
        #expect(group?.targets.count == 2)
        #expect(group?.stopped.map { $0["__address__"] } == ["10.0.0.1:9100"])
        task.cancel()
        await task.value
    }
}
