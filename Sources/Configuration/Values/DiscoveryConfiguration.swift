public import MetricModel

/// Targets written down: `static_configs`, and an entry of a file_sd file.
public struct StaticConfiguration: Sendable, Equatable {
    /// `host:port` each.
    public var targets: [String]
    public var labels: LabelSet

    public init(targets: [String], labels: LabelSet = LabelSet()) {
        self.targets = targets
        self.labels = labels
    }
}

/// Targets read from files that others write: `file_sd_configs`.
public struct FileSDConfiguration: Sendable, Equatable {
    /// Paths, resolved against the configuration file's folder; the last element may be a glob.
    public var files: [String]
    public var refreshIntervalMs: Int64

    public init(files: [String], refreshIntervalMs: Int64 = 300_000) {
        self.files = files
        self.refreshIntervalMs = refreshIntervalMs
    }
}

/// Running Fargate tasks of ECS clusters: `ecs_sd_configs`.
public struct ECSSDConfiguration: Sendable, Equatable {
    /// Names or ARNs; at least one.
    public var clusters: [String]
    public var region: String?
    /// Asked instead of the region's own ECS endpoint.
    public var endpoint: String?
    public var refreshIntervalMs: Int64
    public var accessKey: String?
    public var secretKey: String?
    /// A profile of the shared credentials files.
    public var profile: String?

    public init(
        clusters: [String], region: String? = nil, endpoint: String? = nil, refreshIntervalMs: Int64 = 60_000,
        accessKey: String? = nil, secretKey: String? = nil, profile: String? = nil
    ) {
        self.clusters = clusters
        self.region = region
        self.endpoint = endpoint
        self.refreshIntervalMs = refreshIntervalMs
        self.accessKey = accessKey
        self.secretKey = secretKey
        self.profile = profile
    }
}

extension ECSSDConfiguration: CustomStringConvertible, CustomReflectable {
    /// Nothing to see for `dump` and the like, which would show the secret.
    public var customMirror: Mirror { Mirror(self, children: []) }

    /// Without the secret.
    public var description: String {
        "ecs_sd(clusters: \(clusters), region: \(region ?? "default"), endpoint: \(endpoint ?? "default"))"
    }
}
