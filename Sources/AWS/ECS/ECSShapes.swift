/// A task as DescribeTasks tells of it: what discovery needs. Nothing is taken for granted but its ARN.
public struct ECSTask: Sendable, Equatable {
    public struct Container: Sendable, Equatable {
        public var name: String
        public var arn: String?
        public var image: String?
        public var lastStatus: String?

        public init(name: String, arn: String? = nil, image: String? = nil, lastStatus: String? = nil) {
            self.name = name
            self.arn = arn
            self.image = image
            self.lastStatus = lastStatus
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
        arn: String, clusterARN: String? = nil, definitionARN: String? = nil, lastStatus: String? = nil,
        desiredStatus: String? = nil, healthStatus: String? = nil, launchType: String? = nil,
        group: String? = nil,
        startedBy: String? = nil, availabilityZone: String? = nil, platformFamily: String? = nil,
        platformVersion: String? = nil, containers: [Container] = [], attachments: [Attachment] = [],
        tags: [String: String] = [:]
    ) {
        self.arn = arn
        self.clusterARN = clusterARN
        self.definitionARN = definitionARN
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

/// A task definition: a family and a revision never change, so one may be kept for ever.
public struct ECSTaskDefinition: Sendable, Equatable {
    public struct Container: Sendable, Equatable {
        public var name: String
        public var image: String?
        public var dockerLabels: [String: String]

        public init(name: String, image: String? = nil, dockerLabels: [String: String] = [:]) {
            self.name = name
            self.image = image
            self.dockerLabels = dockerLabels
        }
    }

    public var arn: String
    public var family: String?
    public var revision: Int?
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

/// The tasks of one DescribeTasks call.
public struct ECSTaskPage: Sendable, Equatable {
    public var tasks: [ECSTask]
    /// Entries that are not what the API documents, and so were passed over.
    public var unreadable: Int

    public init(tasks: [ECSTask], unreadable: Int = 0) {
        self.tasks = tasks
        self.unreadable = unreadable
    }
}
