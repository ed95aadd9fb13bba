public import Configuration
public import HTTPTransport
public import MetricModel

/// How the targets of one job are scraped: by its configuration and what that is carried out with.
public struct ScrapePlan: Sendable {
    var configuration: ScrapeConfiguration
    var externalLabels: LabelSet
    var http: any HTTPPerforming
    var offsetSeed: UInt64
    var startFloorMs: Int64
    var failureLog: ScrapeFailureLog?
    var fleet: ScrapeFleet?

    /// An `http` that can schedule does so: a task for each scrape costs more. `offsetSeed` spreads the
    /// targets differently for different agents: a hash of the host's name and the external labels.
    /// `startFloorMs` is the newest time of which samples are stored before this plan: series that began
    /// before are not told anew to begin. `fleet` is one for all jobs of the agent; without one the targets
    /// are spread over the interval as those of a large fleet are.
    public init(
        configuration: ScrapeConfiguration, externalLabels: LabelSet, http: any HTTPPerforming,
        offsetSeed: UInt64, startFloorMs: Int64 = Int64.min, failureLog: ScrapeFailureLog? = nil,
        fleet: ScrapeFleet? = nil
    ) {
        self.configuration = configuration
        self.externalLabels = externalLabels
        self.http = http
        self.offsetSeed = offsetSeed
        self.startFloorMs = startFloorMs
        self.failureLog = failureLog
        self.fleet = fleet
    }
}
