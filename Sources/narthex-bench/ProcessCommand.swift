import ArgumentParser
import Platform
import StandIns

#if canImport(Glibc)
import Glibc
#endif

/// `narthex-bench process`: the whole agent, a process of its own, under load from stand-ins in another.
struct ProcessCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "process",
        abstract:
            "Runs the agent against a fleet of exporters and an AMP stand-in that checks every signature.")

    @Option(help: "Exporters in the fleet.") var targets = 200
    @Option(help: "Series of each exporter.") var series = 1_000
    @Option(help: "Scrape interval in seconds.") var intervalSeconds = 10
    @Option(help: "How long to measure, in seconds; at least three intervals.") var measureSeconds = 60
    @Option(help: "CPU budget in microseconds a sample, user and system.") var cpuBudget = 0.4
    /// In strtods of the same run, which a slow machine slows down as well. A strtod took 37 ns where the
    /// budget of 0.4 µs was set: 10.8 of them.
    @Option(help: "CPU budget a sample, in the time that strtod takes for one number.")
    var yardstickBudget = 10.8
    /// Measured are 7 to 15.4, with strtods of 43 to 108 ns. A strtod does not slow down as programs do:
    /// Prometheus 2.42, which never changes, took 64 to 67 strtods on one machine, 76 and 103 on another. The
    /// peer's bound is the stricter one: 13.5 to 65 strtods would be 0.206. So with a peer it alone decides.
    @Option(help: "CPU a sample, in strtods, above which a run without a peer fails.")
    var yardstickBound = 13.5
    /// Measured are 5, loaded machine or not; 6.5 before targets shared phases, 13.6 when each scrape was a
    /// task.
    @Option(help: "Prometheus' program, 2.32 to 2.x, to do the same work beside the agent.")
    var peer: String?
    /// 0.4 µs to the 2.9 that Prometheus' agent took at most where the budget was set.
    @Option(help: "CPU budget a sample, as a share of the peer's.") var peerBudget = 0.138
    /// 0.4 µs to the 2.5 that it took at least.
    @Option(help: "CPU a sample, as a share of the peer's, above which the run fails.") var peerBound = 0.16
    @Option(help: "How often threads may go to sleep for a scrape, its share of requests included.")
    var sleepBudget = 6.5
    @Option(help: "Memory budget in bytes a series above the idle agent.") var seriesBudget = 150.0
    @Option(help: "Memory budget of the idle agent in MiB.") var idleBudget = 12.0
    @Option(help: "The agent's program; by default the narthex beside this one.") var agent: String?
    @Option(help: "The stand-ins' program; by default the narthex-standins beside this one.") var standIns:
        String?

    func validate() throws {
        guard measureSeconds >= 3 * intervalSeconds else {
            throw ValidationError("--measure-seconds must be at least three times --interval-seconds")
        }
        guard targets > 0, series > 0, intervalSeconds > 0 else {
            throw ValidationError("--targets, --series and --interval-seconds must be more than zero")
        }
    }

    func run() async throws {
        let folder = try TemporaryFolder(name: "narthex-bench")
        defer { folder.remove() }
        let run = AgentUnderLoad(
            plan: AgentSession.Plan(
                folder: folder.path, agentPath: agent ?? AgentSession.beside("narthex"),
                standInsPath: standIns ?? AgentSession.beside("narthex-standins"), targets: targets,
                series: series, intervalSeconds: intervalSeconds), peerPath: peer)
        let figures = try await run.measure(seconds: measureSeconds)
        var report = BudgetReport()
        report.compare("CPU a sample, µs", figures.cpuMicrosecondsPerSample, budget: cpuBudget)
        report.note("yardstick: strtod, ns", figures.strtodNs)
        let yardsticks = figures.cpuMicrosecondsPerSample * 1_000 / figures.strtodNs
        if peer == nil {
            report.check(
                "CPU a sample in yardsticks", yardsticks, budget: yardstickBudget, bound: yardstickBound)
        } else {
            report.compare("CPU a sample in yardsticks", yardsticks, budget: yardstickBudget)
            report.note("CPU a sample of the peer, µs", figures.peerMicrosecondsPerSample)
            report.check(
                "CPU a sample to the peer's",
                figures.cpuMicrosecondsPerSample / figures.peerMicrosecondsPerSample, budget: peerBudget,
                bound: peerBound)
            report.note("memory of the peer, MiB", figures.peerMiB)
            report.note("memory of the agent, MiB", figures.loadedMiB)
        }
        report.check("sleeps of its threads a scrape", figures.sleepsPerScrape, atMost: sleepBudget)
        report.check("memory a series above idle, bytes", figures.bytesPerSeries, atMost: seriesBudget)
        report.check("memory of the idle agent, MiB", figures.idleMiB, atMost: idleBudget)
        report.note("samples delivered a second", figures.samplesPerSecond)
        report.note("share of the expected samples, %", figures.deliveredShare * 100)
        report.note("buffer on disk a sample, bytes", figures.bufferBytesPerSample)
        report.note("request a sample, bytes", figures.requestBytesPerSample)
        report.check("samples missing at the endpoint", figures.missingSamples, atMost: 0)
        report.check("requests refused for their signature", figures.badSignatures, atMost: 0)
        figures.density?.add(to: &report, [:])
        print(report.text, terminator: "")
        if report.isExceeded { throw ExitCode(1) }
    }
}
