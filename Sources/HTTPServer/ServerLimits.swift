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

/// Why a server could not start or stop.
public struct ServerError: Error, Sendable, CustomStringConvertible {
    public enum Code: Sendable { case badAddress, listen, stop }

    public let code: Code
    /// What happened, where, and what to do.
    public let message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { message }
}

/// What a server has seen since it started.
public struct ServerStatistics: Sendable, Equatable {
    public var connections = 0
    public var accepted: UInt64 = 0
    /// Connections above `maxConnections`.
    public var refused: UInt64 = 0
    public var requests: UInt64 = 0
    /// Requests that were no HTTP or broke a limit.
    public var malformed: UInt64 = 0
    /// Connections ended by a timeout in the middle of something.
    public var timeouts: UInt64 = 0
}
