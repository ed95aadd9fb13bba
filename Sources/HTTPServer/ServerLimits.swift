/// What one server lets its peers use.
public struct ServerLimits: Sendable {
    /// Connections at a time; one more is answered 503 and closed.
    public var maxConnections: Int
    /// Bytes of all header fields of a request; more is answered 431.
    public var headerLimitBytes: Int
    /// Header fields of a request; more is answered 431.
    public var maxHeaderFields: Int
    /// How long a connection may wait for its next request head to be complete.
    public var idleTimeoutMs: Int64
    /// How long a body may take after its head, and an answer to be taken by the peer.
    public var transferTimeoutMs: Int64

    /// Defaults fit a page that people and one scraper read: 32 KiB is four times what browsers and proxies
    /// send.
    public init(
        maxConnections: Int = 256, headerLimitBytes: Int = 32_768, maxHeaderFields: Int = 128,
        idleTimeoutMs: Int64 = 120_000, transferTimeoutMs: Int64 = 30_000
    ) {
        self.maxConnections = maxConnections
        self.headerLimitBytes = headerLimitBytes
        self.maxHeaderFields = maxHeaderFields
        self.idleTimeoutMs = idleTimeoutMs
        self.transferTimeoutMs = transferTimeoutMs
    }
}
