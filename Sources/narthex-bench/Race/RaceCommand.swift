import ArgumentParser
import Platform
import StandIns

/// `narthex-bench race`: agents with the same work, one after the other.
struct RaceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "race",
        abstract: "Gives any agents the same work, one after the other, and compares cost and delivery.",
        discussion: """
            Each agent gets a fleet of exporters and a verifying endpoint of its own, a fresh folder, and one \
            scenario after the other. An agent is --agent NAME=COMMAND, where {config} is its configuration \
            in Prometheus' format, {dir} a folder for its data, {listen} an address for its own pages, and \
            {url} the address of remote write: a command that has {url} gets a configuration without \
            remote_write. The keys that requests are to be signed with are in the configuration and in the \
            environment (AWS_ACCESS_KEY_ID and so on). docs/benchmarks.md explains every figure.
            """)

    @Option(help: "An agent, as NAME=COMMAND; may be given several times.", transform: RaceAgent.parse)
    var agent: [RaceAgent] = []
    @Option(help: "Names of agents that do not sign their requests.") var unsigned: [String] = []
    @Option(help: "This project's agent; by default the narthex beside this program.") var narthex: String?
    @Flag(help: "Leave this project's agent out.") var withoutNarthex = false
    @Option(help: "A prometheus 2.32 to 2.x, run in agent mode without signatures.") var prometheus: String?
    @Option(help: "A vmagent.") var vmagent: String?
    @Option(help: "The agent that ratios are to; by default the first.") var base: String?
    @Option(help: "What happens: steady, churn, outage, restart, kill, far or ramp; may be given several times.")
    var scenario: [RaceScenario] = [.steady]
    @Option(help: "Rounds. Agents take turns within each; figures are medians, counts are sums.") var rounds = 1

    @Option(help: "Targets.") var targets = 200
    @Option(help: "Series of each.") var series = 1_000
    @Option(help: "Scrape interval in seconds.") var intervalSeconds = 10
    @Option(help: "Seconds that are measured.") var seconds = 60
    @Option(help: "Seconds before that.") var warmupSeconds = 25
    @Option(help: "Seconds that samples may still be on their way afterwards.") var settleSeconds = 60
    @Option(help: "The stand-ins' program; by default the narthex-standins beside this one.")
    var standIns: String?

    func validate() throws {
        guard targets > 0, series > 0, intervalSeconds > 0, seconds > 0, warmupSeconds > 0, settleSeconds > 0,
            rounds > 0
        else { throw ValidationError("counts and seconds must be more than zero") }
        guard !agents.isEmpty else { throw ValidationError("a race needs an agent") }
    }

    private var agents: [RaceAgent] {
        var all: [RaceAgent] = []
        if !withoutNarthex { all.append(.narthex(narthex ?? AgentSession.beside("narthex"))) }
        if let vmagent { all.append(.vmagent(vmagent)) }
        if let prometheus { all.append(.prometheus(prometheus)) }
        for var one in agent {
            if unsigned.contains(one.name) { one.isSigned = false }
            all.append(one)
        }
        return all
    }

    func run() async throws {
        var plan = RacePlan()
        plan.targets = targets
        plan.series = series
        plan.intervalSeconds = intervalSeconds
        plan.seconds = seconds
        plan.warmupSeconds = warmupSeconds
        plan.settleSeconds = settleSeconds
        plan.standInsPath = standIns ?? AgentSession.beside("narthex-standins")
        var results: [RaceResult] = []
        for round in 1...rounds {
            for scenario in scenario {
                for agent in agents {
                    results.append(
                        try await RaceRun(plan: plan, agent: agent, scenario: scenario, round: round).measure())
                }
            }
        }
        let joined = scenario.flatMap { scenario in
            agents.compactMap { agent in
                RaceResult.joined(
                    results.filter { $0.agent == agent.name && $0.scenario == scenario.rawValue })
            }
        }
        print(RaceTable.text(joined, base: base), terminator: "")
    }
}
