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
