import AWS

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
