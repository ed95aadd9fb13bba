public import Configuration
public import MetricModel

/// Targets that a provider found together, and the labels they share.
public struct TargetGroup: Sendable, Equatable {
    /// Unique among a provider's groups: `static/0`, `targets.json:1`, a cluster's name.
    public let source: String
    /// Each with `__address__`; a target's own labels win over the group's.
    public let targets: [LabelSet]
    public let labels: LabelSet

    public init(source: String, targets: [LabelSet], labels: LabelSet = LabelSet()) {
        self.source = source
        self.targets = targets
        self.labels = labels
    }

    /// Addresses as the configuration and target files hold them.
    public init(source: String, _ configuration: StaticConfiguration) {
        self.init(
            source: source, targets: configuration.targets.map { LabelSet([Label("__address__", $0)]) },
            labels: configuration.labels)
    }
}

/// An endpoint ready to be scraped.
public struct DiscoveredTarget: Sendable, Hashable {
    /// The job's name in the configuration; the `job` label may differ.
    public let job: String
    /// With the query parameters.
    public let url: String
    /// What its series get: `instance`, `job` and more, nothing that begins with `__`.
    public let labels: LabelSet
    /// Everything that was known before, `__meta_` labels included.
    public let discoveredLabels: LabelSet
    /// The job's, or what `__scrape_interval__` says.
    public let scrapeIntervalMs: Int64
    /// The job's, or what `__scrape_timeout__` says; never above the interval.
    public let scrapeTimeoutMs: Int64

    public init(
        job: String, url: String, labels: LabelSet, discoveredLabels: LabelSet, scrapeIntervalMs: Int64,
        scrapeTimeoutMs: Int64
    ) {
        self.job = job
        self.url = url
        self.labels = labels
        self.discoveredLabels = discoveredLabels
        self.scrapeIntervalMs = scrapeIntervalMs
        self.scrapeTimeoutMs = scrapeTimeoutMs
    }
}

/// Why something discovered is no target.
public struct DiscoveryError: Error, Sendable, Equatable, CustomStringConvertible {
    public enum Code: Sendable {
        case badTarget
        case badGlob
    }

    public let code: Code
    public let message: String
    /// The target group's source or the pattern.
    public let place: String

    public init(_ code: Code, _ message: String, place: String) {
        self.code = code
        self.message = message
        self.place = place
    }

    public var description: String { "\(place): \(message)" }
}
