public import Telemetry

/// What the pages show. The agent gives it; each call must be quick and must not block.
public protocol StatusPages: Sendable {
    /// The agent's own metrics.
    func metrics(_ format: MetricFormat) -> String
    /// True once the agent scrapes and can take what it scraped into its buffer.
    func isReady() -> Bool
    /// The numbers of the first page.
    func summary() -> StatusSummary
    /// What the agent holds in memory, as JSON; nil where the kernel does not tell.
    func memory() -> String?
    /// The books of the buffer, by destination and job, as JSON.
    func ledger() -> String
    /// What targets say about their metric families, target by target, until `take` is false.
    func eachTargetMetadata(
        _ query: TargetMetadataQuery, _ take: (TargetMetadata) -> Bool
    ) throws(StatusQueryError)
}

/// Why the status server could not start.
public struct StatusError: Error, Sendable, CustomStringConvertible {
    public enum Code: Sendable { case badAddress, listen }

    public let code: Code
    /// What is wrong, where, and what to do.
    public let message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { message }
}
