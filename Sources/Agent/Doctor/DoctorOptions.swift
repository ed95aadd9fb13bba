import AWS

/// What `narthex doctor` shall look at, and for how long.
public struct DoctorOptions: Sendable {
    /// Of the agent that shall run: its configuration, its storage, its environment.
    public var agent: AgentOptions
    /// Why what names a configuration cannot be used, as `ConfigurationPlace.Choice` has it; nil where it
    /// can.
    public var placeFault: String?
    /// What is to be said of the command line and of variables, a sentence each.
    public var remarks: [String] = []
    /// Bounds the whole, milliseconds, 1,000 to 600,000. Every other bound is a part of it.
    public var timeoutMs: Int64 = 30_000
    /// Targets of each job that are scraped.
    public var targetsPerJob = 5
    /// The disk's part of the whole, milliseconds; nil for all of it.
    var storageTimeoutMs: Int64?

    /// Until the configuration is read, which the rest waits for.
    var readTimeoutMs: Int64 { timeoutMs / 2 }
    /// A job's discovery.
    var lookTimeoutMs: Int64 { timeoutMs / 3 }
    /// What a target may take, where its job allows more.
    var scrapeTimeoutMs: Int64 { timeoutMs / 3 }
    /// One exchange with a destination or with AWS: several follow each other in a check.
    var exchangeTimeoutMs: Int64 {
        get { ownExchangeTimeoutMs ?? max(500, timeoutMs / 6) }
        set { ownExchangeTimeoutMs = newValue }
    }
    private var ownExchangeTimeoutMs: Int64?

    /// AWS is asked once where nothing answers: a packet that is dropped is dropped the next time, too.
    var patience: CallPatience {
        CallPatience(attemptTimeoutMs: exchangeTimeoutMs, unansweredAttempts: 1)
    }

    public init(agent: AgentOptions) { self.agent = agent }
}
