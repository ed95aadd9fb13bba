internal import JSON

/// The calls of the ECS API that discovery makes; tests give fakes.
public protocol ECSDescribing: Sendable {
    /// The ARNs of every cluster of the account in the region, all pages.
    func listClusters() async throws(AWSError) -> [String]
    /// With tags; at most `ECSClient.describeLimit`.
    func describeClusters(_ clusters: [String]) async throws(AWSError) -> [ECSClusterDescription]
    /// With tags; at most `ECSClient.describeServicesLimit`.
    func describeServices(cluster: String, services: [String]) async throws(AWSError) -> [ECSService]
    /// The ARNs of a cluster's running tasks, all pages that could be had.
    func listTasks(cluster: String) async -> ECSTaskList
    /// At most `ECSClient.describeLimit` tasks. What became of those that are gone is among the failures.
    func describeTasks(cluster: String, arns: [String]) async throws(AWSError) -> ECSTaskPage
    func describeTaskDefinition(_ arn: String) async throws(AWSError) -> ECSTaskDefinition
    /// At most `ECSClient.describeLimit`. Those that are gone are left out.
    func describeContainerInstances(
        cluster: String, arns: [String]
    ) async throws(AWSError) -> [ECSContainerInstance]
}

/// The ECS API (AmazonEC2ContainerServiceV20141113) as far as discovery needs it.
public struct ECSClient: ECSDescribing {
    /// The most tasks, clusters or instances one Describe call takes, and the most one page of a list holds
    /// (API reference).
    public static let describeLimit = 100
    /// The most services one DescribeServices call takes (API reference).
    public static let describeServicesLimit = 10
    /// A bound on a list whose pages never end: a million tasks.
    static let pageLimit = 10_000

    private let client: AWSClient

    public init(client: AWSClient) { self.client = client }

    private struct ListRequest {
        var cluster: String?
        var desiredStatus: String?
        var nextToken: String?

        var json: JSONValue {
            .object([
                "cluster": cluster.map(JSONValue.string),
                "desiredStatus": desiredStatus.map(JSONValue.string),
                "maxResults": .integer(ECSClient.describeLimit),
                "nextToken": nextToken.map(JSONValue.string),
            ])
        }
    }

    /// What the Describe calls are asked to tell beside the rest.
    private static let include: JSONValue = .strings(["TAGS"])

    public func listClusters() async throws(AWSError) -> [String] {
        try await whole(
            list(.listClusters, ListRequest(), ECSAnswer.Clusters.self) { ($0.clusterArns, $0.nextToken) })
    }

    public func listTasks(cluster: String) async -> ECSTaskList {
        await list(
            .listTasks, ListRequest(cluster: cluster, desiredStatus: "RUNNING"), ECSAnswer.Tasks.self
        ) { ($0.taskArns, $0.nextToken) }
    }

    public func describeClusters(
        _ clusters: [String]
    ) async throws(AWSError) -> [ECSClusterDescription] {
        let request = JSONValue.object(["clusters": .strings(clusters), "include": Self.include])
        let answer = try await call(.describeClusters, request, ECSAnswer.DescribedClusters.self)
        return try present(answer.clusters, .describeClusters).compactMap(\.value)
    }

    public func describeServices(
        cluster: String, services: [String]
    ) async throws(AWSError) -> [ECSService] {
        precondition(services.count <= Self.describeServicesLimit, "DescribeServices takes 10 at most")
        let request = JSONValue.object([
            "cluster": .string(cluster), "services": .strings(services), "include": Self.include,
        ])
        let answer = try await call(.describeServices, request, ECSAnswer.DescribedServices.self)
        return try present(answer.services, .describeServices).compactMap(\.value)
    }

    public func describeTasks(cluster: String, arns: [String]) async throws(AWSError) -> ECSTaskPage {
        precondition(arns.count <= Self.describeLimit, "DescribeTasks takes 100 at most")
        let request = JSONValue.object([
            "cluster": .string(cluster), "tasks": .strings(arns), "include": Self.include,
        ])
        let answer = try await call(.describeTasks, request, ECSAnswer.DescribedTasks.self)
        let entries = try present(answer.tasks, .describeTasks)
        let tasks = entries.compactMap(\.value)
        return ECSTaskPage(
            tasks: tasks, failures: (answer.failures ?? []).compactMap(\.value),
            unreadable: entries.count - tasks.count)
    }

    public func describeTaskDefinition(_ arn: String) async throws(AWSError) -> ECSTaskDefinition {
        let request = JSONValue.object(["taskDefinition": .string(arn)])
        let answer = try await call(.describeTaskDefinition, request, ECSAnswer.DescribedDefinition.self)
        return try present(answer.taskDefinition, .describeTaskDefinition)
    }

    public func describeContainerInstances(
        cluster: String, arns: [String]
    ) async throws(AWSError) -> [ECSContainerInstance] {
        precondition(arns.count <= Self.describeLimit, "DescribeContainerInstances takes 100 at most")
        let request = JSONValue.object([
            "cluster": .string(cluster), "containerInstances": .strings(arns), "include": Self.include,
        ])
        let answer = try await call(.describeContainerInstances, request, ECSAnswer.DescribedInstances.self)
        return try present(answer.containerInstances, .describeContainerInstances).compactMap(\.value)
    }

    // MARK: - One call

    private func whole(_ list: ECSTaskList) throws(AWSError) -> [String] {
        if let failure = list.failure { throw failure }
        return list.arns
    }

    private func list<Answer: JSONReadable>(
        _ operation: DiscoveryOperation, _ first: ListRequest, _ type: Answer.Type,
        _ page: (Answer) -> (items: [Lenient<String>]?, next: String?)
    ) async -> ECSTaskList {
        var request = first
        var arns: [String] = []
        var seen: Set<String> = []
        var failure: AWSError?
        do throws(AWSError) {
            for _ in 0..<Self.pageLimit {
                let answer = page(try await call(operation, request.json, type))
                let items = try present(answer.items, operation)
                for arn in items.compactMap(\.value) where seen.insert(arn).inserted { arns.append(arn) }
                // What cannot be read is not what is not there.
                if items.contains(where: { $0.value == nil }) {
                    failure = AWSError(
                        .malformed, message: "the list has entries that are no names",
                        operation: operation.place)
                }
                guard let next = answer.next, !next.isEmpty else {
                    return ECSTaskList(arns: arns, failure: failure)
                }
                guard next != request.nextToken, arns.count < Self.pageLimit * Self.describeLimit else {
                    break
                }
                request.nextToken = next
            }
        } catch {
            return ECSTaskList(arns: arns, failure: error)
        }
        let endless = AWSError(
            .malformed, message: "the pages of the list never end", operation: operation.place)
        return ECSTaskList(arns: arns, failure: endless)
    }

    /// A field without which the answer says nothing.
    private func present<Value>(
        _ value: Value?, _ operation: DiscoveryOperation
    ) throws(AWSError) -> Value {
        guard let value else {
            throw AWSError(
                .malformed, message: "the answer lacks what was asked for", operation: operation.place)
        }
        return value
    }

    private func call<Answer: JSONReadable>(
        _ operation: DiscoveryOperation, _ request: JSONValue, _ type: Answer.Type
    ) async throws(AWSError) -> Answer {
        try await client.json(operation, request, type)
    }
}
