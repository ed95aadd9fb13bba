public import Configuration
public import MetricModel

/// Targets that a provider found together, and the labels they share.
public struct TargetGroup: Sendable, Equatable {
    /// Unique among a provider's groups: `static/0`, `targets.json, group 1`, a cluster's name.
    public let source: String
    /// Each with `__address__`; a target's own labels win over the group's.
    public let targets: [LabelSet]
    public let labels: LabelSet
    /// Targets of a while ago that the provider knows to have ended, for good: their series may end at once.
    public let stopped: [LabelSet]

    public init(
        source: String, targets: [LabelSet], labels: LabelSet = LabelSet(), stopped: [LabelSet] = []
    ) {
        self.source = source
        self.targets = targets
        self.labels = labels
        self.stopped = stopped
    }

    /// Addresses as the configuration and target files hold them.
    public init(source: String, _ configuration: StaticConfiguration) {
        self.init(
            source: source, targets: configuration.targets.map { LabelSet([Label("__address__", $0)]) },
            labels: configuration.labels)
    }
}
