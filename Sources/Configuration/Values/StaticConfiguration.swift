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
