/// The names of docker labels that make a container a target.
public struct ECSDockerLabels: Sendable, Equatable {
    /// Its presence selects; its value is a port, or several after commas or semicolons. `PORT.name` is one
    /// more endpoint, whose other labels end in `.name` too.
    public var port: String
    public var path: String?
    public var scheme: String?
    public var jobName: String?
    /// Replaces the address.
    public var serverName: String?
    public var interval: String?
    /// `1` or `true` in it asks for the container's one port to be found; it needs no port label.
    public var dynamic: String?

    public init(
        port: String, path: String? = nil, scheme: String? = nil, jobName: String? = nil,
        serverName: String? = nil, interval: String? = nil, dynamic: String? = nil
    ) {
        self.port = port
        self.path = path
        self.scheme = scheme
        self.jobName = jobName
        self.serverName = serverName
        self.interval = interval
        self.dynamic = dynamic
    }

    /// teralytics' names, with an interval and endpoints of one's own.
    public static let prometheusECSDiscovery = ECSDockerLabels(
        port: "PROMETHEUS_EXPORTER_PORT", path: "PROMETHEUS_EXPORTER_PATH",
        scheme: "PROMETHEUS_EXPORTER_SCHEME", jobName: "PROMETHEUS_EXPORTER_JOB_NAME",
        serverName: "PROMETHEUS_EXPORTER_SERVER_NAME", interval: "PROMETHEUS_EXPORTER_SCRAPE_INTERVAL",
        dynamic: "PROMETHEUS_DYNAMIC_EXPORT")

    /// The names in the examples of ecs_observer and the CloudWatch agent.
    public static let ecsObserver = ECSDockerLabels(
        port: "ECS_PROMETHEUS_EXPORTER_PORT", path: "ECS_PROMETHEUS_METRICS_PATH",
        jobName: "ECS_PROMETHEUS_JOB_NAME")

    public static let usual = [prometheusECSDiscovery, ecsObserver]
}
