/// How metadata of metric families are sent by remote write 1.0, apart from samples: the `metadata_config`
/// block.
public struct MetadataConfiguration: Sendable, Equatable {
    public var send: Bool
    public var sendIntervalMs: Int64
    /// Families in one request.
    public var maxSamplesPerSend: Int

    public init(send: Bool = true, sendIntervalMs: Int64 = 60_000, maxSamplesPerSend: Int = 2_000) {
        self.send = send
        self.sendIntervalMs = sendIntervalMs
        self.maxSamplesPerSend = maxSamplesPerSend
    }
}
