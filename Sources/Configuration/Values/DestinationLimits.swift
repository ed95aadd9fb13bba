/// Limits of one's own on what a destination is sent: the `limits` block of `remote_write`, which is no key
/// of Prometheus. 0 is no limit everywhere.
public struct DestinationLimits: Sendable, Equatable {
    /// Of request bodies, after compression.
    public var bytesPerSecond: UInt64
    public var requestsPerSecond: Double
    public var samplesPerSecond: Int
    /// Of request bodies, after compression, a day of UTC.
    public var bytesPerDay: UInt64
    /// Jobs whose samples are sent up to the last byte of the day.
    public var highPriorityJobs: [String]
    /// Jobs whose samples are let go first.
    public var lowPriorityJobs: [String]

    public init(
        bytesPerSecond: UInt64 = 0, requestsPerSecond: Double = 0, samplesPerSecond: Int = 0,
        bytesPerDay: UInt64 = 0, highPriorityJobs: [String] = [], lowPriorityJobs: [String] = []
    ) {
        self.bytesPerSecond = bytesPerSecond
        self.requestsPerSecond = requestsPerSecond
        self.samplesPerSecond = samplesPerSecond
        self.bytesPerDay = bytesPerDay
        self.highPriorityJobs = highPriorityJobs
        self.lowPriorityJobs = lowPriorityJobs
    }
}
