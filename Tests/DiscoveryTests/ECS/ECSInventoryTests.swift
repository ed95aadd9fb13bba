import AWS
import Configuration
import HTTPTransport
import Logging
import MetricModel
import Platform
import StandIns
import Telemetry
import TestSupport
import Testing

@testable import Discovery

/// The whole way over the wire, against stand-ins of ECS, EC2 and Systems Manager.
@Suite(.timeLimit(.minutes(2)))
struct ECSInventoryTests {
    private static let key = Credentials(accessKeyID: "AKID", secretAccessKey: "secret", sessionToken: "t")

    private struct Keys: CredentialsProvider {
        func credentials() async throws(AWSError) -> Credentials { ECSInventoryTests.key }
        func reject(_ refused: Credentials) async {}
    }

    /// A survey of one configuration, read anew each time.
    private final class Bench {
        let api: StandInECS
        let survey: ECSSurvey
        private let http: HTTPClient

        init(_ api: StandInECS, _ configuration: ECSSDConfiguration) {
            self.api = api
            let (clock, registry) = (SystemClock(), MetricRegistry())
            let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            http = HTTPClient(HTTPClientConfiguration(name: "test"), registry: registry, logger: quiet)
            let client = AWSClient(
                region: "eu-west-1", credentials: Keys(),
                http: CallPacers(clock: clock, registry: registry).pace(region: "r", account: nil).paced(
                    http),
                clock: clock, environment: [:], endpoint: api.url, logger: quiet)
            let services = ECSAPI(
                ecs: ECSClient(client: client), ec2: EC2Client(client: client), ssm: SSMClient(client: client)
            )
            survey = ECSSurvey(
                configuration, inventory: ECSInventory(region: "eu-west-1", api: services, clock: clock),
                ownCluster: .none)
        }

        func round() async -> ECSSurvey.Round { await survey.round(freshNs: 0) }

        func addresses() async -> [String] {
            await round().groups.flatMap(\.targets).compactMap { $0["__address__"] }
        }

        func end() async {
            http.shutDown()
            await api.stop()
        }
    }

    private func withWorld(
        _ world: ECSWorld, _ configuration: ECSSDConfiguration = ECSSDConfiguration(clusters: ["*"]),
        pageLimit: Int = 100, _ run: (Bench) async throws -> Void
    ) async throws {
        let api = try await StandInECS.start(
            ECSConfiguration(credentials: Self.key, pageLimit: pageLimit), world: world)
        let bench = Bench(api, configuration)
        do {
            try await run(bench)
        } catch {
            await bench.end()
            throw error
        }
        await bench.end()
    }

    private func definition(
        _ family: String, mode: String? = nil,
        labels: [String: String] = ["PROMETHEUS_EXPORTER_PORT": "9100"],
        revision: Int = 1, ports: [Int] = [9100]
    ) -> StandInTaskDefinition {
        StandInTaskDefinition(
            family: family, revision: revision,
            containers: [
                StandInContainer(name: "app", dockerLabels: labels, ports: ports),
                StandInContainer(name: "log-router"),
            ], networkMode: mode)
    }

    private func task(
        _ number: Int, _ definition: String, address: String? = nil, launchType: String? = nil,
        instance: String? = nil, hostPort: Int? = nil
    ) -> StandInTask {
        var task = StandInTask(
            id: String(repeating: "0", count: 28) + String(1_000 + number), definition: definition,
            service: "web", privateIPv4: address, launchType: launchType, instance: instance)
        task.bindings = hostPort.map { [.init(container: "app", containerPort: 9100, hostPort: $0)] }
        task.injected = ["ecs-service-connect-x"]
        return task
    }

    @Test func everyKindOfMachineAndNetwork() async throws {
        let world = ECSWorld(
            clusters: [
                StandInCluster(
                    name: "prod",
                    tasks: [
                        task(1, "fargate:1", address: "10.0.0.1"),
                        task(2, "bridge:1", launchType: "EC2", instance: "a", hostPort: 32_768),
                        task(3, "host:1", launchType: "EC2", instance: "a"),
                        task(4, "bridge:1", launchType: "EXTERNAL", instance: "x", hostPort: 32_770),
                        task(5, "bridge:1", launchType: "EXTERNAL", instance: "y", hostPort: 32_771),
                        task(
                            6, "fargate:1", address: "10.0.0.6", launchType: "MANAGED_INSTANCES",
                            instance: "m"),
                        task(7, "host:1", launchType: "MANAGED_INSTANCES", instance: "m"),
                        task(8, "none:1", launchType: "EC2", instance: "a"),
                    ],
                    instances: [
                        StandInInstance(id: "a", machine: "i-a", address: "10.1.0.1"),
                        StandInInstance(id: "x", machine: "mi-x", address: "192.168.0.9"),
                        StandInInstance(
                            id: "y", machine: "mi-y", address: "172.17.0.1",
                            attributes: ["narthex.address": "edge.example"]),
                        StandInInstance(id: "m", machine: "i-m", address: "10.1.0.2"),
                    ])
            ],
            definitions: [
                definition("fargate"), definition("bridge", mode: "bridge"), definition("host", mode: "host"),
                definition("none", mode: "none"),
            ])
        try await withWorld(world, pageLimit: 3) { bench in
            let round = await bench.round()
            #expect(round.faults.map(\.fault.message) == [])
            let targets = round.groups.flatMap(\.targets)
            #expect(
                targets.compactMap { $0["__address__"] } == [
                    "10.0.0.1:9100", "10.1.0.1:32768", "10.1.0.1:9100", "192.168.0.9:32770",
                    "edge.example:32771", "10.0.0.6:9100", "10.1.0.2:9100",
                ])
            #expect(targets.allSatisfy { $0["__meta_ecs_container_name"] == "app" })
            #expect(targets[3]["__meta_ecs_external_computer_name"] == "edge-x")
            #expect(targets[5]["__meta_ecs_ec2_instance_type"] == "m7g.large")
            #expect(round.leftOut.filter(\.isFault).map(\.reason) == ["network mode none: it has no address"])
            #expect(bench.api.signaturesRefused == 0 && bench.api.signaturesChecked > 10)
            // Nothing but lists and descriptions of tasks is asked for again.
            let before = bench.api.calls
            _ = await bench.round()
            let more = bench.api.calls.filter { before[$0.key] != $0.value }.keys.sorted()
            #expect(more == ["DescribeTasks", "ListClusters", "ListTasks"])
        }
    }

    @Test func publicAddressesOfTasksWithAnInterfaceOfTheirOwn() async throws {
        var reachable = task(1, "web:1", address: "10.0.0.1")
        reachable.publicIPv4 = "3.4.5.6"
        let world = ECSWorld(
            clusters: [
                StandInCluster(name: "prod", tasks: [reachable, task(2, "web:1", address: "10.0.0.2")])
            ], definitions: [definition("web")])
        var configuration = ECSSDConfiguration(clusters: ["prod"])
        configuration.describesInterfaces = true
        try await withWorld(world, configuration) { bench in
            for _ in 0..<2 {
                let round = await bench.round()
                #expect(round.faults.isEmpty)
                #expect(
                    round.groups.flatMap(\.targets).map { $0["__meta_ecs_public_ip"] } == ["3.4.5.6", nil])
            }
            #expect(bench.api.calls["DescribeNetworkInterfaces"] == 1)
            #expect(bench.api.signaturesRefused == 0)
        }
    }

    @Test func sixthVersionAddresses() async throws {
        var both = task(1, "web:1", address: "10.0.0.1")
        both.ipv6 = "fd00::1"
        var only = task(2, "web:1")
        only.ipv6 = "fd00::2"
        let world = ECSWorld(
            clusters: [StandInCluster(name: "prod", tasks: [both, only])], definitions: [definition("web")])
        try await withWorld(world) { bench in
            #expect(await bench.addresses() == ["10.0.0.1:9100", "[fd00::2]:9100"])
        }
        var configuration = ECSSDConfiguration(clusters: ["prod"])
        configuration.addressFamily = .ipv6
        try await withWorld(world, configuration) { bench in
            #expect(await bench.addresses() == ["[fd00::1]:9100", "[fd00::2]:9100"])
        }
    }

    @Test func aRollingDeploymentKeepsBothRevisionsAndEndsTheOld() async throws {
        let world = ECSWorld(
            clusters: [StandInCluster(name: "prod", tasks: [task(1, "web:1", address: "10.0.0.1")])],
            definitions: [
                definition("web"),
                definition("web", labels: ["PROMETHEUS_EXPORTER_PORT": "9200"], revision: 2),
            ])
        try await withWorld(world) { bench in
            #expect(await bench.addresses() == ["10.0.0.1:9100"])
            var fresh = task(2, "web:2", address: "10.0.0.2")
            fresh.lastStatus = "PENDING"
            bench.api.update { $0.clusters[0].tasks.append(fresh) }
            #expect(await bench.addresses() == ["10.0.0.1:9100"])
            bench.api.update { $0.clusters[0].tasks[1].lastStatus = "RUNNING" }
            let round = await bench.round()
            #expect(round.groups[0].targets.compactMap { $0["__meta_ecs_service"] } == ["web", "web"])
            bench.api.update {
                $0.clusters[0].tasks[0].desiredStatus = "STOPPED"
                $0.clusters[0].tasks[0].lastStatus = "STOPPING"
            }
            let last = await bench.round()
            #expect(last.groups[0].targets.compactMap { $0["__address__"] } == ["10.0.0.2:9200"])
            #expect(last.groups[0].stopped.compactMap { $0["__address__"] } == ["10.0.0.1:9100"])
        }
    }

    @Test(arguments: [
        ("ListTasks", StandIns.ECSFault.throttling), ("DescribeTasks", .serverError), ("ListTasks", .hostile),
        ("DescribeTasks", .hostile), ("ListTasks", .expiredToken), ("DescribeTasks", .garbage),
        ("ListTasks", .accessDenied), ("ListClusters", .close), ("ListClusters", .hostile),
    ])
    func faultsEmptyNothing(operation: String, fault: StandIns.ECSFault) async throws {
        let world = ECSWorld(
            clusters: [StandInCluster(name: "prod", tasks: [task(1, "web:1", address: "10.0.0.1")])],
            definitions: [definition("web")])
        try await withWorld(world) { bench in
            #expect(await bench.addresses() == ["10.0.0.1:9100"])
            bench.api.setFault(fault, operation: operation)
            let round = await bench.round()
            let left = round.groups.flatMap(\.targets).compactMap { $0["__address__"] }
            #expect(left == ["10.0.0.1:9100"], "\(operation) \(fault)")
            bench.api.setFault(nil, operation: operation)
            #expect(await bench.addresses() == ["10.0.0.1:9100"])
        }
    }

    @Test func clustersThatVanishTakeOnlyTheirOwn() async throws {
        let world = ECSWorld(
            clusters: [
                StandInCluster(name: "a", tasks: [task(1, "web:1", address: "10.0.0.1")]),
                StandInCluster(name: "b", tasks: [task(2, "web:1", address: "10.0.0.2")]),
            ], definitions: [definition("web")])
        try await withWorld(world) { bench in
            #expect(await bench.addresses() == ["10.0.0.1:9100", "10.0.0.2:9100"])
            bench.api.update { $0.clusters.removeFirst() }
            let once = await bench.round()
            #expect(
                once.groups.flatMap(\.targets).compactMap { $0["__address__"] }
                    == ["10.0.0.1:9100", "10.0.0.2:9100"], "a list lacks it")
            #expect(!once.hasFailed, "\(once.faults)")
            #expect(await bench.addresses() == ["10.0.0.2:9100"], "two lists lack it")
        }
        try await withWorld(world, ECSSDConfiguration(clusters: ["a", "b"])) { bench in
            _ = await bench.round()
            bench.api.update { $0.clusters.removeFirst() }
            #expect(await bench.addresses() == ["10.0.0.1:9100", "10.0.0.2:9100"], "said once")
            #expect(await bench.addresses() == ["10.0.0.2:9100"], "said twice")
        }
    }

    /// A list of tasks alone is not what they are: an empty file in place of a full one would be the price.
    @Test(arguments: ["describeTasks", "describeTaskDefinition"])
    func aClusterThatWasNeverReadInFullIsNotKnown(operation: String) async {
        let aws = FakeAWS()
        let denied = AWSError(.accessDenied, message: "no", operation: operation)
        aws.set {
            $0.tasks["prod"] = [fargateTask(1)]
            $0.definitions["web:1"] = webDefinition()
            $0.errors["\(operation) \(operation == "describeTasks" ? "1" : "web:1")"] = denied
        }
        let clock = ManualClock()
        let survey = ECSSurvey(
            ECSSDConfiguration(clusters: ["prod"]),
            inventory: ECSInventory(region: "r", api: aws.api, clock: clock), ownCluster: .none)
        let first = await survey.round(freshNs: 0)
        #expect(first.hasFailed && !first.isComplete)
        aws.set { $0.errors = [:] }
        clock.advance(ms: 60_000)
        let second = await survey.round(freshNs: 0)
        #expect(!second.hasFailed && second.isComplete)
        #expect(second.groups.map(\.targets.count) == [1])
        aws.set { $0.errors[operation] = denied }
        clock.advance(ms: 60_000)
        let third = await survey.round(freshNs: 0)
        #expect(third.isComplete && third.groups.map(\.targets.count) == [1])
    }

    /// By name and by ARN, in one job or two: it is read once as soon as somebody knows that it is one.
    @Test(arguments: [nil, "1"] as [String?])
    func aClusterByNameAndByARNIsReadOnce(account: String?) async {
        let arn = "arn:aws:ecs:eu-west-1:1:cluster/prod"
        let aws = FakeAWS()
        aws.set {
            $0.tasks = ["prod": [fargateTask(1)], arn: [fargateTask(1)]]
            $0.definitions["web:1"] = webDefinition()
        }
        let clock = ManualClock()
        let inventory = ECSInventory(region: "eu-west-1", account: account, api: aws.api, clock: clock)
        let surveys = [["prod", arn], [arn], ["prod"]].map {
            ECSSurvey(ECSSDConfiguration(clusters: $0), inventory: inventory, ownCluster: .none)
        }
        for number in 0..<3 {
            for index in surveys.indices {
                let round = await surveys[index].round(freshNs: 1_000_000)
                #expect(round.groups.flatMap(\.targets).count == 1)
                #expect(round.isComplete && !round.hasFailed)
            }
            let lists = aws.takeCalls().filter { $0.hasPrefix("listTasks") }
            // At first nobody may know it yet.
            #expect((1...(number == 0 && account == nil ? 2 : 1)).contains(lists.count), "\(lists)")
            clock.advance(ms: 60_000)
        }
        #expect(await inventory.count == 1)
    }

    @Test func anARNOfElsewhereIsAnotherCluster() async {
        let inventory = ECSInventory(
            region: "eu-west-1", account: "1", api: FakeAWS().api, clock: ManualClock())
        let own = "arn:aws:ecs:eu-west-1:1:cluster/a"
        let others = ["arn:aws:ecs:eu-west-1:2:cluster/a", "arn:aws:ecs:us-east-1:1:cluster/a", "b"]
        #expect(await inventory.distinct(["a", own] + others + ["a"]) == [own] + others)
    }

    @Test func clustersThatAreGoneAreForgotten() async {
        let aws = FakeAWS()
        aws.set { $0.tasks = ["a": [], "b": []] }
        let clock = ManualClock()
        let inventory = ECSInventory(region: "r", api: aws.api, clock: clock)
        let survey = ECSSurvey(ECSSDConfiguration(clusters: ["*"]), inventory: inventory, ownCluster: .none)
        for build in 0..<20 {
            aws.set { $0.tasks = ["a": [], "build-\(build)": []] }
            _ = await survey.round(freshNs: 0)
            clock.advance(ms: 60_000)
        }
        // The last one but one has been missing from one list only.
        #expect(await inventory.count == 3)
    }

    @Test func aClusterThatOneListLacksKeepsItsTargets() async {
        let aws = FakeAWS()
        let tasks = ["a": [fargateTask(1)], "b": [fargateTask(2)]]
        aws.set {
            $0.tasks = tasks
            $0.definitions["web:1"] = webDefinition()
        }
        let clock = ManualClock()
        let inventory = ECSInventory(region: "r", api: aws.api, clock: clock)
        let survey = ECSSurvey(ECSSDConfiguration(clusters: ["*"]), inventory: inventory, ownCluster: .none)
        var counts: [Int] = []
        for listed in [["a", "b"], ["b"], ["a", "b"], ["b"], ["b"]] {
            aws.set { $0.listed = listed }
            counts.append(await survey.round(freshNs: 0).groups.flatMap(\.targets).count)
            clock.advance(ms: 60_000)
        }
        #expect(counts == [2, 2, 2, 2, 1])
    }

    @Test func aJobThatIsCancelledDoesNotWaitForTheReadingOfAnother() async {
        let aws = FakeAWS()
        aws.set {
            $0.tasks["prod"] = [fargateTask(1)]
            $0.definitions["web:1"] = webDefinition()
            $0.hanging = ["listTasks"]
        }
        let clock = SystemClock()
        let inventory = ECSInventory(region: "r", api: aws.api, clock: clock)
        let reading = Task { await inventory.read("prod", freshNs: 0) }
        while !aws.calls.contains("listTasks prod") { await Task.yield() }
        let left = Event()
        let waiting = Task {
            _ = await inventory.read("prod", freshNs: 0)
            left.signal()
        }
        for _ in 0..<1_000 { await Task.yield() }
        waiting.cancel()
        #expect(await left.wait(untilNs: clock.deadlineNs(inMs: 2_000), clock: clock) == .signalled)
        aws.set { $0.hanging = [] }
        #expect(await reading.value.snapshot != nil)
        await waiting.value
    }
}
