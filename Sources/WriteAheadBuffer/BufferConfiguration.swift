/// Where the buffer lies, how it is cut and what bounds it.
public struct BufferConfiguration: Sendable, Equatable {
    /// The buffer's own directory; made when absent. One process at a time.
    public var directory: String
    /// A segment ends once it is at least this long. Never more than a quarter of `retentionBytes`, so that
    /// retention has something to take. Where statements of series fill it, it may grow to an eighth of
    /// `retentionBytes`, or to twice what it states where that is more, and to half of them at most.
    public var segmentSizeBytes: Int
    /// A segment ends once it is this old: the state of targets that went is let go with it. While its
    /// targets are there, and it holds little beside what the next would repeat of them, it may be four times
    /// as old.
    public var segmentMaxAgeMs: Int64
    /// What all segments may take; the oldest go first.
    public var retentionBytes: UInt64
    /// A segment goes once its newest sample is older than this.
    public var retentionAgeMs: Int64
    /// How often segments and cursors are made durable: what a power loss may cost.
    public var syncIntervalMs: Int64
    /// Kept free for the cursors in case the disk runs full; 0 keeps nothing.
    public var reserveBytes: Int
    /// What is kept of frames just written, for destinations that are caught up; 0 keeps nothing.
    public var recentFrameBytes: Int

    public init(
        directory: String, segmentSizeBytes: Int = 32 << 20, segmentMaxAgeMs: Int64 = 15 * 60_000,
        retentionBytes: UInt64 = 1 << 30, retentionAgeMs: Int64 = 4 * 3_600_000,
        syncIntervalMs: Int64 = 1_000, reserveBytes: Int = 1 << 20, recentFrameBytes: Int = 16 << 20
    ) {
        precondition(segmentSizeBytes > 0 && segmentMaxAgeMs > 0, "a segment has a size and an age")
        precondition(retentionBytes > 0 && retentionAgeMs > 0 && syncIntervalMs > 0, "bounds are positive")
        self.directory = directory
        self.segmentSizeBytes = segmentSizeBytes
        self.segmentMaxAgeMs = segmentMaxAgeMs
        self.retentionBytes = retentionBytes
        self.retentionAgeMs = retentionAgeMs
        self.syncIntervalMs = syncIntervalMs
        self.reserveBytes = reserveBytes
        self.recentFrameBytes = recentFrameBytes
    }

    /// The length at which a segment ends, unless most of it states the series of the targets there are.
    var segmentLimitBytes: UInt64 { min(UInt64(segmentSizeBytes), max(4_096, retentionBytes / 4)) }

    /// The length at which a segment ends, unless half of it is what the next one repeats. Retention takes
    /// a segment as a whole, and a start after a crash reads the last one from its beginning.
    var segmentMostBytes: UInt64 { max(segmentLimitBytes, retentionBytes / 8) }

    /// The length at which a segment ends whatever it states.
    var segmentEndBytes: UInt64 { max(segmentLimitBytes, retentionBytes / 2) }
}
