import AWS

/// A task with what is known of its definition and of the machine it runs on.
struct ECSTaskRecord: Sendable, Equatable {
    var task: ECSTask
    /// Nil when it was not asked for or could not be had.
    var definition: ECSTaskDefinition?
    /// Nil on Fargate, and where it could not be had.
    var host: ECSHost?
    /// Of the task's own interface, where it was asked for and there is one.
    var publicIPv4: String?
    /// What the present reading has asked for and does not know yet.
    var awaited: ECSAwaited = []

    /// As ECS means it: its containers run, and shall go on.
    var isRunning: Bool {
        task.lastStatus == "RUNNING" && (task.desiredStatus ?? "RUNNING") == "RUNNING"
    }

    /// Its containers have been told to stop, or have. DEACTIVATING is not among these: the containers of a
    /// task that leaves its load balancer work on.
    static func hasStopped(_ lastStatus: String?) -> Bool {
        ["STOPPING", "DEPROVISIONING", "STOPPED", "DELETED"].contains(lastStatus)
    }
}

/// Facts of a task that a reading may wait for.
struct ECSAwaited: OptionSet, Sendable {
    let rawValue: Int

    static let definition = ECSAwaited(rawValue: 1)
    static let machine = ECSAwaited(rawValue: 2)
    static let publicAddress = ECSAwaited(rawValue: 4)
}

/// The machine a task runs on: an EC2 instance, or one that Systems Manager knows.
struct ECSHost: Sendable, Equatable {
    /// `i-…` or `mi-…`.
    var instanceID: String?
    /// What the instance's attribute or tag says, before any other.
    var attributes: [String: String] = [:]
    var tags: [String: String] = [:]
    var ec2: EC2Instance?
    var ssm: SSMInstance?

    /// Registered by a customer with Systems Manager; EC2 knows nothing of it.
    var isExternal: Bool { instanceID?.hasPrefix("mi-") ?? false }
}

/// What is known of one cluster at one moment.
struct ECSClusterSnapshot: Sendable {
    /// As configured or listed: a name or an ARN.
    var cluster: String
    /// By ARN.
    var records: [ECSTaskRecord] = []
    /// Tasks that ECS said have stopped, as they were when they ran; kept for a while.
    var stopped: [ECSTaskRecord] = []
    /// By name.
    var services: [String: ECSService] = [:]
    /// Names of services that ECS was asked for and does not have.
    var absentServices: Set<String> = []
    /// Nil as well when ECS was asked and does not have it.
    var description: ECSClusterDescription?
    /// ECS was asked for the description at least once and has answered.
    var isDescribed = false

    /// As its tasks tell it; nil when it has none.
    var arn: String? { cluster.hasPrefix("arn:") ? cluster : records.first?.task.clusterARN }

    /// Whether a service's status and tags, or their absence, are known.
    func knows(service name: String) -> Bool { services[name] != nil || absentServices.contains(name) }
}

/// What jobs want to know beyond tasks.
struct ECSNeeds: OptionSet, Sendable {
    let rawValue: Int

    static let definitions = ECSNeeds(rawValue: 1)
    static let services = ECSNeeds(rawValue: 2)
    static let clusters = ECSNeeds(rawValue: 4)
    static let interfaces = ECSNeeds(rawValue: 8)
}
