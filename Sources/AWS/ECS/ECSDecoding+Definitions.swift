public import JSON

extension ECSTaskDefinition: JSONReadable {
    public init(json: JSONNode) throws(JSONMismatch) {
        let fields = try JSONFields(json)
        self.init(
            arn: try fields.required("taskDefinitionArn"), family: try fields.optional("family"),
            revision: try fields.optional("revision"), networkMode: try fields.optional("networkMode"),
            containers: try fields.lenientList("containerDefinitions"))
    }
}

extension ECSTaskDefinition.Container: JSONReadable {
    public init(json: JSONNode) throws(JSONMismatch) {
        let fields = try JSONFields(json)
        let labels: [String: Lenient<String>]? = try fields.optional("dockerLabels")
        self.init(
            name: try fields.required("name"), image: try fields.optional("image"),
            dockerLabels: (labels ?? [:]).compactMapValues(\.value),
            portMappings: try fields.lenientList("portMappings"))
    }
}

extension ECSTaskDefinition.PortMapping: JSONReadable {
    public init(json: JSONNode) throws(JSONMismatch) {
        let fields = try JSONFields(json)
        let port: Int? = try fields.optional("containerPort")
        let range: String? = try fields.optional("containerPortRange")
        guard let ports = port.map({ $0...$0 }) ?? range.flatMap(ECSTask.NetworkBinding.range) else {
            throw JSONMismatch("no container port", at: json)
        }
        self.init(
            containerPorts: ports, hostPort: try fields.optional("hostPort"),
            transport: try fields.optional("protocol"))
    }
}

extension ECSFailure: JSONReadable {
    public init(json: JSONNode) throws(JSONMismatch) {
        let fields = try JSONFields(json)
        self.init(arn: try fields.required("arn"), reason: try fields.optional("reason"))
    }
}

extension ECSContainerInstance: JSONReadable {
    public init(json: JSONNode) throws(JSONMismatch) {
        let fields = try JSONFields(json)
        self.init(
            arn: try fields.required("containerInstanceArn"),
            instanceID: try fields.optional("ec2InstanceId"),
            // An instance has dozens of these, and none tells where it is.
            attributes: try fields.pairs("attributes").filter { !$0.key.contains("ecs.capability") },
            tags: try fields.pairs("tags"))
    }
}

extension ECSService: JSONReadable {
    public init(json: JSONNode) throws(JSONMismatch) {
        let fields = try JSONFields(json)
        self.init(
            arn: try fields.required("serviceArn"), name: try fields.required("serviceName"),
            status: try fields.optional("status"), tags: try fields.pairs("tags"))
    }
}

extension ECSClusterDescription: JSONReadable {
    public init(json: JSONNode) throws(JSONMismatch) {
        let fields = try JSONFields(json)
        self.init(
            arn: try fields.required("clusterArn"), name: try fields.optional("clusterName"),
            status: try fields.optional("status"), tags: try fields.pairs("tags"))
    }
}
