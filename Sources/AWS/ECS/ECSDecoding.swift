public import JSON

/// The wire's shapes. Every field may be absent; an entry of the wrong type costs itself and not its
/// neighbours.
struct Lenient<Value: JSONReadable>: JSONReadable {
    let value: Value?

    init(json: JSONNode) {
        // A value that cannot be read is the absence this type stands for.
        value = try? Value(json: json)
    }
}

/// The answers' outermost objects.
enum ECSAnswer {
    struct Clusters: JSONReadable {
        let clusterArns: [Lenient<String>]?
        let nextToken: String?

        init(json: JSONNode) throws(JSONMismatch) {
            let fields = try JSONFields(json)
            clusterArns = try fields.optional("clusterArns")
            nextToken = try fields.optional("nextToken")
        }
    }

    struct Tasks: JSONReadable {
        let taskArns: [Lenient<String>]?
        let nextToken: String?

        init(json: JSONNode) throws(JSONMismatch) {
            let fields = try JSONFields(json)
            taskArns = try fields.optional("taskArns")
            nextToken = try fields.optional("nextToken")
        }
    }

    struct DescribedTasks: JSONReadable {
        let tasks: [Lenient<ECSTask>]?
        let failures: [Lenient<ECSFailure>]?

        init(json: JSONNode) throws(JSONMismatch) {
            let fields = try JSONFields(json)
            tasks = try fields.optional("tasks")
            failures = try fields.optional("failures")
        }
    }

    struct DescribedDefinition: JSONReadable {
        let taskDefinition: ECSTaskDefinition?

        init(json: JSONNode) throws(JSONMismatch) {
            taskDefinition = try JSONFields(json).optional("taskDefinition")
        }
    }

    struct DescribedInstances: JSONReadable {
        let containerInstances: [Lenient<ECSContainerInstance>]?

        init(json: JSONNode) throws(JSONMismatch) {
            containerInstances = try JSONFields(json).optional("containerInstances")
        }
    }

    struct DescribedServices: JSONReadable {
        let services: [Lenient<ECSService>]?

        init(json: JSONNode) throws(JSONMismatch) { services = try JSONFields(json).optional("services") }
    }

    struct DescribedClusters: JSONReadable {
        let clusters: [Lenient<ECSClusterDescription>]?

        init(json: JSONNode) throws(JSONMismatch) { clusters = try JSONFields(json).optional("clusters") }
    }
}

extension JSONFields {
    /// A list's readable entries; none when it is absent.
    func lenientList<Item: JSONReadable>(_ key: String) throws(JSONMismatch) -> [Item] {
        try (optional(key, as: [Lenient<Item>].self) ?? []).compactMap(\.value)
    }

    /// The dictionary of `[{"name": …, "value": …}]`, or with `key` for the name; empty when it is absent.
    func pairs(_ key: String) throws(JSONMismatch) -> [String: String] {
        var dictionary: [String: String] = [:]
        for pair: Pair in try lenientList(key) {
            if let name = pair.name, let value = pair.value { dictionary[name] = value }
        }
        return dictionary
    }
}

private struct Pair: JSONReadable {
    let name: String?
    let value: String?

    init(json: JSONNode) throws(JSONMismatch) {
        let fields = try JSONFields(json)
        let key: String? = try fields.optional("key")
        name = try fields.optional("name") ?? key
        value = try fields.optional("value")
    }
}

extension ECSTask: JSONReadable {
    public init(json: JSONNode) throws(JSONMismatch) {
        let fields = try JSONFields(json)
        self.init(
            arn: try fields.required("taskArn"), clusterARN: try fields.optional("clusterArn"),
            definitionARN: try fields.optional("taskDefinitionArn"),
            containerInstanceARN: try fields.optional("containerInstanceArn"),
            lastStatus: try fields.optional("lastStatus"),
            desiredStatus: try fields.optional("desiredStatus"),
            healthStatus: try fields.optional("healthStatus"),
            launchType: try fields.optional("launchType"), group: try fields.optional("group"),
            startedBy: try fields.optional("startedBy"),
            availabilityZone: try fields.optional("availabilityZone"),
            platformFamily: try fields.optional("platformFamily"),
            platformVersion: try fields.optional("platformVersion"),
            containers: try fields.lenientList("containers"),
            attachments: try fields.lenientList("attachments"), tags: try fields.pairs("tags"))
    }
}

extension ECSTask.Container: JSONReadable {
    public init(json: JSONNode) throws(JSONMismatch) {
        let fields = try JSONFields(json)
        self.init(
            name: try fields.required("name"), arn: try fields.optional("containerArn"),
            image: try fields.optional("image"), lastStatus: try fields.optional("lastStatus"),
            bindings: try fields.lenientList("networkBindings"),
            interfaces: try fields.lenientList("networkInterfaces"))
    }
}

extension ECSTask.NetworkBinding: JSONReadable {
    public init(json: JSONNode) throws(JSONMismatch) {
        let fields = try JSONFields(json)
        func ports(_ one: String, _ range: String) throws(JSONMismatch) -> ClosedRange<Int>? {
            if let port: Int = try fields.optional(one) {
                return (1...65_535).contains(port) ? port...port : nil
            }
            return try fields.optional(range).flatMap(Self.range)
        }
        guard let inside = try ports("containerPort", "containerPortRange"),
            let outside = try ports("hostPort", "hostPortRange"), inside.count == outside.count
        else { throw JSONMismatch("no pair of ports", at: json) }
        self.init(
            bindIP: try fields.optional("bindIP"), containerPorts: inside, hostPorts: outside,
            transport: try fields.optional("protocol"))
    }

    /// `8000-8010`, in bindings and in port mappings.
    static func range(_ text: String) -> ClosedRange<Int>? {
        let ends = text.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
        guard ends.count == 2, let low = ends[0], let high = ends[1], (1...65_535).contains(low),
            (low...65_535).contains(high)
        else { return nil }
        return low...high
    }
}

extension ECSTask.NetworkInterface: JSONReadable {
    public init(json: JSONNode) throws(JSONMismatch) {
        let fields = try JSONFields(json)
        self.init(
            privateIPv4: try fields.optional("privateIpv4Address"), ipv6: try fields.optional("ipv6Address"))
    }
}

extension ECSTask.Attachment: JSONReadable {
    public init(json: JSONNode) throws(JSONMismatch) {
        let fields = try JSONFields(json)
        self.init(
            type: try fields.optional("type"), status: try fields.optional("status"),
            details: try fields.pairs("details"))
    }
}
