/// What became of the samples of one job in an answered request.
public struct JobOutcome: Sendable {
    public let job: String
    public let delivered: UInt64
    public let dropped: [(reason: String, count: UInt64)]

    public init(job: String, delivered: UInt64, dropped: [(reason: String, count: UInt64)] = []) {
        self.job = job
        self.delivered = delivered
        self.dropped = dropped
    }
}
