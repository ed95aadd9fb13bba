public import Agent
public import ArgumentParser
import Logging
import Platform
import Telemetry

/// `narthex discover`: what discovery finds, for people, programs, or another Prometheus.
struct Discover: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract:
            "Shows what discovery finds, and why the rest is left out; or keeps a file_sd file current.",
        discussion: """
            With --config.file the jobs of a configuration file; without, ECS by the flags of \
            prometheus-ecs-discovery, which may be written with one dash, as that program has them. Nothing \
            is scraped or sent. Exit status: 0 when everything could be asked, 1 when not, 2 for a wrong \
            configuration.
            """)

    @Option(
        name: .customLong("config.file"),
        help:
            "Configuration file, or another place as narthex run takes it, whose jobs are looked at."
    )
    var configFile: String?

    @Flag(name: .customLong("config.expand-env"), help: "As narthex run takes it.")
    var expandsEnvironment = false

    @Option(help: "Only the job of this name.")
    var job: String?

    @Option(help: "One of table, json, file_sd. (default: table)")
    var format: DiscoverOptions.Format?

    @Flag(help: "Also show what does not ask to be scraped.")
    var all = false

    @Option(
        name: [.customLong("write-to"), .customLong("config.write-to")],
        help: "File to keep current, atomically; YAML, or JSON when it ends in .json.")
    var writeTo: String?

    @Option(
        name: .customLong("config.scrape-interval"),
        help: "How often AWS is asked for a file to be written. (default: 60s)")
    var interval: GoFlagDuration?

    @Option(
        name: .customLong("config.scrape-times"),
        help: "After how many looks to end; 0 goes on until stopped. (default: 0)")
    var times: Int?

    @Option(
        name: .customLong("config.cluster"),
        help: "Cluster, by name or ARN; * is all. (default: as narthex run without a file)")
    var cluster: String?

    @Option(name: .customLong("config.region"), help: "AWS region; found as the agent finds it.")
    var region: String?

    @Option(name: .customLong("config.role-arn"), help: "Role to assume.")
    var roleARN: String?

    @Option(
        name: .customLong("config.port-label"),
        help: "Docker label with the port. (default: PROMETHEUS_EXPORTER_PORT)")
    var portLabel: String?

    @Option(
        name: .customLong("config.path-label"),
        help: "Docker label with the path. (default: PROMETHEUS_EXPORTER_PATH)")
    var pathLabel: String?

    @Option(
        name: .customLong("config.scheme-label"),
        help: "Docker label with the scheme. (default: PROMETHEUS_EXPORTER_SCHEME)")
    var schemeLabel: String?

    @Option(
        name: .customLong("config.job-name-label"),
        help: "Docker label with the job's name. (default: PROMETHEUS_EXPORTER_JOB_NAME)")
    var jobNameLabel: String?

    @Option(
        name: .customLong("config.server-name-label"),
        help: "Docker label with the host to scrape. (default: PROMETHEUS_EXPORTER_SERVER_NAME)")
    var serverNameLabel: String?

    @Option(
        name: .customLong("config.filter-label"), help: "Docker label, NAME or NAME=VALUE, that is required.")
    var filterLabel: String?

    @Flag(
        name: .customLong("config.dynamic-port-detection"),
        help: "Only containers with PROMETHEUS_DYNAMIC_EXPORT=1, at their only port.")
    var dynamicPortDetection = false

    /// What stood behind the switch and is neither true nor false.
    @Option(name: .customLong(Discover.wrongSwitch), help: .hidden)
    var dynamicPortDetectionValue: String?

    @Option(name: .customLong("log.level"), help: "One of debug, info, warn, error.")
    var logLevel = LogLevel.info

    @Option(name: .customLong("log.format"), help: "One of logfmt, json.")
    var logFormat = LogFormat.logfmt

    func validate() throws {
        if let value = dynamicPortDetectionValue {
            throw ValidationError(
                "--config.dynamic-port-detection is true or false, as Go reads them, not \"\(value)\"")
        }
        guard times ?? 0 >= 0 else { throw ValidationError("--config.scrape-times must not be negative") }
        guard interval?.ms ?? 60_000 >= 1_000 else {
            throw ValidationError(
                "--config.scrape-interval must be at least 1s: the ECS API limits its callers")
        }
        if let format, format != .fileSD, writeTo != nil {
            throw ValidationError(
                "--format=\(format.rawValue) is for standard output; --write-to writes target groups, as JSON"
                    + " when the file's name ends in .json")
        }
        if job != nil, configFile == nil { throw ValidationError("--job needs --config.file") }
        if expandsEnvironment, configFile == nil {
            throw ValidationError("--config.expand-env needs --config.file")
        }
        if writeTo?.isEmpty == true { throw ValidationError("--config.write-to is empty; name a file") }
        let names = flagsOfECS
        if configFile != nil, !names.isEmpty {
            throw ValidationError(
                "\(names.joined(separator: ", ")) would have no effect beside --config.file, whose"
                    + " ecs_sd_configs say what is asked: leave out \(names.count == 1 ? "it" : "them"), or"
                    + " --config.file")
        }
    }

    /// Those that are given of the flags that describe an ECS discovery.
    private var flagsOfECS: [String] {
        let all: [(name: String, isGiven: Bool)] = [
            ("cluster", cluster?.isEmpty == false), ("region", region?.isEmpty == false),
            ("role-arn", roleARN?.isEmpty == false), ("port-label", portLabel != nil),
            ("path-label", pathLabel != nil), ("scheme-label", schemeLabel != nil),
            ("job-name-label", jobNameLabel != nil), ("server-name-label", serverNameLabel != nil),
            ("filter-label", filterLabel?.isEmpty == false),
            ("dynamic-port-detection", dynamicPortDetection),
        ]
        return all.filter(\.isGiven).map { "--config.\($0.name)" }
    }

    mutating func run() async throws {
        let stop = Event()
        Signals.handle { signal in
            if signal != .hangUp { stop.signal() }
        }
        LogOutput.bootstrap(level: logLevel.level, format: logFormat)
        let discoverer = Discoverer(options) { text throws(AgentError) in try StandardOutput.write(text) }
        let isComplete: Bool
        do throws(AgentError) {
            isComplete = try await discoverer.run(until: stop)
        } catch {
            var standardError = StandardError()
            print(error.message, to: &standardError)
            throw ExitCode(error.code.rawValue)
        }
        if !isComplete { throw ExitCode.failure }
    }

    /// Whoever says how often to look means a file, for which prometheus-ecs-discovery has a name.
    private var file: String? {
        writeTo ?? (format == nil && (interval != nil || times != nil) ? "ecs_file_sd.yml" : nil)
    }

    private var options: DiscoverOptions {
        var flags = DiscoverOptions.ECSFlags()
        flags.cluster = cluster.flatMap { $0.isEmpty ? nil : $0 }
        flags.region = region.flatMap { $0.isEmpty ? nil : $0 }
        flags.roleARN = roleARN.flatMap { $0.isEmpty ? nil : $0 }
        flags.portLabel = portLabel ?? flags.portLabel
        flags.pathLabel = pathLabel ?? flags.pathLabel
        flags.schemeLabel = schemeLabel ?? flags.schemeLabel
        flags.jobNameLabel = jobNameLabel ?? flags.jobNameLabel
        flags.serverNameLabel = serverNameLabel ?? flags.serverNameLabel
        flags.filterLabel = filterLabel.flatMap { $0.isEmpty ? nil : $0 }
        flags.dynamicPortDetection = dynamicPortDetection
        var options = DiscoverOptions(
            source: configFile.map { .file($0, job: job) } ?? .flags(flags))
        options.format = format ?? .table
        options.writeTo = file
        options.intervalMs = interval?.ms ?? options.intervalMs
        options.times = times ?? 0
        options.showsAll = all
        options.expandsEnvironment = expandsEnvironment
        options.environment = ProcessEnvironment.current
        return options
    }

    private static let wrongSwitch = "config.dynamic-port-detection.value"

    /// The arguments with Go's way of writing flags made into ours: one dash, `=true` for a switch, and
    /// nothing behind `=` for what is not given, as templates write it.
    static func normalized(_ arguments: [String]) -> [String] {
        guard arguments.first == "discover" else { return arguments }
        let dynamic = "config.dynamic-port-detection"
        let optional = ["config.cluster", "config.region", "config.role-arn", "config.filter-label"]
        return arguments.compactMap { argument in
            let dashes = argument.prefix { $0 == "-" }.count
            let rest = argument.dropFirst(dashes)
            guard dashes > 0, dashes <= 2, rest.hasPrefix("config.") else { return argument }
            let parts = rest.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts[0] == dynamic, parts.count == 2 {
                // As strconv.ParseBool takes them.
                if ["0", "f", "F", "false", "FALSE", "False"].contains(parts[1]) { return nil }
                if ["1", "t", "T", "true", "TRUE", "True"].contains(parts[1]) { return "--\(dynamic)" }
                return "--\(wrongSwitch)=\(parts[1])"
            }
            if parts.count == 2, parts[1].isEmpty, optional.contains(String(parts[0])) { return nil }
            return "--\(rest)"
        }
    }
}

extension DiscoverOptions.Format: ExpressibleByArgument {}
