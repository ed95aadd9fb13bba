import ArgumentParser
import Platform
import StandIns

/// `narthex-bench many`: thousands of targets on one processor.
struct ManyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "many", abstract: "Measures whether every one of many targets is scraped in time.",
        discussion: """
            The agent is kept to one processor, with 1,024 open files at its start, as many systems have it. \
            The exporters, each at an address of its own, note when they were scraped.
            """)

    @Option(help: "Targets.") var targets = 2_000
    @Option(help: "Series of each.") var series = 200
    @Option(help: "Scrape interval in seconds.") var intervalSeconds = 15
    @Option(help: "How long to measure, in seconds, once every target was scraped.") var measureSeconds = 60
    @Option(help: "Share of a processor that the agent may take, in %.") var cpuBudget = 50.0
    @Option(help: "The longest between two scrapes of a target, in intervals.") var gapBudget = 1.25
    /// Targets share phases, a sixtieth of 15 s: a twentieth holds three, or four where its edges cut two.
    @Option(help: "The greatest number of targets due in a twentieth of the interval, in even shares.")
    var phaseBudget = 2.0
    @Option(help: "The agent's program; by default the narthex beside this one.") var agent: String?
    @Option(help: "The stand-ins' program; by default the narthex-standins beside this one.")
    var standIns: String?

    private static let phases = 20

    func validate() throws {
        guard targets > 0, series > 0, intervalSeconds > 0, measureSeconds >= 2 * intervalSeconds else {
            throw ValidationError(
                "counts must be more than zero and --measure-seconds at least two intervals")
        }
    }

    func run() async throws {
        let folder = try TemporaryFolder(name: "narthex-bench")
        defer { folder.remove() }
        try await AgentSession.report(
            AgentSession.Plan(
                folder: folder.path, agentPath: agent ?? AgentSession.beside("narthex"),
                standInsPath: standIns ?? AgentSession.beside("narthex-standins"), targets: targets,
                series: series, intervalSeconds: intervalSeconds, fleet: ["--addressing", "addresses"],
                prefix: ["prlimit", "--nofile=1024:", "taskset", "-c", "0"]),
            measure: measure)
    }

    private func measure(_ session: AgentSession) async throws -> BudgetReport {
        try session.fleet.giveTargets()
        // Within the first interval each has its first scrape.
        var waited = 0
        while try await session.fleet.scrapeTimes(session.probe).contains(where: { $0.count == 0 }) {
            guard waited < 2 * intervalSeconds else {
                throw session.failure("not every target was scraped within two intervals")
            }
            waited += 1
            try await session.clock.sleep(forMs: 1_000)
        }
        guard let cpuBefore = session.agent.cpuSeconds(), let resident = session.agent.residentBytes() else {
            throw session.failure("the agent has ended")
        }
        let startNs = session.clock.monotonicNs
        try await session.clock.sleep(forMs: Int64(measureSeconds) * 1_000)
        let times = try await session.fleet.scrapeTimes(session.probe)
        let endNs = session.clock.monotonicNs
        guard let cpuAfter = session.agent.cpuSeconds() else { throw session.failure("the agent has ended") }

        let intervalNs = UInt64(intervalSeconds) * 1_000_000_000
        var report = BudgetReport()
        report.note("targets", Double(times.count))
        report.note("scrapes", Double(times.reduce(0) { $0 + $1.count }))
        report.check(
            "CPU, % of one processor", (cpuAfter - cpuBefore) * 1e11 / Double(endNs - startNs),
            atMost: cpuBudget)
        report.check(
            "targets that missed a scrape", Double(times.count { hasMissed($0, endNs, intervalNs) }),
            atMost: 0)
        let greatestNs = times.map { max($0.greatestGapNs, endNs - min(endNs, $0.lastNs)) }.max() ?? 0
        report.check(
            "longest between two scrapes, intervals", Double(greatestNs) / Double(intervalNs),
            atMost: gapBudget)
        let counts = Self.counts(times, intervalNs)
        let even = Double(times.count) / Double(Self.phases)
        report.check(
            "targets in the fullest twentieth, even shares", Double(counts.max() ?? 0) / even,
            atMost: phaseBudget)
        report.note("targets in the emptiest twentieth, even shares", Double(counts.min() ?? 0) / even)
        report.note(
            "chi squared of the phases, 19 degrees",
            counts.reduce(0) { $0 + (Double($1) - even) * (Double($1) - even) / even })
        report.note("memory, MB", Double(session.agent.residentBytes()?.all ?? resident.all) / 1e6)
        report.check(
            "scrapes that failed", try await session.sum(of: "narthex_scrape_failures_total"), atMost: 0)
        return report
    }

    /// Whether there are fewer scrapes than intervals since the first.
    private func hasMissed(_ times: ScrapeTimes, _ endNs: UInt64, _ intervalNs: UInt64) -> Bool {
        // A scrape at the very end may still be on its way.
        let slackNs = intervalNs / 4
        return times.count < (endNs - min(endNs, times.firstNs + slackNs)) / intervalNs + 1
    }

    /// Targets by the twentieth of the interval in which they are due.
    static func counts(_ times: [ScrapeTimes], _ intervalNs: UInt64) -> [Int] {
        var counts = Array(repeating: 0, count: phases)
        for one in times { counts[Int(one.lastNs % intervalNs * UInt64(phases) / intervalNs)] += 1 }
        return counts
    }
}
