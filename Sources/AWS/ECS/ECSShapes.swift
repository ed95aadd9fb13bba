/// A task as DescribeTasks tells of it: what discovery needs. Nothing is taken for granted but its ARN.
public struct ECSTask: Sendable, Equatable {
    public struct Container: Sendable, Equatable {
        public var name: String
        public var arn: String?
        public var image: String?
        public var lastStatus: String?
        /// What of its ports the host answers for; bridge mode alone has any.
        public var bindings: [NetworkBinding]
        /// Addresses of its own, in awsvpc mode.
        public var interfaces: [NetworkInterface]

        public init(
            name: String, arn: String? = nil, image: String? = nil, lastStatus: String? = nil,
            bindings: [NetworkBinding] = [], interfaces: [NetworkInterface] = []
        ) {
            self.name = name
            self.arn = arn
            self.image = image
            self.lastStatus = lastStatus
            self.bindings = bindings
            self.interfaces = interfaces
        }
    }

    /// A port of a container, or a range of ports, and where the host has it.
    public struct NetworkBinding: Sendable, Equatable {
        /// `0.0.0.0` and `::` are everywhere.
        public var bindIP: String?
        public var containerPorts: ClosedRange<Int>
        /// As many as `containerPorts`.
        public var hostPorts: ClosedRange<Int>
        /// `tcp` or `udp`; nil is tcp.
        public var transport: String?

        public init(
            bindIP: String? = nil, containerPorts: ClosedRange<Int>, hostPorts: ClosedRange<Int>,
            transport: String? = nil
        ) {
            self.bindIP = bindIP
            self.containerPorts = containerPorts
            self.hostPorts = hostPorts
            self.transport = transport
        }
    }

    public struct NetworkInterface: Sendable, Equatable {
        public var privateIPv4: String?
        public var ipv6: String?

        public init(privateIPv4: String? = nil, ipv6: String? = nil) {
            self.privateIPv4 = privateIPv4
            self.ipv6 = ipv6
        }
    }

    /// An elastic network interface, among others.
    public struct Attachment: Sendable, Equatable {
        public var type: String?
        public var status: String?
        /// By name, for instance `privateIPv4Address`.
        public var details: [String: String]

        public init(type: String? = nil, status: String? = nil, details: [String: String] = [:]) {
            self.type = type
            self.status = status
            self.details = details
        }
    }

    public var arn: String
    public var clusterARN: String?
    public var definitionARN: String?
    /// Of the instance it runs on; Fargate has none.
    public var containerInstanceARN: String?
    public var lastStatus: String?
    public var desiredStatus: String?
    public var healthStatus: String?
    public var launchType: String?
    /// `service:name` for the tasks of a service, else `family:name` or the caller's own.
    public var group: String?
    public var startedBy: String?
    public var availabilityZone: String?
    public var platformFamily: String?
    public var platformVersion: String?
    public var containers: [Container]
    public var attachments: [Attachment]
    public var tags: [String: String]

    public init(
        arn: String, clusterARN: String? = nil, definitionARN: String? = nil,
        containerInstanceARN: String? = nil, lastStatus: String? = nil,
        desiredStatus: String? = nil, healthStatus: String? = nil, launchType: String? = nil,
        group: String? = nil, startedBy: String? = nil, availabilityZone: String? = nil,
        platformFamily: String? = nil,
        platformVersion: String? = nil, containers: [Container] = [], attachments: [Attachment] = [],
        tags: [String: String] = [:]
    ) {
        self.arn = arn
        self.clusterARN = clusterARN
        self.definitionARN = definitionARN
        self.containerInstanceARN = containerInstanceARN
        self.lastStatus = lastStatus
        self.desiredStatus = desiredStatus
        self.healthStatus = healthStatus
        self.launchType = launchType
        self.group = group
        self.startedBy = startedBy
        self.availabilityZone = availabilityZone
        self.platformFamily = platformFamily
        self.platformVersion = platformVersion
        self.containers = containers
        self.attachments = attachments
        self.tags = tags
    }
}
