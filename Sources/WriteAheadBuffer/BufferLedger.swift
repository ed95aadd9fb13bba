/// The books at one moment, in samples. For each destination and job: scraped = delivered + dropped +
/// buffered.
public struct BufferLedger: Sendable, Equatable {
    /// Samples that came in, by job, since the directory was made.
    public var jobs: [String: UInt64] = [:]
    /// By destination, then by job.
    public var destinations: [String: [String: DestinationLedger]] = [:]
    /// The timestamp of the oldest frame that a lane holds and has no answer for yet; nil when there is none.
    public var oldestUnackedTimestampMs: Int64?

    public init() {}
}

/// One job's books at one destination.
public struct DestinationLedger: Sendable, Equatable {
    /// Samples that concern this destination: those in the buffer when it was first opened and all that came
    /// since. After damage on disk it may differ from `BufferLedger.jobs`: what was delivered and then lost
    /// from the disk is counted here.
    public var scraped: UInt64 = 0
    public var delivered: UInt64 = 0
    /// By reason.
    public var dropped: [String: UInt64] = [:]
    public var buffered: UInt64 = 0

    public init() {}
}

/// Why the buffer itself drops samples; destinations add reasons of their own.
public enum BufferDropReason {
    /// The disk did not take the frame.
    public static let appendFailed = "append_failed"
    /// A damaged record, or one whose base is lost with a damaged record.
    public static let damaged = "damaged"
    /// The buffer was above its bytes.
    public static let retentionSize = "retention_size"
    /// The samples were above their age.
    public static let retentionAge = "retention_age"
}
