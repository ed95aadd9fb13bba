/// The running tasks of a cluster. When a page could not be had, those of the pages before it.
public struct ECSTaskList: Sendable {
    public var arns: [String]
    /// Why the list is not whole; nil when it is.
    public var failure: AWSError?

    public init(arns: [String], failure: AWSError? = nil) {
        self.arns = arns
        self.failure = failure
    }
}

/// What a Describe call says of a thing it does not describe.
public struct ECSFailure: Sendable, Equatable {
    public var arn: String
    /// `MISSING` when there is no such thing any more.
    public var reason: String?

    public init(arn: String, reason: String? = nil) {
        self.arn = arn
        self.reason = reason
    }
}

/// The tasks of one DescribeTasks call.
public struct ECSTaskPage: Sendable, Equatable {
    public var tasks: [ECSTask]
    public var failures: [ECSFailure]
    /// Entries that are not what the API documents, and so were passed over.
    public var unreadable: Int

    public init(tasks: [ECSTask], failures: [ECSFailure] = [], unreadable: Int = 0) {
        self.tasks = tasks
        self.failures = failures
        self.unreadable = unreadable
    }
}

/// An instance that a cluster places tasks on.
public struct ECSContainerInstance: Sendable, Equatable {
    public var arn: String
    /// `i-…` of EC2, or `mi-…` of Systems Manager for an external one.
    public var instanceID: String?
    /// What somebody set on it; the agent's capabilities are left out.
    public var attributes: [String: String]
    public var tags: [String: String]

    public init(
        arn: String, instanceID: String? = nil, attributes: [String: String] = [:],
        tags: [String: String] = [:]
    ) {
        self.arn = arn
        self.instanceID = instanceID
        self.attributes = attributes
        self.tags = tags
    }
}

/// A service as DescribeServices tells of it.
public struct ECSService: Sendable, Equatable {
    public var arn: String
    public var name: String
    public var status: String?
    public var tags: [String: String]

    public init(arn: String, name: String, status: String? = nil, tags: [String: String] = [:]) {
        self.arn = arn
        self.name = name
        self.status = status
        self.tags = tags
    }
}

/// A cluster as DescribeClusters tells of it.
public struct ECSClusterDescription: Sendable, Equatable {
    public var arn: String
    public var name: String?
    /// `ACTIVE`, or `INACTIVE` for a while after it was deleted.
    public var status: String?
    public var tags: [String: String]

    public init(arn: String, name: String? = nil, status: String? = nil, tags: [String: String] = [:]) {
        self.arn = arn
        self.name = name
        self.status = status
        self.tags = tags
    }
}
