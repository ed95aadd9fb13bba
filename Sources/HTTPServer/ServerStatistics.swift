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
