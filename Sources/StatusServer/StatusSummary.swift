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
    /// nil while the disk takes samples, and no samples are left that it has refused.
    public var diskRefusal: DiskRefusal?
    /// Why the configuration that runs is not the one at its source, a line a fault; nil when all is well.
    public var configurationFault: String?
    /// What the configuration file asks for and does not get, in the order of its lines.
    public var ignoredSettings: [IgnoredSetting] = []

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

    /// The disk takes or took no samples: they go to the destinations from memory.
    public struct DiskRefusal: Sendable, Equatable {
        /// What the disk says; nil where it takes samples again.
        public var reason: String?
        /// Samples that wait and are on no disk. They are not written to it later.
        public var samplesInMemory: UInt64

        public init(reason: String?, samplesInMemory: UInt64) {
            self.reason = reason
            self.samplesInMemory = samplesInMemory
        }
    }

    /// A setting of the configuration file that has no effect.
    public struct IgnoredSetting: Sendable, Equatable {
        /// For instance `rule_files`.
        public var key: String
        /// `file:line:column`.
        public var place: String
        /// What does not happen; it follows the key.
        public var sentence: String
        /// Whether somebody may rely on what does not happen.
        public var isMissed: Bool

        public init(key: String, place: String, sentence: String, isMissed: Bool) {
            self.key = key
            self.place = place
            self.sentence = sentence
            self.isMissed = isMissed
        }
    }

    /// A remote_write entry, its URL without secrets. Figures are samples.
    public struct Destination: Sendable, Equatable {
        public var name: String
        public var url: String
        public var delivered: UInt64
        /// By reason.
        public var dropped: [String: UInt64]
        public var buffered: UInt64
        /// What stands in the way.
        public var lastError: String?
        /// Why nothing more is read for it now, though there may be more.
        public var readingStopped: String?
        /// Whether samples are kept because of what stands in the way.
        public var isHolding: Bool
        /// Whether the receiver has refused samples last, which are dropped.
        public var isDropping: Bool
        /// How old samples may be that are still sent, for instance `55m`; nil: of any age.
        public var ageLimit: String?
        /// Samples that were lost of late as the buffer had no room for them, or as they were too old.
        public var lostForRoom: UInt64

        public init(
            name: String, url: String, delivered: UInt64 = 0, dropped: [String: UInt64] = [:],
            buffered: UInt64, lastError: String?, readingStopped: String? = nil, isHolding: Bool = false,
            isDropping: Bool = false, ageLimit: String? = nil, lostForRoom: UInt64 = 0
        ) {
            self.name = name
            self.url = url
            self.delivered = delivered
            self.dropped = dropped
            self.buffered = buffered
            self.lastError = lastError
            self.readingStopped = readingStopped
            self.isHolding = isHolding
            self.isDropping = isDropping
            self.ageLimit = ageLimit
            self.lostForRoom = lostForRoom
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
