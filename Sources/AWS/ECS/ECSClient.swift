import FoundationEssentials

/// The calls of the ECS API that discovery makes; tests give fakes.
public protocol ECSDescribing: Sendable {
    /// The ARNs of a cluster's running tasks, all pages.
    func listTasks(cluster: String) async throws(AWSError) -> [String]
    /// At most `ECSClient.describeLimit` tasks. Tasks that are gone are left out.
    func describeTasks(cluster: String, arns: [String]) async throws(AWSError) -> ECSTaskPage
    func describeTaskDefinition(_ arn: String) async throws(AWSError) -> ECSTaskDefinition
}

/// The ECS API (AmazonEC2ContainerServiceV20141113) as far as discovery needs it.
public struct ECSClient: ECSDescribing {
    /// The most tasks one DescribeTasks call takes, and the most one page of ListTasks holds (API reference).
    public static let describeLimit = 100
    /// A bound on a list whose pages never end: a million tasks.
    static let pageLimit = 10_000

    private let client: AWSClient

    public init(client: AWSClient) { self.client = client }

    public func listTasks(cluster: String) async throws(AWSError) -> [String] {
        struct Request: Encodable {
            let cluster: String
            let desiredStatus = "RUNNING"
            let maxResults = ECSClient.describeLimit
            var nextToken: String?
        }
        var request = Request(cluster: cluster)
        var arns: [String] = []
        var seen: Set<String> = []
        for _ in 0..<Self.pageLimit {
            let page = try await call("ListTasks", request, ListTasksAnswer.self)
            for arn in (page.taskArns ?? []).compactMap(\.value) where seen.insert(arn).inserted {
                arns.append(arn)
            }
            guard let next = page.nextToken, !next.isEmpty else { return arns }
            guard next != request.nextToken else { break }
            request.nextToken = next
        }
        throw AWSError(.malformed, message: "the pages of the list never end", operation: "ECS.ListTasks")
    }

    public func describeTasks(cluster: String, arns: [String]) async throws(AWSError) -> ECSTaskPage {
        struct Request: Encodable {
            let cluster: String
            let tasks: [String]
            let include = ["TAGS"]
        }
        precondition(
            arns.count <= Self.describeLimit, "DescribeTasks takes \(Self.describeLimit) tasks at most")
        let answer = try await call(
            "DescribeTasks", Request(cluster: cluster, tasks: arns), DescribeTasksAnswer.self)
        guard let entries = answer.tasks else {
            throw AWSError(.malformed, message: "the answer has no tasks", operation: "ECS.DescribeTasks")
        }
        let tasks = entries.compactMap(\.value)
        return ECSTaskPage(tasks: tasks, unreadable: entries.count - tasks.count)
    }

    public func describeTaskDefinition(_ arn: String) async throws(AWSError) -> ECSTaskDefinition {
        struct Request: Encodable {
            let taskDefinition: String
        }
        let answer = try await call(
            "DescribeTaskDefinition", Request(taskDefinition: arn), DescribeTaskDefinitionAnswer.self)
        guard let definition = answer.taskDefinition else {
            throw AWSError(
                .malformed, message: "the answer has no task definition",
                operation: "ECS.DescribeTaskDefinition")
        }
        return definition
    }

    private func call<Answer: Decodable>(
        _ operation: String, _ request: some Encodable, _ type: Answer.Type
    ) async throws(AWSError) -> Answer {
        let place = "ECS.\(operation)"
        let body: Data
        do {
            body = try JSONEncoder().encode(request)
        } catch {
            throw AWSError(
                .malformed, message: "the request cannot be written as JSON: \(error)", operation: place)
        }
        let bytes = try await client.json(service: .ecs, operation: operation, body: Array(body))
        do {
            return try JSONDecoder().decode(type, from: Data(bytes))
        } catch {
            throw AWSError(
                .malformed, message: "the answer is not the JSON expected: \(error)", operation: place)
        }
    }
}
