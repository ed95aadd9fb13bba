import ArgumentParser
import JSON
import Platform
import StandIns

#if canImport(Glibc)
import Glibc
#endif

/// `narthex-bench race`: agents with the same work, one after the other.
struct RaceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "race",
        abstract: "Gives any agents the same work, one after the other, and compares cost and delivery.",
        discussion: """
            Each agent gets a fleet of exporters and a verifying endpoint of its own, a fresh folder, and \
            one scenario after the other. An agent is --agent NAME=COMMAND, where {config} is its \
            configuration in Prometheus' format, {dir} a folder for its data, {listen} an address for its \
            own pages, and {url} the address of remote write: a command that has {url} gets a \
            configuration without remote_write. The keys that requests are to be signed with are in the \
            configuration and in the environment (AWS_ACCESS_KEY_ID and so on). docs/benchmarks.md \
            explains every figure.
            """)

    @Option(help: "An agent, as NAME=COMMAND; may be given several times.", transform: RaceAgent.parse)
    var agent: [RaceAgent] = []
    @Option(help: "Names of agents that do not sign their requests.") var unsigned: [String] = []
    @Option(help: "This project's agent; by default the narthex beside this program.") var narthex: String?
    @Flag(help: "Leave this project's agent out.") var withoutNarthex = false
    @Option(help: "A prometheus 2.32 to 2.x, run in agent mode without signatures.") var prometheus: String?
    @Option(help: "A vmagent.") var vmagent: String?
    @Option(help: "The agent that ratios are to; by default the first.") var base: String?
    @Option(
        help: "What happens: steady, churn, outage, restart, kill, far, overload or ramp; repeatable.")
    var scenario: [RaceScenario] = [.steady]
    @Option(help: "Rounds. Agents take turns within each; figures are medians, counts are sums.") var rounds =
        1

    @OptionGroup(title: "Load") var load: RaceLoadOptions
    @OptionGroup(title: "Receiver") var receiver: RaceReceiverOptions
    @Option(help: "Seconds that are measured.") var seconds = 60
    @Option(help: "Seconds before that.") var warmupSeconds = 25
    @Option(help: "Seconds that samples may still be on their way afterwards.") var settleSeconds = 60
    @Option(help: "Targets at which the scenario ramp stops at the latest.") var rampTargets = 10_000
    @Option(help: "Processors that each agent may use, by a cgroup; needs root.") var cpus: Double?
    @Option(help: "Memory that each agent may use, by a cgroup; needs root.") var memoryMib: Int?
    @Flag(help: "Measure memcpy, libdeflate, libsnappy and a bare libcurl loop on the same bytes, too.")
    var yardsticks = false
    @Option(help: "Where all figures of all runs are written, as JSON.") var json: String?
    @Option(help: "A folder for plots, as SVG.") var plots: String?
    @Option(help: "The stand-ins' program; by default the narthex-standins beside this one.")
    var standIns: String?

    func validate() throws {
        guard seconds > 2, warmupSeconds > 0, settleSeconds > 0, rounds > 0, rampTargets > 0 else {
            throw ValidationError("counts must be more than zero, and --seconds more than two")
        }
        guard cpus.map({ $0 >= 0.01 && $0 <= 1_024 }) ?? true,
            memoryMib.map({ (16...(1 << 24)).contains($0) }) ?? true
        else { throw ValidationError("--cpus is 0.01 or more, --memory-mib 16 or more") }
        let endsAgents = scenario.contains(.kill) || scenario.contains(.restart)
        guard !endsAgents || receiver.killOutageSeconds < seconds / 3 else {
            throw ValidationError("--kill-outage-seconds must be less than a third of --seconds")
        }
        guard !agents.isEmpty else { throw ValidationError("a race needs an agent") }
        guard Set(agents.map(\.name)).count == agents.count else {
            throw ValidationError("two agents have one name")
        }
        for name in unsigned + (base.map { [$0] } ?? []) where !agents.contains(where: { $0.name == name }) {
            throw ValidationError("there is no agent '\(name)'")
        }
        guard !scenario.contains(.churn) || load.churn > 0 else {
            throw ValidationError("the scenario churn takes --churn")
        }
    }

    private var agents: [RaceAgent] {
        var all: [RaceAgent] = []
        if !withoutNarthex {
            all.append(.narthex(narthex ?? AgentSession.beside("narthex"), load.format))
        }
        if let vmagent { all.append(.vmagent(vmagent)) }
        if let prometheus { all.append(.prometheus(prometheus, load.format)) }
        for var one in agent {
            if unsigned.contains(one.name) { one.isSigned = false }
            all.append(one)
        }
        return all
    }

    func run() async throws {
        let plan = plan
        let interruption = RaceInterruption.watch()
        // Limits that this machine does not allow would be the fault of every run.
        try AgentBox(plan.limits, name: "narthex-race-\(getpid())").remove()
        try lookForPrograms(plan)
        try makePlaces()
        let setting = RaceSetting(agents)
        var results: [RaceResult] = []
        for round in 1...rounds {
            for scenario in scenario {
                for agent in agents where !interruption.hasCome {
                    let result = await run(plan, scenario, agent, round, interruption)
                    for words in [result.fault, result.warning.map { "WARNING: \($0)" }] {
                        guard let words else { continue }
                        StandardStreams.writeError("\(agent.name), \(scenario.rawValue): \(words)\n")
                    }
                    results.append(result)
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
        var isWhole = !results.contains { $0.fault != nil }
        var measured: RaceYardsticks?
        // A failure of one of these must not cost the others, nor what was measured.
        if yardsticks, !interruption.hasCome {
            await attempt("the yardsticks", &isWhole) {
                let found = try await RaceYardsticks.measure(plan, interruption)
                print("\n" + found.text(joined), terminator: "")
                measured = found
            }
        }
        if let json {
            await attempt("the JSON", &isWhole) {
                try StandInFleet.write(json, report(plan, setting, results, measured))
            }
        }
        if let plots {
            await attempt("the plots", &isWhole) {
                for plot in RacePlots.all(joined, plan) {
                    try StandInFleet.write("\(plots)/\(plot.name)", plot.svg)
                }
            }
        }
        if interruption.hasCome { throw ExitCode(RaceInterruption.status) }
        if !isWhole { throw ExitCode(1) }
    }

    /// A program that is not there would cost all runs before its turn comes.
    private func lookForPrograms(_ plan: RacePlan) throws {
        // Safety: the environment is not changed, and the name is a literal.
        let path = unsafe getenv("PATH").map { unsafe String(cString: $0) } ?? "/bin:/usr/bin"
        let programs = agents.map { ($0.name, $0.command.words[0]) } + [("stand-ins", plan.standInsPath)]
        for (name, program) in programs {
            if let fault = ProgramPlace.fault(program, path: path) {
                throw BenchError("the program of \(name) cannot be started: \(fault)")
            }
        }
    }

    /// Makes the folder of the plots and opens the file of the figures, so that a place where nothing can be
    /// written is found before anything is measured.
    private func makePlaces() throws {
        if let json { try StandInFleet.write(json, "", appends: true) }
        guard let plots else { return }
        try POSIXFiles().makeDirectory(plots, mode: 0o755)
        // Safety: access reads the null-terminated path it is given.
        guard unsafe access(plots, W_OK | X_OK) == 0 else {
            throw BenchError("cannot write into \(plots): errno \(errno)")
        }
    }

    /// Does one part of the report. Says on standard error why it failed, and notes that it did.
    private func attempt(
        _ part: String, _ isWhole: inout Bool, _ work: () async throws -> Void
    ) async {
        do {
            try await work()
        } catch {
            isWhole = false
            StandardStreams.writeError("\(part): \(error)\n")
        }
    }

    private func run(
        _ plan: RacePlan, _ scenario: RaceScenario, _ agent: RaceAgent, _ round: Int,
        _ interruption: RaceInterruption
    ) async -> RaceResult {
        if scenario == .ramp {
            return await RaceRamp(plan: plan, agent: agent, round: round, interruption: interruption)
                .measure()
        }
        let run = RaceRun(
            plan: plan, agent: agent, scenario: scenario, round: round, interruption: interruption)
        return await run.measure()
    }

    private var plan: RacePlan {
        var plan = RacePlan()
        plan.targets = load.targets
        plan.series = load.series
        plan.intervalSeconds = load.intervalSeconds
        plan.fleet = load.flags
        plan.isPlainText = load.format == .text && !load.gzip
        plan.churn = load.churnFlags
        plan.failingShare = load.failingShare
        plan.answerMs = receiver.answerMs
        plan.samplesPerSecond = receiver.throttle
        plan.killOutageSeconds = receiver.killOutageSeconds
        plan.outageSeconds = receiver.outageSeconds
        plan.overloadTimes = load.overloadTimes
        plan.seconds = seconds
        plan.warmupSeconds = warmupSeconds
        plan.settleSeconds = settleSeconds
        plan.rampTargets = rampTargets
        plan.limits = AgentBox.Limits(cpus: cpus, memoryMiB: memoryMib)
        plan.standInsPath = standIns ?? AgentSession.beside("narthex-standins")
        return plan
    }

    private func report(
        _ plan: RacePlan, _ setting: RaceSetting, _ results: [RaceResult], _ yardsticks: RaceYardsticks?
    ) -> String {
        JSONValue.object([
            "setting": setting.json,
            "rounds": .integer(rounds),
            "scenarios": .strings(scenario.map(\.rawValue)),
            "plan": plan.json,
            "agents": .array(
                agents.map { agent in
                    .object([
                        "name": .string(agent.name), "command": .strings(agent.command.words),
                        "version": setting.versions[agent.name].map(JSONValue.string),
                    ])
                }),
            "results": .array(results.map(\.json)),
            "yardsticks": yardsticks?.json,
        ]).text(.lines(depth: 3)) + "\n"
    }
}
