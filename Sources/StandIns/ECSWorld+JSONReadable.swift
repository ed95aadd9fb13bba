public import JSON

extension StandInContainer: JSONReadable {
    public init(json: JSONNode) throws(JSONMismatch) {
        let fields = try JSONFields(json)
        self.init(
            name: try fields.required("name"), image: try fields.required("image"),
            dockerLabels: try fields.required("dockerLabels"), ports: try fields.required("ports"))
    }
}

extension StandInTaskDefinition: JSONReadable {
    public init(json: JSONNode) throws(JSONMismatch) {
        let fields = try JSONFields(json)
        self.init(
            family: try fields.required("family"), revision: try fields.required("revision"),
            containers: try fields.required("containers"), networkMode: try fields.optional("networkMode"))
    }
}

extension StandInTask: JSONReadable {
    public init(json: JSONNode) throws(JSONMismatch) {
        let fields = try JSONFields(json)
        self.init(
            id: try fields.required("id"), definition: try fields.required("definition"),
            service: try fields.optional("service"), privateIPv4: try fields.optional("privateIPv4"),
            lastStatus: try fields.required("lastStatus"),
            desiredStatus: try fields.required("desiredStatus"),
            launchType: try fields.optional("launchType"), instance: try fields.optional("instance"),
            ipv6: try fields.optional("ipv6"), bindings: try fields.optional("bindings"),
            injected: try fields.optional("injected"))
        publicIPv4 = try fields.optional("publicIPv4")
    }
}

extension StandInTask.Binding: JSONReadable {
    public init(json: JSONNode) throws(JSONMismatch) {
        let fields = try JSONFields(json)
        self.init(
            container: try fields.required("container"), containerPort: try fields.required("containerPort"),
            hostPort: try fields.required("hostPort"))
    }
}

extension StandInInstance: JSONReadable {
    public init(json: JSONNode) throws(JSONMismatch) {
        let fields = try JSONFields(json)
        self.init(
            id: try fields.required("id"), machine: try fields.required("machine"),
            address: try fields.optional("address"), attributes: try fields.optional("attributes"))
    }
}

extension StandInCluster: JSONReadable {
    public init(json: JSONNode) throws(JSONMismatch) {
        let fields = try JSONFields(json)
        self.init(
            name: try fields.required("name"), tasks: try fields.required("tasks"),
            instances: try fields.optional("instances"))
    }
}

extension ECSWorld: JSONReadable {
    public init(json: JSONNode) throws(JSONMismatch) {
        let fields = try JSONFields(json)
        self.init(
            clusters: try fields.required("clusters"), definitions: try fields.required("definitions"))
    }
}
