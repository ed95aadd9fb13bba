import AWS
import Configuration
import MetricModel
import Platform
import Synchronization
import Telemetry
import TestSupport
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

    /// A reload makes providers before it knows whether they will run, and has new ones beside old ones.
    @Test func onlyWhatRunsIsShownAndOnlyOnce() async {
        let (aws, clock, registry) = (FakeAWS(), ManualClock(), MetricRegistry())
        aws.set { $0.tasks["prod"] = [] }
        func rows() -> Int {
            registry.render().split(separator: "\n").count { $0.hasPrefix("narthex_sd_ecs_faulty_targets{") }
        }
        let inventory = ECSInventory(region: "r", api: aws.api, clock: clock)
        let first = provider(
            ECSSDConfiguration(clusters: ["prod"]), aws, clock, registry: registry, inventory: inventory)
        let same = provider(
            ECSSDConfiguration(clusters: ["prod"]), aws, clock, registry: registry, inventory: inventory,
            measures: first.measures)
        var other = ECSSDConfiguration(clusters: ["prod"])
        other.port = 80
        let next = provider(
            other, aws, clock, registry: registry, inventory: inventory, measures: first.measures)
        #expect(same.isSame(as: first) && !next.isSame(as: first))
        #expect(rows() == 0)
        func run(_ provider: ECSProvider) async -> Task<Void, Never> {
            let reports = Reports<[TargetGroup]>()
            let task = Task { await provider.run { reports.add($0) } }
            _ = await reports.next()
            return task
        }
        func end(_ task: Task<Void, Never>) async {
            task.cancel()
            await task.value
        }
        let firstTask = await run(first)
        #expect(rows() == 1)
        let nextTask = await run(next)
        #expect(rows() == 1)
        await end(firstTask)
        #expect(rows() == 1)
        await end(nextTask)
        #expect(rows() == 0)
        // The job has one again.
        let sameTask = await run(same)
        #expect(rows() == 1)
        await end(sameTask)
        #expect(rows() == 0)
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
            await waitForSleepers(clock, 2)
            clock.advance(ms: Int64(waitMs))
        }
        await waitForSleepers(clock, 2)
        #expect(aws.calls.count { $0 == "listTasks prod" } == 4)
        #expect(
            registry.render().contains(
                "prometheus_sd_refresh_failures_total{config=\"j\",mechanism=\"ecs\"} 4"))
        #expect(
            !registry.render().contains(
                "prometheus_sd_refresh_duration_seconds_count{config=\"j\",mechanism=\"ecs\"} 0"))
        #expect(
            said.all == [
                "ECS could not be asked, and no target is known "
                    + "cluster=prod err=ECS.ListTasks: not allowed"
            ])

        aws.set { $0.errors = [:] }
        clock.advance(ms: 12_000)
        let groups = await reports.next()
        #expect(groups?.map(\.source) == ["ecs/prod", "ecs/test"])
        await waitForSleepers(clock, 2)
        #expect(said.all.last == "ECS answers again after_s=22 cluster=prod")
        // The other cluster keeps its own time.
        clock.advance(ms: 29_999)
        await waitForSleepers(clock, 2)
        #expect(aws.calls.count { $0 == "listTasks prod" } == 5)
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
        await waitForSleepers(clock, 3)
        aws.set { $0.tasks["a"] = nil }
        clock.advance(ms: 60_000)
        await waitForSleepers(clock, 3)
        clock.advance(ms: 60_000)
        #expect(await reports.next()?.map(\.source) == ["ecs/b"])
        // The list cannot be had: the clusters stay.
        await waitForSleepers(clock, 2)
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

    /// Every call is answered at once but one, which never is.
    @Test(arguments: [
        "describeTaskDefinition slow:1", "describeContainerInstances", "describeInstances i-1",
        "listTasks slow", "describeServices",
    ])
    func whatNeverAnswersHoldsUpOnlyWhatNeedsIt(call: String) async {
        let (aws, clock, reports) = (FakeAWS(), ManualClock(), Reports<[TargetGroup]>())
        var slow = instanceTask(2)
        slow.definitionARN = "slow:1"
        aws.set {
            $0.tasks = ["prod": [fargateTask(1), slow], "slow": []]
            $0.definitions = ["web:1": webDefinition(), "slow:1": webDefinition(mode: "host")]
            $0.instances = [.init(arn: "ci", instanceID: "i-1")]
            $0.ec2 = [.init(id: "i-1", privateIPv4: "10.1.0.1")]
            $0.hanging = [call]
        }
        var configuration = ECSSDConfiguration(clusters: ["prod", "slow"])
        configuration.describesServices = true
        let provider = provider(configuration, aws, clock)
        let task = Task { await provider.run { reports.add($0) } }
        func addresses() async -> [String] {
            await reports.next()?.flatMap(\.targets).compactMap { $0["__address__"] } ?? []
        }
        var seen: [String] = []
        while !seen.contains("10.0.0.1:9100") { seen = await addresses() }
        // It is read again on its interval, though the other cluster hangs, and nothing known goes.
        if call == "listTasks slow" {
            aws.set { $0.tasks["prod"]?.removeFirst() }
            while aws.calls.count(where: { $0 == "listTasks prod" }) < 3 {
                clock.advance(ms: 60_000)
                await Task.yield()
            }
            while seen != ["10.1.0.1:9100"] { seen = await addresses() }
        } else {
            aws.set { $0.hanging = [] }
            while seen != ["10.0.0.1:9100", "10.1.0.1:9100"] { seen = await addresses() }
        }
        task.cancel()
        await task.value
    }

    /// The rules of a job look at services: what is being asked for is waited for, and nothing comes without.
    @Test func tasksAppearWithTheirServicesTagsOrNotAtAll() async {
        let (aws, clock, reports) = (FakeAWS(), ManualClock(), Reports<[TargetGroup]>())
        aws.set {
            $0.tasks = ["prod": [fargateTask(1)], "other": []]
            $0.definitions["web:1"] = webDefinition()
            $0.services = [.init(arn: "web", name: "web", status: "ACTIVE", tags: ["team": "a"])]
            $0.hanging = ["describeServices"]
        }
        var configuration = ECSSDConfiguration(clusters: ["other", "prod"])
        configuration.describesServices = true
        configuration.rulesNeed = .services
        let provider = provider(configuration, aws, clock)
        let task = Task { await provider.run { reports.add($0) } }
        while !aws.calls.contains(where: { $0.hasPrefix("describeServices") }) { await Task.yield() }
        aws.set { $0.hanging = [] }
        while let groups = await reports.next() {
            let teams = groups.flatMap(\.targets).map { $0["__meta_ecs_tag_service_team"] }
            #expect(teams.isEmpty || teams == ["a"])
            if !teams.isEmpty { break }
        }
        task.cancel()
        await task.value
    }

    @Test func whatWasNeverReadHasAnAgeAndIsSaidAsItIs() async {
        let (aws, clock, registry, said) = (FakeAWS(), ManualClock(), MetricRegistry(), SaidLines())
        aws.set {
            $0.tasks = ["prod": []]
            $0.errors["listTasks"] = denied("ECS.ListTasks")
            $0.errors["listClusters"] = denied("ECS.ListClusters")
        }
        let named = provider(
            ECSSDConfiguration(clusters: ["prod"]), aws, clock, registry: registry, said: said)
        let all = provider(ECSSDConfiguration(clusters: ["*"]), aws, clock, registry: registry, said: said)
        let tasks = [named, all].map { one in Task { await one.run { _ in } } }
        await waitForSleepers(clock, 2)
        clock.advance(ms: 1_000)
        for cluster in ["", "prod"] {
            let line = "narthex_sd_ecs_age_seconds{config=\"j\",cluster=\"\(cluster)\"} 1\n"
            #expect(registry.render().contains(line))
        }
        #expect(!said.all.contains { $0.contains("last good") })
        let refusal = "AccessDeniedException: not authorized; allow ecs:"
        #expect(
            named.problems == [
                "cluster prod: ECS.ListTasks: \(refusal)ListTasks in the policy of these credentials"
                    + " (see config/iam)"
            ])
        #expect(all.problems.first?.hasPrefix("list of clusters: ECS.ListClusters: \(refusal)") == true)
        aws.set { $0.errors = [:] }
        clock.advance(ms: 60_000)
        await waitForSleepers(clock, 3)
        #expect(named.problems.isEmpty && all.problems.isEmpty)
        #expect(!registry.render().contains("cluster=\"\""))
        for task in tasks { task.cancel() }
        for task in tasks { await task.value }
    }
}
