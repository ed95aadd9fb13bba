import ArgumentParser
import StandIns

/// `narthex-bench big`: one target with a million series, every one different.
struct BigCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "big", abstract: "Measures what one huge body takes in memory.",
        discussion: """
            The agent scrapes one exporter. Its greatest resident memory is taken over the first scrape, \
            which learns every series, and over later ones, which find them as they were.
            """)

    @Option(help: "Series of the exporter.") var series = 1_000_000
    @Option(help: "Scrape interval in seconds.") var intervalSeconds = 8
    @Option(help: "Later scrapes that are measured.") var scrapes = 2
    @Option(help: "Memory in bytes a series above body and idle agent, at the first scrape.")
    var firstBudget = 150.0
    @Option(help: "Memory in bytes a series above body and idle agent, at later ones.")
    var laterBudget = 150.0
    @Option(help: "Memory in bytes a series above the idle agent, between scrapes.") var keptBudget = 150.0
    @Option(help: "The agent's program; by default the narthex beside this one.") var agent: String?
    @Option(help: "The stand-ins' program; by default the narthex-standins beside this one.")
    var standIns: String?

    func validate() throws {
        guard series > 0, intervalSeconds > 0, scrapes > 0 else {
            throw ValidationError("--series, --interval-seconds and --scrapes must be more than zero")
        }
    }

    func run() async throws {
        let folder = try TemporaryFolder(name: "narthex-bench")
        defer { folder.remove() }
        try await AgentSession.report(
            AgentSession.Plan(
                folder: folder.path, agentPath: agent ?? AgentSession.beside("narthex"),
                standInsPath: standIns ?? AgentSession.beside("narthex-standins"), targets: 1, series: series,
                intervalSeconds: intervalSeconds),
            measure: measure)
    }

    private func measure(_ session: AgentSession) async throws -> BudgetReport {
        let body = Double(try await session.probe.page(url(session)).utf8.count)
        guard let idle = session.agent.residentBytes()?.all, session.agent.takePeakBytes() != nil else {
            throw session.failure("the agent has ended")
        }
        try session.fleet.giveTargets()
        var delivered = try await session.untilDelivered(
            Double(series), withinSeconds: 2 * intervalSeconds + 30)
        guard let first = session.agent.takePeakBytes() else { throw session.failure("the agent has ended") }
        for _ in 0..<scrapes {
            delivered = try await session.untilDelivered(
                delivered + Double(series), withinSeconds: 2 * intervalSeconds + 30)
        }
        guard let later = session.agent.takePeakBytes(), let kept = session.agent.residentBytes()?.all,
            let cpu = session.agent.cpuSeconds()
        else { throw session.failure("the agent has ended") }
        func share(_ bytes: Int, withBody: Bool) -> Double {
            (Double(bytes - idle) - (withBody ? body : 0)) / Double(series)
        }
        var report = BudgetReport()
        report.note("body, MB", body / 1e6)
        report.note("idle agent, MB", Double(idle) / 1e6)
        report.note("greatest at the first scrape, MB", Double(first) / 1e6)
        report.note("greatest at later scrapes, MB", Double(later) / 1e6)
        report.check(
            "first scrape, bytes a series above body and idle", share(first, withBody: true),
            atMost: firstBudget)
        report.check(
            "later scrapes, bytes a series above body and idle", share(later, withBody: true),
            atMost: laterBudget)
        report.check(
            "between scrapes, bytes a series above idle", share(kept, withBody: false), atMost: keptBudget)
        report.note("CPU of all, µs a sample", cpu * 1e6 / delivered)
        report.check(
            "samples dropped", try await session.sum(of: "narthex_ledger_dropped_samples_total"), atMost: 0)
        return report
    }

    private func url(_ session: AgentSession) throws -> String {
        guard let exporter = session.fleet.places.exporters.first else {
            throw BenchError("there is no exporter")
        }
        return "http://\(exporter.address)\(exporter.path)"
    }
}
