/// The books at one moment, in samples. For each destination and job: scraped = delivered + dropped +
/// buffered.
public struct BufferLedger: Sendable, Equatable {
    /// Samples that came in, by job, since the directory was made.
    public var jobs: [String: UInt64] = [:]
    /// By destination, then by job.
    public var destinations: [String: [String: DestinationLedger]] = [:]
    /// The timestamp of the oldest frame that was handed out and has no answer yet; nil when there is none.
    public var oldestUnackedTimestampMs: Int64?

    public init() {}
}
