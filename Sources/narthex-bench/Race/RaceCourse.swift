import Platform
import StandIns

/// One run while it goes on: the agent, what stands around it, and what is known of its deliveries.
struct RaceCourse {
    let process: RacedProcess
    let fleet: StandInFleet
    let probe: PageProbe
    var pace: RacePace
    var watch: DeliveryWatch
    /// When the agent was ended, and which exporters were taken from it.
    var ends = DeliveryCheck.Ends(cutoffMs: 0)
    private let clock = SystemClock()

    init(
        _ plan: RacePlan, _ process: RacedProcess, _ fleet: StandInFleet, _ probe: PageProbe,
        _ interruption: RaceInterruption
    ) {
        self.process = process
        self.fleet = fleet
        self.probe = probe
        pace = RacePace(interruption)
        watch = DeliveryWatch(
            intervalMs: Int64(plan.intervalSeconds) * 1_000, instance: StandInFleet.instance)
    }

    /// Learns of the pages that went out since the last time, and returns them.
    @discardableResult
    mutating func lookAtPages() async throws -> [ServedPage] {
        let new = try await fleet.servedPages(from: watch.pages.count, probe)
        watch.note(new)
        return new
    }

    /// Whether samples are missing of any page but those of the last seconds, which may be on their way.
    mutating func isBehind() async throws -> Bool {
        var now = ends
        now.cutoffMs = clock.wallMs - Self.onTheirWayMs
        return try await isBehind(now)
    }

    /// Whether samples are missing of a page that counts.
    mutating func isBehind(_ ends: DeliveryCheck.Ends) async throws -> Bool {
        try await lookAtPages()
        watch.note(try await fleet.arrivals(since: watch.arrivalCursor, probe))
        return watch.isBehind(ends)
    }

    /// Longer than any of the agents keeps samples before it sends them: Prometheus waits up to 5 s by
    /// default.
    private static let onTheirWayMs: Int64 = 6_000
}
