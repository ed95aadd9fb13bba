public import Relabel

/// Exporters by what they run in: an entry of `services` or `task_definitions`.
public struct ECSExporterPattern: Sendable, Equatable {
    /// Matches the service's name or the task definition's ARN.
    public var pattern: RelabelPattern
    /// Matches the names of containers; nil takes all.
    public var containerPattern: RelabelPattern?
    /// Container ports.
    public var ports: [Int]
    public var path: String?
    public var jobName: String?

    public init(
        pattern: RelabelPattern, containerPattern: RelabelPattern? = nil, ports: [Int],
        path: String? = nil, jobName: String? = nil
    ) {
        self.pattern = pattern
        self.containerPattern = containerPattern
        self.ports = ports
        self.path = path
        self.jobName = jobName
    }

    /// A regular expression that may match anywhere in the text, as ecs_observer takes them.
    public static func anywhere(_ text: String) throws(RelabelError) -> RelabelPattern {
        try RelabelPattern(".*(?:\(text)).*")
    }
}
