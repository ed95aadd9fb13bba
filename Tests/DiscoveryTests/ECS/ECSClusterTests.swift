import AWS
import MetricModel
import Testing

@testable import Discovery

@Suite struct ECSClusterTests {
    private func addresses(_ cluster: ECSCluster) -> [String]? {
        cluster.group?.targets.compactMap { $0["__address__"] }
    }

    private func fake(_ numbers: Range<Int>) -> FakeECS {
        let ecs = FakeECS()
        ecs.set {
            $0.tasks["prod"] = numbers.map { fargateTask($0) }
            $0.definitions["web:1"] = webDefinition()
        }
        return ecs
    }

    @Test func tasksAreDescribedInHundredsAndDefinitionsOnce() async {
        let ecs = fake(0..<250)
        var (cluster, definitions) = (ECSCluster(cluster: "prod", region: "r"), ECSDefinitions())
        #expect(cluster.group == nil)
        for _ in 0..<2 { #expect(await cluster.refresh(ecs, &definitions).isEmpty) }
        #expect(addresses(cluster)?.count == 250)
        #expect(
            ecs.calls == [
                "listTasks prod", "describeTasks 100", "describeTasks 100", "describeTasks 50",
                "describeTaskDefinition web:1", "listTasks prod", "describeTasks 100", "describeTasks 100",
                "describeTasks 50",
            ])
    }

    @Test(arguments: ["listTasks", "describeTasks"])
    func aFailureKeepsTheLastGoodTargets(operation: String) async {
        let ecs = fake(0..<2)
        var (cluster, definitions) = (ECSCluster(cluster: "prod", region: "r"), ECSDefinitions())
        _ = await cluster.refresh(ecs, &definitions)
        ecs.set {
            $0.tasks["prod"] = [fargateTask(5)]
            $0.errors[operation] = AWSError(.throttled, message: "Rate exceeded", operation: operation)
        }
        let faults = await cluster.refresh(ecs, &definitions)
        #expect(faults == [.init(message: "\(operation): Rate exceeded", isFailure: true)])
        #expect(addresses(cluster) == ["10.0.0.0:9100", "10.0.0.1:9100"])
        ecs.set { $0.errors = [:] }
        _ = await cluster.refresh(ecs, &definitions)
        #expect(addresses(cluster) == ["10.0.0.5:9100"])
    }

    @Test func aDefinitionThatIsGoneCostsOnlyItsNewTasks() async {
        let ecs = fake(1..<2)
        var (cluster, definitions) = (ECSCluster(cluster: "prod", region: "r"), ECSDefinitions())
        _ = await cluster.refresh(ecs, &definitions)
        var other = fargateTask(9)
        other.definitionARN = "gone:1"
        ecs.set { $0.tasks["prod"]?.append(other) }
        let faults = await cluster.refresh(ecs, &definitions)
        #expect(faults.count == 1 && faults[0].isFailure)
        #expect(addresses(cluster) == ["10.0.0.1:9100"])
        // A restarted agent has no definitions: what it had before this round stays.
        var fresh = ECSDefinitions()
        ecs.set { $0.definitions = [:] }
        _ = await cluster.refresh(ecs, &fresh)
        #expect(addresses(cluster) == ["10.0.0.1:9100"])
    }

    @Test func throttledDefinitionsFailTheRound() async {
        let ecs = fake(1..<2)
        ecs.set {
            $0.errors["describeTaskDefinition"] = AWSError(
                .throttled, message: "Rate exceeded", operation: "d")
        }
        var (cluster, definitions) = (ECSCluster(cluster: "prod", region: "r"), ECSDefinitions())
        #expect(await cluster.refresh(ecs, &definitions).map(\.isFailure) == [true])
        #expect(cluster.group == nil)
    }

    @Test func unreadableTasksAndMissingDefinitionsAreTold() async {
        let ecs = fake(1..<2)
        var nameless = fargateTask(2)
        nameless.definitionARN = nil
        ecs.set {
            $0.unreadable = 3
            $0.tasks["prod"]?.append(nameless)
        }
        var (cluster, definitions) = (ECSCluster(cluster: "prod", region: "r"), ECSDefinitions())
        let faults = await cluster.refresh(ecs, &definitions)
        #expect(faults.map(\.isFailure) == [false, false])
        #expect(addresses(cluster) == ["10.0.0.1:9100"])
    }

    @Test func faultsAreSaidOnceInAWhile() {
        var cluster = ECSCluster(cluster: "prod", region: "r")
        let fault = ECSCluster.Fault(message: "m", isFailure: true)
        let minuteNs: UInt64 = 60_000_000_000
        let said = (1...11).map { cluster.isDue(fault, nowNs: $0 * minuteNs) }
        #expect(said.enumerated().filter(\.element).map(\.offset) == [0, 5, 10])
    }
}
