/// What `narthex doctor` shall look at, and for how long.
public struct DoctorOptions: Sendable {
    /// Of the agent that shall run: its configuration, its storage, its environment.
    public var agent: AgentOptions
    /// Why what names a configuration cannot be used, as `ConfigurationPlace.Choice` has it; nil where it
    /// can.
    public var placeFault: String?
    /// Bounds the whole, milliseconds. A single check ends after `checkTimeoutMs`, or with the whole.
    public var timeoutMs: Int64 = 30_000
    /// Targets of each job that are scraped.
    public var targetsPerJob = 5

    /// A scrape, a write and a call to AWS have 5 seconds each in it; an account whose calls are throttled
    /// needs a few more.
    static let checkTimeoutMs: Int64 = 15_000
    /// What a target may take, where its job allows more.
    static let scrapeTimeoutMs: Int64 = 10_000
    /// One exchange with a destination.
    static let exchangeTimeoutMs: Int64 = 5_000

    public init(agent: AgentOptions) { self.agent = agent }
}
