/// A task definition: a family and a revision never change, so one may be kept for ever.
public struct ECSTaskDefinition: Sendable, Equatable {
    public struct Container: Sendable, Equatable {
        public var name: String
        public var image: String?
        public var dockerLabels: [String: String]
        public var portMappings: [PortMapping]

        public init(
            name: String, image: String? = nil, dockerLabels: [String: String] = [:],
            portMappings: [PortMapping] = []
        ) {
            self.name = name
            self.image = image
            self.dockerLabels = dockerLabels
            self.portMappings = portMappings
        }
    }

    public struct PortMapping: Sendable, Equatable {
        /// One port, or those of a `containerPortRange`.
        public var containerPorts: ClosedRange<Int>
        /// Nil or 0: chosen when the task starts, or the container's own port where there is no host's. Nil
        /// for a range as well, whose ports on the host are always chosen.
        public var hostPort: Int?
        /// `tcp` or `udp`; nil is tcp.
        public var transport: String?

        public init(containerPort: Int, hostPort: Int? = nil, transport: String? = nil) {
            self.init(
                containerPorts: containerPort...containerPort, hostPort: hostPort, transport: transport)
        }

        public init(containerPorts: ClosedRange<Int>, hostPort: Int? = nil, transport: String? = nil) {
            self.containerPorts = containerPorts
            self.hostPort = hostPort
            self.transport = transport
        }
    }

    public var arn: String
    public var family: String?
    public var revision: Int?
    /// `awsvpc`, `bridge`, `host` or `none`.
    public var networkMode: String?
    public var containers: [Container]

    public init(
        arn: String, family: String? = nil, revision: Int? = nil, networkMode: String? = nil,
        containers: [Container] = []
    ) {
        self.arn = arn
        self.family = family
        self.revision = revision
        self.networkMode = networkMode
        self.containers = containers
    }
}
