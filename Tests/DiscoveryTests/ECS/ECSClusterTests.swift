import AWS
import MetricModel
import Platform
import TestSupport
import Testing

@testable import Discovery

@Suite struct ECSClusterTests {
    /// A cluster with its API and a clock.
    private final class Bench {
        let aws = FakeAWS()
        let catalogue: ECSCatalogue
        var cluster = ECSCluster(cluster: "prod")
        var nowNs: UInt64 = 1_000_000_000

        init(_ numbers: Range<Int>) {
            catalogue = ECSCatalogue(api: aws.api, clock: ManualClock())
            aws.set {
                $0.tasks["prod"] = numbers.map { fargateTask($0) }
                $0.definitions["web:1"] = webDefinition()
            }
        }

        func refresh(_ needs: ECSNeeds = .definitions) async -> [ECSFault] {
            nowNs += 60_000_000_000
            return await cluster.refresh(aws.api, catalogue, needs: needs, nowNs: nowNs)
        }

        var ids: [String] { cluster.snapshot.records.map { ECSLabels.lastPart(of: $0.task.arn) } }
        var stopped: [String] { cluster.snapshot.stopped.map { ECSLabels.lastPart(of: $0.task.arn) } }
    }

    @Test func tasksAreDescribedInHundredsAndDefinitionsOnce() async {
        let bench = Bench(0..<250)
        #expect(!bench.cluster.wasRead)
        for _ in 0..<2 { #expect(await bench.refresh().isEmpty) }
        #expect(bench.ids.count == 250)
        #expect(bench.cluster.snapshot.records.allSatisfy { $0.definition == webDefinition() })
        let described = ["describeTasks 100", "describeTasks 100", "describeTasks 50"]
        let tasks = bench.aws.calls.filter { !$0.hasPrefix("describeTaskDefinition") }
        #expect(tasks == ["listTasks prod"] + described + ["listTasks prod"] + described)
        #expect(bench.aws.calls.count { $0 == "describeTaskDefinition web:1" } == 1)
    }

    /// More definitions in use than the catalogue keeps: known tasks keep theirs.
    @Test func theSteadyStateAsksForNoDefinition() async {
        let count = ECSCatalogue.limit + 50
        let bench = Bench(0..<count)
        bench.aws.set { state in
            for number in 0..<count {
                var definition = webDefinition()
                definition.arn = "web:\(number)"
                state.definitions[definition.arn] = definition
                state.tasks["prod"]?[number].definitionARN = definition.arn
            }
        }
        #expect(await bench.refresh().isEmpty)
        #expect(bench.aws.takeCalls().count { $0.hasPrefix("describeTaskDefinition") } == count)
        bench.aws.set { $0.tasks["prod"]?[7].definitionARN = "web:8" }
        #expect(await bench.refresh().isEmpty)
        #expect(bench.aws.takeCalls().count { $0.hasPrefix("describeTaskDefinition") } <= 1)
        #expect(bench.cluster.snapshot.records.allSatisfy { $0.definition?.arn == $0.task.definitionARN })
    }

    @Test(arguments: ["listTasks", "describeTasks"])
    func aFailureKeepsTheLastGoodTasks(operation: String) async {
        let bench = Bench(0..<2)
        _ = await bench.refresh()
        bench.aws.set { $0.errors[operation] = throttled(operation) }
        let faults = await bench.refresh()
        #expect(faults.map(\.message) == ["\(operation): Rate exceeded"])
        #expect(faults.allSatisfy { $0.isFailure && $0.isThrottling })
        #expect(bench.ids == ["t0", "t1"])
        bench.aws.set {
            $0.errors = [:]
            $0.tasks["prod"] = [fargateTask(5)]
        }
        #expect(await bench.refresh().isEmpty)
        #expect(bench.ids == ["t5"])
    }

    @Test func aListThatBreaksOffReplacesOnlyWhatItSaw() async {
        let bench = Bench(0..<4)
        _ = await bench.refresh()
        bench.aws.set {
            var moved = fargateTask(9)
            moved.arn = fargateTask(1).arn
            // t0 is gone, t1 has another address, t7 is new; t2 and t3 are on pages that do not come.
            $0.tasks["prod"] = [moved, fargateTask(7), fargateTask(2), fargateTask(3)]
            $0.breaksOffAfter = 2
        }
        #expect(await bench.refresh().count == 1)
        #expect(bench.ids == ["t0", "t1", "t2", "t3", "t7"])
        let moved = bench.cluster.snapshot.records[1]
        #expect(ECSAddress.interface(of: moved.task)?.details["privateIPv4Address"] == "10.0.0.9")
        bench.aws.set { $0.breaksOffAfter = nil }
        #expect(await bench.refresh().isEmpty)
        #expect(bench.ids == ["t1", "t2", "t3", "t7"])
    }

    @Test func aBatchThatFailsKeepsItsTasks() async {
        let bench = Bench(0..<150)
        _ = await bench.refresh()
        bench.aws.set {
            $0.tasks["prod"] = (1..<151).map { fargateTask($0) }
            // The second batch: fifty tasks.
            $0.errors["describeTasks 50"] = AWSError(
                .service("ServerException"), message: "m", operation: "o")
        }
        #expect(await bench.refresh().count == 1)
        // t0 went, as the list is whole; t150 is new and was in the batch that failed.
        #expect(bench.ids.count == 149 && !bench.ids.contains("t0") && !bench.ids.contains("t150"))
    }

    @Test func tasksThatStopAreToldFromThoseThatAreGone() async {
        let bench = Bench(0..<5)
        _ = await bench.refresh()
        func task(_ number: Int, _ status: String) -> ECSTask {
            var task = fargateTask(number)
            task.lastStatus = status
            task.desiredStatus = "STOPPED"
            return task
        }
        bench.aws.set {
            $0.tasks["prod"] = [fargateTask(0), task(4, "STOPPED")]
            $0.unlisted = [task(1, "STOPPING"), task(2, "DEACTIVATING")]
            $0.missing = [fargateTask(3).arn]
        }
        #expect(await bench.refresh().isEmpty)
        #expect(bench.ids == ["t0"])
        // Containers of a task that is being deactivated still work.
        #expect(bench.stopped == ["t1", "t3", "t4"])
        #expect(bench.cluster.snapshot.stopped.map(\.isRunning) == [true, true, true])
        // After a while nobody asks any more.
        for _ in 0..<6 { _ = await bench.refresh() }
        #expect(bench.stopped.isEmpty)
    }

    @Test func aClusterThatDoesNotExistIsBelievedTheSecondTime() async {
        let bench = Bench(0..<2)
        _ = await bench.refresh()
        bench.aws.set {
            $0.errors["listTasks"] = AWSError(.notFound, message: "Cluster not found.", operation: "l")
        }
        #expect(await bench.refresh().map(\.isFailure) == [true])
        #expect(bench.ids == ["t0", "t1"])
        #expect(await bench.refresh().map(\.isFailure) == [true])
        #expect(bench.ids.isEmpty && bench.cluster.wasRead)
    }

    @Test func aDefinitionThatIsGoneCostsOnlyItsNewTasks() async {
        let bench = Bench(1..<2)
        _ = await bench.refresh()
        var other = fargateTask(9)
        other.definitionARN = "gone:1"
        bench.aws.set { $0.tasks["prod"]?.append(other) }
        #expect(await bench.refresh().map(\.subject) == [.goneDefinition])
        #expect(bench.cluster.snapshot.records.map { $0.definition == nil } == [false, true])
    }

    @Test func throttledDefinitionsEndTheRoundAndKeepWhatIsKnown() async {
        let bench = Bench(1..<2)
        _ = await bench.refresh()
        bench.aws.set { state in
            for name in ["a:1", "b:1", "c:1"] {
                var task = fargateTask(Int(name.utf8.first ?? 0))
                task.definitionARN = name
                state.tasks["prod"]?.append(task)
            }
            state.errors["describeTaskDefinition"] = throttled("d")
        }
        _ = bench.aws.takeCalls()
        #expect(await bench.refresh().map(\.isThrottling) == [true])
        #expect(bench.aws.calls.count { $0.hasPrefix("describeTaskDefinition") } == 1)
        #expect(bench.cluster.snapshot.records.count { $0.definition != nil } == 1)
    }

    @Test func machinesAreAskedForOnceAndByKind() async {
        let bench = Bench(0..<0)
        bench.aws.set { state in
            state.tasks["prod"] = (1...3).map { number in
                var task = instanceTask(number, launchType: number == 3 ? "EXTERNAL" : "EC2")
                task.containerInstanceARN = "ci\(number)"
                return task
            }
            state.definitions["web:1"] = webDefinition(mode: "bridge")
            state.instances = [
                .init(arn: "ci1", instanceID: "i-1"), .init(arn: "ci2", instanceID: "i-2"),
                .init(arn: "ci3", instanceID: "mi-3"),
            ]
            state.ec2 = [
                .init(id: "i-1", privateIPv4: "10.1.0.1"), .init(id: "i-2", privateIPv4: "10.1.0.2"),
            ]
            state.ssm = [.init(id: "mi-3", address: "192.168.0.3")]
        }
        for _ in 0..<2 { #expect(await bench.refresh().isEmpty) }
        let calls = bench.aws.calls.filter { $0.contains("Instance") }
        // What EC2 and Systems Manager know is asked for at the same time.
        #expect(
            calls.sorted() == [
                "describeContainerInstances 3", "describeInstanceInformation mi-3",
                "describeInstances i-1,i-2",
            ])
        let hosts = bench.cluster.snapshot.records.compactMap(\.host)
        #expect(hosts.map(\.isExternal) == [false, false, true])
        #expect(hosts.compactMap(\.ec2?.privateIPv4) == ["10.1.0.1", "10.1.0.2"])
    }

    @Test func servicesAndClustersAreAskedForOnlyWhenWanted() async {
        let bench = Bench(0..<26)
        bench.aws.set { state in
            // One of them ECS does not have.
            state.services = (0..<25).map { .init(arn: "arn:s\($0)", name: "s\($0)", status: "ACTIVE") }
            for number in 0..<26 { state.tasks["prod"]?[number].group = "service:s\(number)" }
        }
        _ = await bench.refresh()
        #expect(!bench.aws.calls.contains { $0.contains("ervices") || $0.contains("describeClusters") })
        _ = bench.aws.takeCalls()
        for _ in 0..<2 { _ = await bench.refresh([.definitions, .services, .clusters]) }
        let tags = bench.aws.calls.filter { $0.contains("ervices") || $0.contains("describeClusters") }
        // The one that the answer lacks is asked for once more before it is believed.
        let services = [
            "describeServices 1", "describeServices 10", "describeServices 10", "describeServices 6",
        ]
        #expect(tags.sorted() == ["describeClusters prod"] + services)
        let snapshot = bench.cluster.snapshot
        #expect(snapshot.services.count == 25 && snapshot.absentServices == ["s25"] && snapshot.isDescribed)
        // A new one is asked for alone; after five minutes all are asked for again.
        bench.aws.set { $0.tasks["prod"]?.append(fargateTask(30)) }
        _ = bench.aws.takeCalls()
        _ = await bench.refresh([.definitions, .services])
        #expect(bench.aws.takeCalls().filter { $0.contains("ervices") } == ["describeServices 1"])
        for _ in 0..<3 { _ = await bench.refresh([.definitions, .services]) }
        #expect(
            bench.aws.takeCalls().filter { $0.contains("ervices") }.sorted()
                == ["describeServices 1", "describeServices 10", "describeServices 10", "describeServices 6"])
    }

    @Test func aServiceThatOneAnswerLacksKeepsItsTags() async {
        let bench = Bench(0..<1)
        let service = ECSService(arn: "arn:web", name: "web", status: "ACTIVE", tags: ["team": "a"])
        bench.aws.set { $0.services = [service] }
        func teams(_ count: Int) async -> [String?] {
            var teams: [String?] = []
            for _ in 0..<count {
                _ = await bench.refresh([.definitions, .services])
                teams.append(bench.cluster.snapshot.services["web"]?.tags["team"])
            }
            return teams
        }
        #expect(await teams(1) == ["a"])
        bench.nowNs += ECSServices.ageNs
        bench.aws.set { $0.services = [] }
        #expect(await teams(1) == ["a"], "said once")
        bench.aws.set { $0.services = [service] }
        #expect(await teams(1) == ["a"])
        bench.nowNs += ECSServices.ageNs
        bench.aws.set { $0.services = [] }
        #expect(await teams(2) == ["a", nil], "said twice")
        #expect(bench.cluster.snapshot.absentServices == ["web"])
    }
}
