import Agent
import ArgumentParser
import Logging
import Platform
import Telemetry

/// `narthex doctor`: what an agent with this configuration would lack.
struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Looks at all that the agent needs, and says what is wrong and what to do.",
        usage: "narthex doctor [FLAGS OF narthex run] [--targets=N] [--timeout=DURATION] [--json]",
        discussion: """
            Credentials, clock, region, destinations, permissions, storage, limits and targets. To be run \
            where the agent runs, with its environment and user, and with all of its flags, which are read \
            as narthex run reads them; an agent that runs there already is not disturbed. \
            Exit status: 0 when all is well, 1 when something is wrong, 2 when the configuration cannot be \
            used, 64 for a wrong command line, 74 when standard output cannot be written.
            """)

    @OptionGroup(title: "Flags of narthex run")
    var agent: Run

    @Option(help: "Targets of each job that are scraped; the first, the last and some between.")
    var targets = 5

    @Option(help: "How long all of it may take, 1s to 10m; each part of it may take a share of that.")
    var timeout = FlagDuration(ms: 30_000)

    @Flag(help: "Print JSON: an object with a line for each thing that was looked at.")
    var json = false

    /// A command line with the flags of the agent as `narthex run` reads them, and those of this command.
    static func words(_ arguments: [String]) -> (own: [String], agent: [String]) {
        var own: [String] = []
        var agent: [String] = []
        var rest = arguments[...]
        while let word = rest.popFirst() {
            switch word {
            case "--json": own.append(word)
            case "--targets", "--timeout":
                // In one word, so that a value with a dash is told as what it is.
                own.append(rest.popFirst().map { "\(word)=\($0)" } ?? word)
            case _ where word.hasPrefix("--targets=") || word.hasPrefix("--timeout="): own.append(word)
            default: agent.append(word)
            }
        }
        return (own, agent)
    }

    func validate() throws {
        var faults: [String] = []
        if !(1_000...600_000).contains(timeout.ms) { faults.append("--timeout must be between 1s and 10m") }
        if !(0...1_000).contains(targets) { faults.append("--targets must be between 0 and 1000") }
        guard faults.isEmpty else { throw ValidationError(faults.joined(separator: "\n")) }
    }

    mutating func run() async throws { try await run(saying: []) }

    /// Looks. `remarks` are about the command line and are told as well.
    func run(saying remarks: [FlagReading.Remark]) async throws {
        LogOutput.bootstrap(level: .critical, format: .logfmt)
        let environment = ProcessEnvironment.current
        let choice = agent.place(environment)
        let (agentOptions, warnings) = agent.options(choice, environment)
        var options = DoctorOptions(agent: agentOptions)
        options.placeFault = choice.fault
        options.remarks = remarks.map(\.text) + choice.warnings + warnings
        options.timeoutMs = timeout.ms
        options.targetsPerJob = targets
        let report = await Doctor(options).run()
        do throws(AgentError) {
            try StandardOutput.write(json ? report.json : report.text)
        } catch {
            var standardError = StandardError()
            print(error.message, to: &standardError)
            throw ExitCode(error.code.rawValue)
        }
        if let failure = report.failure { throw ExitCode(failure.rawValue) }
    }
}
