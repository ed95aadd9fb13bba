public import MetricModel

/// Something that was discovered and is not scraped, and why.
public struct LeftOutTarget: Sendable, Equatable {
    public enum Cause: Sendable, Equatable {
        /// By the rule of `relabel_configs` with this index, from 0.
        case dropped(byRule: Int)
        /// What relabelling made of it cannot be scraped.
        case invalid
        /// It came out equal to another target, which is scraped.
        case duplicate
    }

    public let cause: Cause
    /// The reason in words.
    public let message: String
    /// The target group's source.
    public let source: String
    /// Before relabelling, `__` labels included.
    public let discoveredLabels: LabelSet
    /// As the rule found them that dropped the target, else after relabelling; `__` labels included.
    public let labels: LabelSet

    public init(
        cause: Cause, message: String, source: String, discoveredLabels: LabelSet, labels: LabelSet
    ) {
        self.cause = cause
        self.message = message
        self.source = source
        self.discoveredLabels = discoveredLabels
        self.labels = labels
    }
}
