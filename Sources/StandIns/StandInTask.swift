/// A task; on Fargate unless it says otherwise.
public struct StandInTask: Sendable, Equatable {
    /// A port of a container that its machine answers for.
    public struct Binding: Sendable, Equatable {
        public var container: String
        public var containerPort: Int
        public var hostPort: Int

        public init(container: String, containerPort: Int, hostPort: Int) {
            self.container = container
            self.containerPort = containerPort
            self.hostPort = hostPort
        }
    }

    /// 32 hexadecimal digits at AWS.
    public var id: String
    /// `family:revision`.
    public var definition: String
    public var service: String?
    /// Of its network interface; nil while it has none yet.
    public var privateIPv4: String?
    public var lastStatus: String
    public var desiredStatus: String
    /// Nil is FARGATE.
    public var launchType: String?
    /// The id of the container instance it runs on.
    public var instance: String?
    public var ipv6: String?
    /// As EC2 tells it of the task's interface.
    public var publicIPv4: String?
    public var bindings: [Binding]?
    /// Names of containers that ECS adds to the task beside those of its definition.
    public var injected: [String]?

    public init(
        id: String, definition: String, service: String? = nil, privateIPv4: String?,
        lastStatus: String = "RUNNING", desiredStatus: String = "RUNNING", launchType: String? = nil,
        instance: String? = nil, ipv6: String? = nil, bindings: [Binding]? = nil, injected: [String]? = nil
    ) {
        self.id = id
        self.definition = definition
        self.service = service
        self.privateIPv4 = privateIPv4
        self.lastStatus = lastStatus
        self.desiredStatus = desiredStatus
        self.launchType = launchType
        self.instance = instance
        self.ipv6 = ipv6
        self.bindings = bindings
        self.injected = injected
    }
}

extension StandInTask {
    /// Of its own network interface, in awsvpc mode.
    var interfaceID: String { "eni-\(id.suffix(17))" }
}
