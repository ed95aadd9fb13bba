internal import JSON

/// Why ECS refuses a call.
struct ECSRefusal: Error, Equatable {
    let status: Int
    let type: String
    let message: String

    init(_ type: String, _ message: String, status: Int = 400) {
        self.status = status
        self.type = type
        self.message = message
    }
}

/// Answers the calls of one world; keeps nothing.
struct ECSAnswers {
    let world: ECSWorld
    let region: String
    /// Names a page at most, below the API's own 100, so that small worlds have several pages.
    let pageLimit: Int

    private static let account = "123456789012"

    /// The JSON of `operation`'s answer.
    func answer(_ operation: String, _ request: ECSShapes.Request) throws(ECSRefusal) -> String {
        switch operation {
        case "ListClusters":
            let page = try page(world.clusters.map { arn("cluster/\($0.name)") }, request)
            return list("clusterArns", page)
        case "ListTasks":
            let cluster = try cluster(request)
            let page = try page(tasks(of: cluster, request).map { taskARN($0, cluster) }, request)
            return list("taskArns", page)
        case "DescribeTasks": return try describeTasks(request)
        case "DescribeTaskDefinition": return try describeTaskDefinition(request)
        case "DescribeContainerInstances": return try describeContainerInstances(request)
        case "ListServices": return try listServices(request)
        case "DescribeServices": return try describeServices(request)
        case "DescribeClusters": return describeClusters(request)
        default: throw ECSRefusal("UnknownOperationException", "\(operation) is not played here")
        }
    }

    private func tasks(of cluster: StandInCluster, _ request: ECSShapes.Request) -> [StandInTask] {
        // The API's default; PENDING matches nothing there either.
        let desired = request.desiredStatus ?? "RUNNING"
        return cluster.tasks.filter { task in
            task.desiredStatus == desired
                && (request.launchType ?? task.launchType ?? "FARGATE") == (task.launchType ?? "FARGATE")
                && (request.serviceName == nil || request.serviceName == task.service)
                && (request.family == nil || task.definition.hasPrefix((request.family ?? "") + ":"))
        }
    }

    private func describeTasks(_ request: ECSShapes.Request) throws(ECSRefusal) -> String {
        let cluster = try cluster(request)
        guard let wanted = request.tasks, !wanted.isEmpty else {
            throw ECSRefusal("InvalidParameterException", "Tasks cannot be empty.")
        }
        guard wanted.count <= 100 else {
            throw ECSRefusal("InvalidParameterException", "Tasks cannot have more than 100 elements.")
        }
        var found: [JSONValue] = []
        var failures: [JSONValue] = []
        for name in wanted {
            if let task = cluster.tasks.first(where: { $0.id == name || taskARN($0, cluster) == name }) {
                found.append(shape(task, cluster))
            } else {
                let arn = name.hasPrefix("arn:") ? name : arn("task/\(cluster.name)/\(name)")
                failures.append(missing(arn))
            }
        }
        return described("tasks", found, failures)
    }

    private func describeTaskDefinition(_ request: ECSShapes.Request) throws(ECSRefusal) -> String {
        let wanted = request.taskDefinition ?? ""
        let name =
            wanted.hasPrefix("arn:") ? wanted.split(separator: "/").last.map(String.init) ?? "" : wanted
        // A family alone is its newest revision.
        let definition = world.definitions.filter {
            "\($0.family):\($0.revision)" == name || $0.family == name
        }
        .max { $0.revision < $1.revision }
        guard let definition else {
            throw ECSRefusal("ClientException", "Unable to describe task definition.")
        }
        let containers = definition.containers.map { one in
            JSONValue.object([
                "dockerLabels": one.dockerLabels.isEmpty ? nil : .map(one.dockerLabels), "essential": true,
                "image": .string(one.image), "name": .string(one.name),
                "portMappings": .array(
                    one.ports.map {
                        ["containerPort": .integer($0), "hostPort": .integer($0), "protocol": "tcp"]
                    }),
            ])
        }
        let answer: JSONValue = [
            "tags": .array([]),
            "taskDefinition": [
                "compatibilities": .strings(["EC2", "FARGATE"]), "containerDefinitions": .array(containers),
                "cpu": "256", "family": .string(definition.family), "memory": "512",
                "networkMode": .string(definition.networkMode ?? "awsvpc"),
                "requiresCompatibilities": .strings(["FARGATE"]), "revision": .integer(definition.revision),
                "status": "ACTIVE",
                "taskDefinitionArn": .string(
                    definitionARN("\(definition.family):\(definition.revision)")),
            ],
        ]
        return answer.text()
    }

    /// The answer of a list call.
    func list(_ name: String, _ page: (items: [String], next: String?)) -> String {
        JSONValue.object([name: .strings(page.items), "nextToken": page.next.map { .string($0) }]).text()
    }

    /// The answer of a describe call.
    func described(_ name: String, _ found: [JSONValue], _ failures: [JSONValue]) -> String {
        JSONValue.object(["failures": .array(failures), name: .array(found)]).text()
    }

    /// What is asked for and does not exist.
    func missing(_ arn: String) -> JSONValue { ["arn": .string(arn), "reason": "MISSING"] }

    func cluster(_ request: ECSShapes.Request) throws(ECSRefusal) -> StandInCluster {
        let wanted = request.cluster ?? "default"
        let found = world.clusters.first { $0.name == wanted || arn("cluster/\($0.name)") == wanted }
        guard let found else { throw ECSRefusal("ClusterNotFoundException", "Cluster not found.") }
        return found
    }

    func page(
        _ all: [String], _ request: ECSShapes.Request, defaultSize: Int = 100
    ) throws(ECSRefusal) -> (items: [String], next: String?) {
        let size = request.maxResults ?? defaultSize
        guard (1...100).contains(size) else {
            throw ECSRefusal("InvalidParameterException", "maxResults should be between 1 and 100.")
        }
        var start = 0
        if let token = request.nextToken {
            guard token.hasPrefix("page-from-"), let place = Int(token.dropFirst(10)), place >= 0 else {
                throw ECSRefusal("InvalidParameterException", "Invalid token.")
            }
            start = min(place, all.count)
        }
        let end = min(all.count, start + min(size, pageLimit))
        return (Array(all[start..<end]), end < all.count ? "page-from-\(end)" : nil)
    }

    func arn(_ resource: String) -> String { "arn:aws:ecs:\(region):\(Self.account):\(resource)" }
    func taskARN(_ task: StandInTask, _ cluster: StandInCluster) -> String {
        arn("task/\(cluster.name)/\(task.id)")
    }
    func definitionARN(_ name: String) -> String { arn("task-definition/\(name)") }
}
