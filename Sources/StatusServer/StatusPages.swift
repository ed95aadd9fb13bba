/// What the pages show. The agent gives it; each call must be quick and must not block.
public protocol StatusPages: Sendable {
    /// The agent's own metrics in text exposition format 0.0.4.
    func metrics() -> String
    /// True once the agent scrapes and can take what it scraped into its buffer.
    func isReady() -> Bool
    /// The numbers of the first page.
    func summary() -> StatusSummary
    /// What targets say about their metric families, target by target, until `take` is false.
    func eachTargetMetadata(
        _ query: TargetMetadataQuery, _ take: (TargetMetadata) -> Bool
    ) throws(StatusQueryError)
}

/// The way of the samples in a few numbers.
public struct StatusSummary: Sendable, Equatable {
    public var version: String
    public var discoveredTargets: Int
    /// Targets whose last scrape succeeded.
    public var healthyTargets: Int
    public var scrapedSamples: UInt64
    public var bufferedSamples: UInt64
    /// Samples that a destination has answered for.
    public var acknowledgedSamples: UInt64
    public var droppedSamples: UInt64
    /// In the order of jobs and URLs.
    public var targets: [Target] = []
    /// In the order of the configuration.
    public var destinations: [Destination] = []
    /// What stands in the way of discovery, in the order of jobs; nothing when all is well.
    public var discoveryProblems: [DiscoveryProblem] = []

    /// An endpoint, in words fit to be shown.
    public struct Target: Sendable, Equatable {
        public var job: String
        public var url: String
        public var labels: String
        /// nil before the first scrape.
        public var isUp: Bool?
        /// Why the last scrape failed.
        public var lastError: String?

        public init(job: String, url: String, labels: String, isUp: Bool?, lastError: String?) {
            self.job = job
            self.url = url
            self.labels = labels
            self.isUp = isUp
            self.lastError = lastError
        }
    }

    /// Something of which targets may be missing, or older than they should be.
    public struct DiscoveryProblem: Sendable, Equatable {
        public var job: String
        /// For instance `ecs`.
        public var provider: String
        /// What was asked, and why it failed.
        public var message: String

        public init(job: String, provider: String, message: String) {
            self.job = job
            self.provider = provider
            self.message = message
        }
    }

    /// A remote_write entry, its URL without secrets.
    public struct Destination: Sendable, Equatable {
        public var name: String
        public var url: String
        public var buffered: UInt64
        /// What stands in the way.
        public var lastError: String?

        public init(name: String, url: String, buffered: UInt64, lastError: String?) {
            self.name = name
            self.url = url
            self.buffered = buffered
            self.lastError = lastError
        }
    }

    public init(
        version: String = "", discoveredTargets: Int = 0, healthyTargets: Int = 0, scrapedSamples: UInt64 = 0,
        bufferedSamples: UInt64 = 0, acknowledgedSamples: UInt64 = 0, droppedSamples: UInt64 = 0
    ) {
        self.version = version
        self.discoveredTargets = discoveredTargets
        self.healthyTargets = healthyTargets
        self.scrapedSamples = scrapedSamples
        self.bufferedSamples = bufferedSamples
        self.acknowledgedSamples = acknowledgedSamples
        self.droppedSamples = droppedSamples
    }
}

/// Why the status server could not start.
public struct StatusError: Error, Sendable, CustomStringConvertible {
    public enum Code: Sendable { case badAddress, listen }

    public let code: Code
    /// What is wrong, where, and what to do.
    public let message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { message }
}
