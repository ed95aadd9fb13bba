/// How long calls to AWS are waited for.
public struct CallPatience: Sendable, Equatable {
    /// One attempt, milliseconds. ECS answers within a second.
    public var attemptTimeoutMs: Int64
    /// How often a call is made that gets no answer. A service that answers that it is busy is asked again as
    /// the SDKs do, whatever this is.
    public var unansweredAttempts: Int

    public init(attemptTimeoutMs: Int64 = 10_000, unansweredAttempts: Int = 3) {
        self.attemptTimeoutMs = attemptTimeoutMs
        self.unansweredAttempts = unansweredAttempts
    }
}
