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
        discussion: """
            Credentials, clock, region, destinations, permissions, storage, limits and targets. To be run \
            where the agent runs, with its flags, environment and user; an agent that runs there already is \
            not disturbed. Exit status: 0 when all is well, 1 when something is wrong, 2 when the \
            configuration cannot be used, 64 for a wrong command line.
            """)

    @Option(name: .customLong("config.file"), help: "As narthex run takes it. (default: prometheus.yml)")
    var configFile: String?

    @Option(name: .customLong("remote-write.url"), help: "As narthex run takes it.")
    var remoteWriteURL: String?

    @Flag(name: .customLong("config.expand-env"), help: "As narthex run takes it.")
    var expandsEnvironment = false

    @Option(name: .customLong("storage.agent.path"), help: "As narthex run takes it.")
    var storagePath = "data-agent/"

    @Option(name: .customLong("storage.agent.retention.max-size"), help: "As narthex run takes it.")
    var retentionMaxSize = FlagSize(bytes: 1 << 30)

    @Option(name: .customLong("enable-feature"), help: "As narthex run takes it.")
    var features: [String] = []

    @Option(help: "Targets of each job that are scraped; the first, the last and some between.")
    var targets = 5

    @Option(help: "How long all of it may take, 1s to 10m.")
    var timeout = FlagDuration(ms: 30_000)

    @Flag(help: "Print JSON: an object with a line for each thing that was looked at.")
    var json = false

    func validate() throws {
        var faults = FlagGrammar.refusedFeatures(features)
        if configFile != nil, remoteWriteURL != nil {
            faults.append("--config.file and --remote-write.url exclude each other")
        }
        if !(1_000...600_000).contains(timeout.ms) { faults.append("--timeout must be between 1s and 10m") }
        if !(0...1_000).contains(targets) { faults.append("--targets must be between 0 and 1000") }
        guard faults.isEmpty else { throw ValidationError(faults.joined(separator: "\n")) }
    }

    mutating func run() async throws {
        LogOutput.bootstrap(level: .critical, format: .logfmt)
        let environment = ProcessEnvironment.current
        let choice = ConfigurationPlace.choice(
            configFile: configFile, remoteWriteURL: remoteWriteURL, environment: environment)
        var agent = AgentOptions(configFile: ConfigurationPlace.defaultFile(environment))
        switch choice.place {
        case .file(let file): agent.configFile = file
        case .remoteWriteURL(let url): agent.remoteWriteURL = url
        case .nowhere: break
        }
        agent.expandsEnvironment = expandsEnvironment
        agent.storagePath = storagePath
        agent.retentionMaxBytes = UInt64(retentionMaxSize.bytes)
        agent.enabledFeatures = features
        agent.environment = environment
        var options = DoctorOptions(agent: agent)
        options.placeFault = choice.fault
        options.timeoutMs = timeout.ms
        options.targetsPerJob = targets
        let report = await Doctor(options).run()
        StandardStreams.writeOutput(json ? report.json : report.text)
        if let failure = report.failure { throw ExitCode(failure.rawValue) }
    }
}
