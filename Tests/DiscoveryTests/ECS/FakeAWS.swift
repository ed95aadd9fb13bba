import AWS
import Platform
import Synchronization

@testable import Discovery

/// ECS, EC2 and SSM in the test's hand.
final class FakeAWS: ECSDescribing, EC2Describing, SSMDescribing {
    struct State {
        /// By cluster.
        var tasks: [String: [ECSTask]] = [:]
        /// The clusters that are listed; nil: those of `tasks`.
        var listed: [String]?
        /// Not listed, but told of when asked for: tasks that are stopping.
        var unlisted: [ECSTask] = []
        var missing: Set<String> = []
        var definitions: [String: ECSTaskDefinition] = [:]
        var instances: [ECSContainerInstance] = []
        var ec2: [EC2Instance] = []
        var ssm: [SSMInstance] = []
        var interfaces: [EC2NetworkInterface] = []
        /// In place of those: every interface there is has this public address.
        var interfaceOfAnyID: String?
        var services: [ECSService] = []
        var clusterTags: [String: String] = [:]
        /// By operation, or by operation and its argument: `listTasks prod`.
        var errors: [String: AWSError] = [:]
        /// Calls that are not answered as long as they stand here; by the same names.
        var hanging: Set<String> = []
        /// The list of tasks breaks off after so many.
        var breaksOffAfter: Int?
        var calls: [String] = []
        var unreadable = 0
    }

    let state = Mutex(State())
    var calls: [String] { state.withLock { $0.calls } }

    var api: ECSAPI { ECSAPI(ecs: self, ec2: self, ssm: self) }

    func set(_ change: (inout State) -> Void) { state.withLock { change(&$0) } }

    /// The calls since the last time.
    func takeCalls() -> [String] {
        state.withLock { state in
            defer { state.calls = [] }
            return state.calls
        }
    }

    private func call(_ operation: String, _ argument: String) async throws(AWSError) {
        let call = "\(operation) \(argument)"
        state.withLock { $0.calls.append(call) }
        while state.withLock({ $0.hanging.contains(operation) || $0.hanging.contains(call) }) {
            if Task.isCancelled { throw AWSError(.cancelled, message: "cancelled", operation: operation) }
            await Task.yield()
        }
        if let error = state.withLock({ $0.errors[operation] ?? $0.errors[call] }) { throw error }
    }

    func listClusters() async throws(AWSError) -> [String] {
        try await call("listClusters", "")
        return state.withLock { $0.listed ?? $0.tasks.keys.sorted() }
    }

    func describeClusters(_ clusters: [String]) async throws(AWSError) -> [ECSClusterDescription] {
        try await call("describeClusters", clusters.joined(separator: ","))
        return state.withLock { state in
            clusters.map { ECSClusterDescription(arn: "arn:\($0)", name: $0, tags: state.clusterTags) }
        }
    }

    func describeServices(cluster: String, services: [String]) async throws(AWSError) -> [ECSService] {
        try await call("describeServices", "\(services.count)")
        return state.withLock {
            $0.services.filter { services.contains($0.arn) || services.contains($0.name) }
        }
    }

    func listTasks(cluster: String) async -> ECSTaskList {
        do throws(AWSError) {
            try await call("listTasks", cluster)
        } catch {
            return ECSTaskList(arns: [], failure: error)
        }
        return state.withLock { state in
            let arns = state.tasks[cluster, default: []].map(\.arn)
            guard let count = state.breaksOffAfter else { return ECSTaskList(arns: arns) }
            let failure = AWSError(.throttled, message: "Rate exceeded", operation: "listTasks")
            return ECSTaskList(arns: Array(arns.prefix(count)), failure: failure)
        }
    }

    func describeTasks(cluster: String, arns: [String]) async throws(AWSError) -> ECSTaskPage {
        try await call("describeTasks", "\(arns.count)")
        return state.withLock { state in
            let wanted = Set(arns)
            let tasks = (state.tasks[cluster, default: []] + state.unlisted).filter {
                wanted.contains($0.arn)
            }
            let failures = arns.filter(state.missing.contains).map { ECSFailure(arn: $0, reason: "MISSING") }
            return ECSTaskPage(
                tasks: tasks.filter { !state.missing.contains($0.arn) }, failures: failures,
                unreadable: state.unreadable)
        }
    }

    func describeTaskDefinition(_ arn: String) async throws(AWSError) -> ECSTaskDefinition {
        try await call("describeTaskDefinition", arn)
        guard let definition = state.withLock({ $0.definitions[arn] }) else {
            throw AWSError(
                .service("ClientException"), message: "Unable to describe task definition.", operation: arn)
        }
        return definition
    }

    func describeContainerInstances(
        cluster: String, arns: [String]
    ) async throws(AWSError) -> [ECSContainerInstance] {
        try await call("describeContainerInstances", "\(arns.count)")
        return state.withLock { $0.instances.filter { arns.contains($0.arn) } }
    }

    func describeInstances(_ ids: [String]) async throws(AWSError) -> [EC2Instance] {
        try await call("describeInstances", ids.joined(separator: ","))
        return state.withLock { $0.ec2.filter { ids.contains($0.id) } }
    }

    func describeNetworkInterfaces(_ ids: [String]) async throws(AWSError) -> [EC2NetworkInterface] {
        try await call("describeNetworkInterfaces", "\(ids.count)")
        let wanted = Set(ids)
        return state.withLock { state in
            if let address = state.interfaceOfAnyID { return ids.map { .init(id: $0, publicIPv4: address) } }
            return state.interfaces.filter { wanted.contains($0.id) }
        }
    }

    func describeInstanceInformation(_ ids: [String]) async throws(AWSError) -> [SSMInstance] {
        try await call("describeInstanceInformation", ids.joined(separator: ","))
        return state.withLock { $0.ssm.filter { ids.contains($0.id) } }
    }
}

/// A running Fargate task at 10.0.0.`number` of the definition `web:1`.
func fargateTask(_ number: Int, containers: [String] = ["app"]) -> ECSTask {
    ECSTask(
        arn: "arn:aws:ecs:eu-west-1:1:task/prod/t\(number)",
        clusterARN: "arn:aws:ecs:eu-west-1:1:cluster/prod",
        definitionARN: "web:1", lastStatus: "RUNNING", desiredStatus: "RUNNING", launchType: "FARGATE",
        group: "service:web", availabilityZone: "eu-west-1a", containers: containers.map { .init(name: $0) },
        attachments: [
            .init(type: "Service Connect", status: "ATTACHED"),
            .init(
                type: "ElasticNetworkInterface", status: "ATTACHED",
                details: [
                    "privateIPv4Address": "10.0.0.\(number)", "subnetId": "subnet-1",
                    "networkInterfaceId": "eni-\(number)",
                ]),
        ], tags: ["team-name": "a"])
}

/// A running task on the container instance `ci`, with these bindings of its container `app`.
func instanceTask(
    _ number: Int, launchType: String = "EC2", bindings: [ECSTask.NetworkBinding] = []
) -> ECSTask {
    var task = fargateTask(number)
    task.launchType = launchType
    task.attachments = []
    task.containerInstanceARN = "ci"
    task.containers = [.init(name: "app", bindings: bindings)]
    return task
}

/// `web:1` with one container `app` that exports on this port.
func webDefinition(
    port: String = "9100", mode: String = "awsvpc", more: [String: String] = [:]
) -> ECSTaskDefinition {
    ECSTaskDefinition(
        arn: "web:1", family: "web", revision: 1, networkMode: mode,
        containers: [
            .init(name: "proxy"),
            .init(
                name: "app", image: "app:1",
                dockerLabels: ["PROMETHEUS_EXPORTER_PORT": port].merging(more) { _, new in new }),
        ])
}

func denied(_ operation: String) -> AWSError {
    AWSError(.accessDenied, message: "AccessDeniedException: not authorized", operation: operation)
}

func throttled(_ operation: String) -> AWSError {
    AWSError(.throttled, message: "Rate exceeded", operation: operation)
}
