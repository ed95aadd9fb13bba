import AWS
import Synchronization

@testable import Discovery

/// An account with many clusters of Fargate tasks. It counts calls as ECS does: a list is a call for each
/// hundred names.
final class LargeAccount: ECSDescribing {
    private let clusters: Int
    private let tasksEach: Int
    private let definitionsEach: Int
    private let seen = Mutex<[String: Int]>([:])

    init(clusters: Int, tasksEach: Int, definitionsEach: Int) {
        self.clusters = clusters
        self.tasksEach = tasksEach
        self.definitionsEach = definitionsEach
    }

    /// By operation.
    var calls: [String: Int] { seen.withLock { $0 } }

    private func count(_ operation: DiscoveryOperation, _ calls: Int = 1) {
        seen.withLock { $0[operation.name, default: 0] += calls }
    }

    func listClusters() async throws(AWSError) -> [String] {
        count(.listClusters, (clusters + 99) / 100)
        return (0..<clusters).map { "c\($0)" }
    }

    func listTasks(cluster: String) async -> ECSTaskList {
        count(.listTasks, (tasksEach + 99) / 100)
        return ECSTaskList(arns: (0..<tasksEach).map { "arn:aws:ecs:r:1:task/\(cluster)/\($0)" })
    }

    func describeTasks(cluster: String, arns: [String]) async throws(AWSError) -> ECSTaskPage {
        count(.describeTasks)
        return ECSTaskPage(
            tasks: arns.map { arn in
                let number = Int(arn.split(separator: "/").last ?? "") ?? 0
                var task = fargateTask(0)
                task.arn = arn
                task.definitionARN = "\(cluster)-\(number % definitionsEach):1"
                task.attachments[1].details["privateIPv4Address"] = "10.0.\(number / 256).\(number % 256)"
                task.attachments[1].details["networkInterfaceId"] = "eni-\(cluster)-\(number)"
                return task
            })
    }

    func describeTaskDefinition(_ arn: String) async throws(AWSError) -> ECSTaskDefinition {
        count(.describeTaskDefinition)
        var definition = webDefinition()
        definition.arn = arn
        return definition
    }

    func describeClusters(_ clusters: [String]) async throws(AWSError) -> [ECSClusterDescription] {
        count(.describeClusters)
        return []
    }

    func describeServices(cluster: String, services: [String]) async throws(AWSError) -> [ECSService] {
        count(.describeServices)
        return []
    }

    func describeContainerInstances(
        cluster: String, arns: [String]
    ) async throws(AWSError) -> [ECSContainerInstance] {
        count(.describeContainerInstances)
        return []
    }
}
