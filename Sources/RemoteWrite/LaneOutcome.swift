/// What became of one job's samples: the ledger's unit.
public struct LaneOutcome: Sendable, Equatable {
    /// Samples let go for one reason.
    public struct Dropped: Sendable, Equatable {
        public let reason: String
        public let count: UInt64

        public init(reason: String, count: UInt64) {
            self.reason = reason
            self.count = count
        }
    }

    public let job: String
    public let delivered: UInt64
    public let dropped: [Dropped]

    public init(job: String, delivered: UInt64, dropped: [Dropped] = []) {
        self.job = job
        self.delivered = delivered
        self.dropped = dropped
    }
}
