/// What became of samples of one job. The books have no other unit: a request says with it what its answer
/// will book, the cursor writes it down, and the ledger shows its sums.
public struct JobOutcome: Sendable, Equatable {
    /// Samples that the receiver has stored.
    public var delivered: UInt64
    /// Samples let go, by reason.
    public var dropped: [String: UInt64]

    public init(delivered: UInt64 = 0, dropped: [String: UInt64] = [:]) {
        self.delivered = delivered
        self.dropped = dropped
    }

    /// All of them.
    public var total: UInt64 { dropped.values.reduce(delivered, SampleCount.sum) }

    /// Adds what became of more samples.
    public mutating func add(_ other: JobOutcome) {
        delivered = SampleCount.sum(delivered, other.delivered)
        for (reason, count) in other.dropped { drop(count, reason) }
    }

    /// Adds `count` samples that are let go.
    public mutating func drop(_ count: UInt64, _ reason: String) {
        guard count > 0 else { return }
        dropped[reason] = SampleCount.sum(dropped[reason] ?? 0, count)
    }
}
