/// One job's books at one destination.
public struct DestinationLedger: Sendable, Equatable {
    /// Samples that concern this destination: those in the buffer when it was first opened and all that came
    /// since. After damage on disk it may differ from `BufferLedger.jobs`: what was delivered and then lost
    /// from the disk is counted here.
    public var scraped: UInt64 = 0
    /// What became of those that are no longer buffered.
    public var outcome = JobOutcome()
    public var buffered: UInt64 = 0
    /// Of these, samples that are in memory alone, since the disk has not taken them: the end of the process
    /// takes them, too.
    public var inMemory: UInt64 = 0
    /// Samples scraped before its books begin, as it was added later: it never gets them. Below zero after
    /// damage, by what it was given and what is lost from the disk since.
    public var earlier: Int64 = 0

    public init() {}

    /// Counts samples as in memory. What was appended since the totals were taken is not among those
    /// buffered.
    mutating func addInMemory(_ samples: UInt64) {
        inMemory = min(buffered, SampleCount.sum(inMemory, samples))
    }

    public var delivered: UInt64 { outcome.delivered }
    /// By reason.
    public var dropped: [String: UInt64] { outcome.dropped }
}
