/// How samples are batched and retried: the `queue_config` block.
public struct QueueConfiguration: Sendable, Equatable {
    /// Samples held for one shard while its requests are on the way.
    public var capacity: Int
    public var maxShards: Int
    public var minShards: Int
    public var maxSamplesPerSend: Int
    public var batchSendDeadlineMs: Int64
    public var minBackoffMs: Int64
    public var maxBackoffMs: Int64
    /// True by default, unlike Prometheus: a dropped batch helps nobody.
    public var retryOnHTTP429: Bool
    /// Samples older than this are dropped rather than sent; 0 sends whatever is kept.
    public var sampleAgeLimitMs: Int64

    public init(
        capacity: Int = 10_000, maxShards: Int = 50, minShards: Int = 1, maxSamplesPerSend: Int = 5_000,
        batchSendDeadlineMs: Int64 = 5_000, minBackoffMs: Int64 = 30, maxBackoffMs: Int64 = 5_000,
        retryOnHTTP429: Bool = true, sampleAgeLimitMs: Int64 = 0
    ) {
        self.capacity = capacity
        self.maxShards = maxShards
        self.minShards = minShards
        self.maxSamplesPerSend = maxSamplesPerSend
        self.batchSendDeadlineMs = batchSendDeadlineMs
        self.minBackoffMs = minBackoffMs
        self.maxBackoffMs = maxBackoffMs
        self.retryOnHTTP429 = retryOnHTTP429
        self.sampleAgeLimitMs = sampleAgeLimitMs
    }
}
