import AWS
import Configuration
import FoundationEssentials
import Logging
import MetricModel
import Platform
import Synchronization
import TestSupport
import Testing

@testable import Discovery

@Suite struct ECSSurveyTests {
    private struct Policy: Decodable {
        struct Statement: Decodable {
            let actions: [String]

            private enum CodingKeys: String, CodingKey {
                case actions = "Action"
            }
        }
        let statements: [Statement]

        private enum CodingKeys: String, CodingKey {
            case statements = "Statement"
        }
    }

    /// 10,000 tasks in 20 clusters at 60 s: far below what ECS lets an account and region do. That a burst of
    /// them is spread out is CallPacer's to keep; that pages hold a hundred is ECSClient's.
    @Test(.timeLimit(.minutes(3)), arguments: [false, true])
    func tenThousandTasksStayFarBelowThePublishedRates(wantsPublicAddresses: Bool) async {
        let clock = ManualClock()
        let account = LargeAccount(clusters: 20, tasksEach: 500, definitionsEach: 3)
        let others = FakeAWS()
        others.set { $0.interfaceOfAnyID = "3.3.3.3" }
        let inventory = ECSInventory(
            region: "eu-west-1", api: ECSAPI(ecs: account, ec2: others, ssm: others), clock: clock)
        var configuration = ECSSDConfiguration(clusters: ["*"])
        configuration.describesInterfaces = wantsPublicAddresses
        let survey = ECSSurvey(configuration, inventory: inventory, ownCluster: .none)
        // The start, and the steady state.
        for round in 0..<2 {
            let before = account.calls
            let found = await survey.round(freshNs: 15_000_000_000)
            #expect(found.groups.reduce(0) { $0 + $1.targets.count } == 10_000)
            #expect(found.faults.isEmpty)
            clock.advance(ms: 60_000)
            var calls: [String: Int] = [:]
            for (operation, count) in account.calls where count > before[operation] ?? 0 {
                calls[operation] = count - (before[operation] ?? 0)
            }
            // 5 pages and 5 batches for each cluster.
            var expected = ["ListClusters": 1, "ListTasks": 100, "DescribeTasks": 100]
            if round == 0 { expected["DescribeTaskDefinition"] = 60 }
            let addresses = others.takeCalls().count { $0.hasPrefix("describeNetworkInterfaces") }
            if addresses > 0 { calls["DescribeNetworkInterfaces"] = addresses }
            // 200 a call, for 500 tasks of each cluster.
            if round == 0, wantsPublicAddresses { expected["DescribeNetworkInterfaces"] = 60 }
            #expect(calls == expected)
            let addressed = found.groups.flatMap(\.targets).count { $0["__meta_ecs_public_ip"] != nil }
            #expect(addressed == (wantsPublicAddresses ? 10_000 : 0))
            for pace in ThrottleClass.allCases {
                let count = calls.filter { DiscoveryOperation(rawValue: $0.key)?.pace == pace }
                    .values.reduce(0, +)
                #expect(Double(count) / 60 <= pace.published.perSecond / 4, "\(pace): \(count) a minute")
            }
        }
    }

    /// The calls of each kind of cluster are those of the policies that config/iam/README.md names for it.
    @Test func eachFeatureCallsWhatItsPolicyAllows() async throws {
        func allowed(_ names: String...) throws -> Set<String> {
            let parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
            let root = parts[..<(try #require(parts.lastIndex(of: "Tests")))].joined(separator: "/")
            var actions: Set<String> = []
            for name in names {
                let text = try String(contentsOfFile: "\(root)/config/iam/\(name).json", encoding: .utf8)
                let policy = try JSONDecoder().decode(Policy.self, from: Data(text.utf8))
                actions.formUnion(
                    policy.statements.flatMap(\.actions).map { $0.split(separator: ":")[1].lowercased() })
            }
            return actions
        }
        func called(
            _ configuration: ECSSDConfiguration, tasks: [ECSTask], instances: [ECSContainerInstance] = []
        ) async -> Set<String> {
            let aws = FakeAWS()
            aws.set {
                $0.tasks["prod"] = tasks
                $0.definitions["web:1"] = webDefinition(mode: instances.isEmpty ? "awsvpc" : "bridge")
                $0.instances = instances
                $0.services = [.init(arn: "s", name: "web")]
            }
            let survey = ECSSurvey(
                configuration, inventory: ECSInventory(region: "r", api: aws.api, clock: ManualClock()),
                ownCluster: .none)
            _ = await survey.round(freshNs: 0)
            return Set(aws.calls.map { $0.prefix { $0 != " " }.lowercased() })
        }
        var one = ECSSDConfiguration(clusters: ["prod"])
        #expect(try await called(one, tasks: [fargateTask(1)]) == allowed("ecs-tasks"))
        #expect(
            try await called(ECSSDConfiguration(clusters: ["*"]), tasks: [fargateTask(1)])
                == allowed("ecs-tasks", "ecs-all-clusters"))
        let onEC2 = [ECSContainerInstance(arn: "ci", instanceID: "i-1")]
        #expect(
            try await called(one, tasks: [instanceTask(1)], instances: onEC2)
                == allowed("ecs-tasks", "ecs-instances"))
        let outside = [ECSContainerInstance(arn: "ci", instanceID: "mi-1")]
        #expect(
            try await called(one, tasks: [instanceTask(1)], instances: outside)
                == allowed("ecs-tasks", "ecs-anywhere"))
        one.describesServices = true
        one.describesClusters = true
        one.describesInterfaces = true
        #expect(
            try await called(one, tasks: [fargateTask(1)])
                == allowed(
                    "ecs-tasks", "ecs-service-labels", "ecs-cluster-labels", "ecs-public-addresses"))
    }

    @Test func whatIsLeftOutHasAReason() async {
        let aws = FakeAWS()
        var pending = fargateTask(2)
        pending.lastStatus = "PENDING"
        aws.set {
            $0.tasks["prod"] = [fargateTask(1, containers: ["proxy", "injected"]), pending]
            $0.definitions["web:1"] = webDefinition()
        }
        let survey = ECSSurvey(
            ECSSDConfiguration(clusters: ["prod"]),
            inventory: ECSInventory(region: "r", api: aws.api, clock: ManualClock()), ownCluster: .none)
        let round = await survey.round(freshNs: 0)
        #expect(round.groups.map(\.targets.count) == [0])
        #expect(round.leftOut.map(\.container) == ["proxy", "injected", nil])
        #expect(round.leftOut.last?.reason == "the task is PENDING")
    }

    private struct Keys: CredentialsProvider {
        func credentials() async throws(AWSError) -> Credentials {
            Credentials(accessKeyID: "AKID", secretAccessKey: "secret")
        }
        func reject(_ refused: Credentials) async {}
    }

    /// Where HostileAWS has its three tasks.
    private static let hostileExpected = ["10.1.0.2:32001", "10.1.0.2:32100", "192.168.0.3:33100"]

    /// Nothing that AWS, or whoever stands in its place, could answer ends the process or leaves a mark.
    @Test(.timeLimit(.minutes(5))) func mutatedAnswersAreSurvivedAndForgotten() async {
        let seed = UInt64.random(in: 1...UInt64.max)
        print("mutatedAnswersAreSurvivedAndForgotten: seed \(seed)")
        let (http, clock) = (HostileAWS(seed: seed), ManualClock())
        let client = AWSClient(
            region: "eu-west-1", credentials: Keys(), http: http, clock: clock, environment: [:],
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let api = ECSAPI(
            ecs: ECSClient(client: client), ec2: EC2Client(client: client), ssm: SSMClient(client: client))
        var configuration = ECSSDConfiguration(clusters: ["*"])
        configuration.describesServices = true
        configuration.describesClusters = true
        configuration.describesInterfaces = true
        let job = ScrapeConfiguration(jobName: "j")
        for _ in 0..<80 {
            let inventory = ECSInventory(region: "eu-west-1", api: api, clock: clock)
            let survey = ECSSurvey(configuration, inventory: inventory, ownCluster: .none)
            http.setHostile(true)
            for _ in 0..<12 {
                let round = await survey.round(freshNs: 0)
                // What comes of it is a list of targets or of reasons, as any other.
                let merge = TargetMerge(round.groups, job: job)
                #expect(merge.targets.count <= 200, "seed \(seed)")
                clock.advance(ms: 3_600_000)
            }
            http.setHostile(false)
            // Definitions never change, so one that was read wrong stays with its task: a new inventory.
            let fresh = ECSSurvey(
                configuration, inventory: ECSInventory(region: "eu-west-1", api: api, clock: clock),
                ownCluster: .none)
            let round = await fresh.round(freshNs: 0)
            let found = round.groups.flatMap(\.targets).compactMap { $0["__address__"] }
            #expect(found.sorted() == Self.hostileExpected, "seed \(seed)")
        }
        #expect(http.calls.count == 10, "every answer was among them: \(http.calls.keys.sorted())")
    }

    private static let home = "arn:aws:ecs:r:111111111111:cluster/mine"
    private static let role = "arn:aws:iam::111111111111:role/reader"

    @Test(
        arguments: [
            (nil, "r", Self.home, false), (Self.role, "r", Self.home, false),
            ("arn:aws:iam::222222222222:role/reader", "r", Self.home, true),
            (nil, "elsewhere", Self.home, true), (nil, "r", "mine", false), (Self.role, "r", "mine", true),
        ] as [(String?, String, String, Bool)])
    func theOwnClusterIsNotLookedForElsewhere(
        role: String?, region: String, own: String, isAll: Bool
    ) async {
        let aws = FakeAWS()
        aws.set { $0.tasks = ["there": []] }
        let survey = ECSSurvey(
            ECSSDConfiguration(roleARN: role),
            inventory: ECSInventory(region: region, api: aws.api, clock: ManualClock()),
            ownCluster: ECSOwnCluster { () throws(AWSError) in own })
        for _ in 0..<2 {
            _ = await survey.round(freshNs: 0)
            #expect(aws.calls.contains { $0.hasPrefix("listClusters") } == isAll)
            #expect(aws.calls.contains { $0.contains(own) } == !isAll)
        }
    }

    @Test(.timeLimit(.minutes(1))) func theFirstReadingWaitsBrieflyHoweverManyClustersHang() async {
        let (aws, clock) = (FakeAWS(), ManualClock())
        let slow = (0..<60).map { "slow-\($0)" }
        aws.set {
            $0.tasks["prod"] = [fargateTask(1)]
            $0.definitions["web:1"] = webDefinition()
            $0.hanging = Set(slow.map { "listTasks \($0)" })
        }
        let inventory = ECSInventory(region: "r", api: aws.api, clock: clock)
        let hanging = slow.map { name in Task { _ = await inventory.read(name, freshNs: 0) } }
        while aws.calls.count + clock.sleeperCount < slow.count { await Task.yield() }
        let isRead = Mutex(false)
        let last = Task {
            let reading = await inventory.read("prod", freshNs: 0)
            isRead.withLock { $0 = true }
            #expect(reading.snapshot?.records.count == 1)
        }
        /// Each cluster's reader calls or sleeps: the clock stands still until then.
        let isSettled = { @Sendable () -> Bool in
            let calling = aws.calls.count { $0.hasPrefix("listTasks slow-") }
            return calling + clock.sleeperCount == slow.count + (isRead.withLock { $0 } ? 0 : 1)
        }
        var passedMs = 0
        while passedMs < 10_000 {
            while !isSettled() { await Task.yield() }
            if isRead.withLock({ $0 }) { break }
            clock.advance(ms: 50)
            passedMs += 50
        }
        #expect(passedMs <= 2_000)
        aws.set { $0.hanging = [] }
        for task in hanging + [last] { await task.value }
    }

    /// A call that is refused for good and costs no target: the jobs of a cluster read it once for all.
    @Test func jobsShareWhatWasReadThoughSomeCallIsRefused() async {
        let aws = FakeAWS()
        aws.set {
            $0.tasks["prod"] = [fargateTask(1)]
            $0.definitions["web:1"] = webDefinition()
            $0.errors["describeServices"] = denied("ECS.DescribeServices")
        }
        let clock = ManualClock()
        let inventory = ECSInventory(region: "r", api: aws.api, clock: clock)
        var configuration = ECSSDConfiguration(clusters: ["prod"])
        configuration.describesServices = true
        let surveys = (0..<3).map { _ in
            ECSSurvey(configuration, inventory: inventory, ownCluster: .none)
        }
        for survey in surveys {
            let round = await survey.round(freshNs: 15_000_000_000)
            #expect(round.groups.flatMap(\.targets).count == 1)
            clock.advance(ms: 1_000)
        }
        #expect(aws.takeCalls().count { $0 == "listTasks prod" } == 1)
        // What leaves a cluster without its tasks is asked again soon.
        aws.set { $0.errors["listTasks"] = denied("ECS.ListTasks") }
        clock.advance(ms: 60_000)
        for survey in surveys {
            _ = await survey.round(freshNs: 15_000_000_000)
            clock.advance(ms: 1_000)
        }
        #expect(aws.takeCalls().count { $0 == "listTasks prod" } == 3)
    }
}
