import WriteAheadBuffer

/// The agent's numbers at one moment, for the status page, the demo and the closing log line.
public struct AgentSnapshot: Sendable {
    /// One endpoint as scraping sees it.
    public struct Endpoint: Sendable {
        public var job: String
        public var url: String
        public var labels: String
        /// nil before the first scrape.
        public var isUp: Bool?
        /// Why the last scrape failed, else what is to be said of the target; nil for nothing.
        public var lastError: String?
    }

    /// One remote_write entry.
    public struct Destination: Sendable {
        public var name: String
        /// Samples acknowledged.
        public var delivered: UInt64 = 0
        /// Samples given up, by reason.
        public var dropped: [String: UInt64] = [:]
        /// Samples on disk, or in memory while the disk takes none, that have no answer yet.
        public var buffered: UInt64 = 0
        /// Samples scraped before the destination was added, which it never gets.
        public var earlier: Int64 = 0
        /// What stands in the way, or nil.
        public var lastError: String?
        /// Why the agent reads no further samples from the buffer for this destination; nil while it does.
        public var readingStopped: String?
        /// Samples that the buffer has let go lately, as it had no room for them or they were too old.
        public var lostForRoom: UInt64 = 0
        /// Whether samples are kept because of what stands in the way.
        public var isHolding = false
        /// Whether the receiver has refused samples last, which are dropped.
        public var isDropping = false
        /// Samples that are older are dropped instead of being sent; nil where none are for their age.
        public var sampleAgeLimitMs: Int64?

        public var droppedTotal: UInt64 { dropped.values.reduce(0, +) }
    }

    public var endpoints: [Endpoint] = []
    /// Samples taken in since the storage directory was made, report series and stale markers included.
    public var scraped: UInt64 = 0
    public var destinations: [Destination] = []
    /// Bytes of the buffer on disk.
    public var bufferBytes: UInt64 = 0
    /// Why the disk takes no samples; nil while it takes them.
    public var diskRefusal: String?
    /// Samples in memory alone that some destination has not answered for.
    public var samplesInMemory: UInt64 = 0

    /// Whether every sample is accounted for at every destination: scraped = delivered + dropped + buffered
    /// + earlier.
    public var isBalanced: Bool {
        destinations.allSatisfy { destination in
            let known = destination.delivered + destination.droppedTotal + destination.buffered
            return Int128(known) + Int128(destination.earlier) == Int128(scraped)
        }
    }
}
