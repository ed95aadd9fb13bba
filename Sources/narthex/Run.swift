import Agent
import ArgumentParser
import Logging
import Platform
import Telemetry

#if canImport(Glibc)
import Glibc
#endif

/// `narthex run`: the agent itself.
struct Run: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Runs the agent until SIGTERM or SIGINT.",
        usage: "narthex run [--config.file=FILE] [--storage.agent.path=DIRECTORY] [FLAGS]",
        discussion: """
            On SIGTERM or SIGINT it goes on sending until the flush deadline; a second one stops it at \
            once, and what is left goes out after the next start. On SIGHUP it reads its configuration \
            again. \
            Flags are named as Prometheus names them where they mean the same. Its other flags are taken \
            with a warning, or refused where that would mislead: docs/flags.md lists them all. @FILE stands \
            for the arguments in a file, one a line. Exit status: 0 after an orderly stop, 2 for a wrong \
            configuration, 3 for an unusable storage directory, 4 for a listen address that cannot be bound, \
            64 for a wrong command line, 71 where the limit of tasks leaves no room for its threads.
            """)

    @Option(
        name: .customLong("config.file"),
        help: """
            Prometheus configuration file, or s3://bucket/key, ssm:/parameter, secretsmanager:id, env:NAME, \
            https://… (default: prometheus.yml)
            """)
    var configFile: String?

    @Option(
        name: .customLong("remote-write.url"),
        help: "Run without a file: discover the own ECS cluster and ship to this URL.")
    var remoteWriteURL: String?

    @Flag(
        name: .customLong("config.print"),
        help: "Print the configuration in effect, with defaults and where each value is from, and exit.")
    var printsConfiguration = false

    @Flag(
        name: .customLong("config.expand-env"),
        help: "Replace ${NAME} and ${NAME:-DEFAULT} in every value of the configuration.")
    var expandsEnvironment = false

    @Flag(
        name: .customLong("config.strict"),
        help: "Refuse a configuration with settings that have no effect in an agent.")
    var refusesIgnored = false

    @Flag(
        name: .customLong("config.auto-reload"), inversion: .prefixedNo,
        help:
            "Reload the configuration when its source has changed (default: where it is not on this machine)."
    )
    var reloadsByItself: Bool?

    @Option(
        name: .customLong("config.auto-reload-interval"),
        help: "How often the source is looked at for a change (default: 30s; 1m for one not on this machine)."
    )
    var reloadInterval: FlagDuration?

    @Flag(
        name: .customLong("web.enable-lifecycle"),
        help: "Let whoever reaches the pages reload and end the agent by POST /-/reload and /-/quit.")
    var hasLifecycle = false

    @Option(
        name: .customLong("storage.agent.path"),
        help: "Directory of the write-ahead buffer and the cursors; --storage.tsdb.path where it is absent.")
    var storagePath = "data-agent/"

    @Option(
        name: .customLong("storage.agent.retention.max-time"),
        help: "How long undelivered samples are kept, for instance 4h.")
    var retentionMaxTime = FlagDuration(ms: 4 * 3_600_000)

    @Option(
        name: .customLong("storage.agent.retention.max-size"),
        help: "How much undelivered data is kept on disk, for instance 1GB.")
    var retentionMaxSize = FlagSize(bytes: 1 << 30)

    @Option(
        name: .customLong("storage.agent.wal-segment-size"),
        help: "Size at which a file of the buffer is ended and a new one begun (1MB to 256MB).")
    var segmentSize = FlagSize(bytes: 32 << 20)

    @Option(
        name: .customLong("storage.agent.sync-interval"),
        help: "How often the buffer is made durable (100ms to 10m): what a power loss may cost.")
    var syncInterval = FlagDuration(ms: 1_000)

    @Option(
        name: .customLong("memory.limit"),
        help: """
            Resident memory that the agent stays below: near it, it takes less in, step by step. 0 is none. \
            (default: 80% of the cgroup's limit, none elsewhere)
            """)
    var memoryLimit: FlagSize?

    @Option(
        name: .customLong("storage.remote.flush-deadline"),
        help: "How long to go on sending on shutdown; what is left stays in the buffer.")
    var flushDeadline = FlagDuration(ms: 20_000)

    @Option(
        name: .customLong("web.listen-address"),
        help: """
            Address of the status pages; several times for several. Loopback by default; :9090 listens on \
            all interfaces. (default: NARTHEX_WEB_LISTEN_ADDRESS, else 127.0.0.1:9090)
            """)
    var listenAddresses: [String] = []

    @Option(
        name: .customLong("web.external-url"),
        help: "URL by which the pages are reached: its path is what they are under.")
    var externalURL: String?

    @Option(
        name: .customLong("web.route-prefix"),
        help: "Path that the pages are under. (default: the path of --web.external-url)")
    var routePrefix: String?

    @Option(
        name: .customLong("enable-feature"),
        help: "Features by Prometheus' names, with commas between: created-timestamp-zero-ingestion.")
    var features: [String] = []

    @Option(name: .customLong("log.level"), help: "One of debug, info, warn, error.")
    var logLevel = LogLevel.info

    @Option(name: .customLong("log.format"), help: "One of logfmt, json.")
    var logFormat = LogFormat.logfmt

    func validate() throws {
        var faults: [String] = []
        if configFile != nil, remoteWriteURL != nil {
            faults.append("--config.file and --remote-write.url exclude each other")
        }
        if !(1 << 20...256 << 20).contains(segmentSize.bytes) {
            faults.append("--storage.agent.wal-segment-size must be between 1MB and 256MB")
        } else if retentionMaxSize.bytes < 2 * segmentSize.bytes {
            faults.append(
                "--storage.agent.retention.max-size must be at least twice --storage.agent.wal-segment-size "
                    + "(\(segmentSize.bytes) bytes)")
        }
        if !(100...600_000).contains(syncInterval.ms) {
            faults.append("--storage.agent.sync-interval must be between 100ms and 10m")
        }
        if retentionMaxTime.ms <= 0 {
            faults.append("--storage.agent.retention.max-time must be more than zero")
        }
        if let fault = FlagGrammar.faultOfMemoryLimit(memoryLimit?.bytes) { faults.append(fault) }
        faults += FlagGrammar.faultsOfPages(
            listenAddresses: listenAddresses, externalURL: externalURL, routePrefix: routePrefix)
        guard faults.isEmpty else { throw ValidationError(faults.joined(separator: "\n")) }
    }

    /// The faults that only the flags together show, a sentence each; `words` are flags that are right each
    /// by itself.
    static func faults(_ words: [String]) -> [String] {
        do {
            _ = try parse(words)
            return []
        } catch {
            return message(for: error).split(separator: "\n").map(String.init)
        }
    }

    mutating func run() async throws { try await run(saying: []) }

    /// Runs the agent. `remarks` are about the command line and are said first.
    func run(saying remarks: [FlagReading.Remark]) async throws {
        StartThreads.requireRoom()
        let requests = StopRequests()
        Signals.handle { signal in
            switch signal {
            case .terminate, .interrupt: requests.received(atNs: SystemClock().monotonicNs)
            case .hangUp: requests.reload.signal()
            }
        }
        Heap.returnLargeBlocks(from: 1 << 20)
        // A connection to each of thousands of targets; many systems begin a process with 1,024. Where that
        // cannot be raised `process_max_fds` tells, and scrapes say what they lack.
        OpenFileLimit.raise()
        LogOutput.bootstrap(level: logLevel.level, format: logFormat)

        let logger = Logger(label: "agent")
        for remark in remarks { logger.log(level: remark.isWarning ? .warning : .info, "\(remark.text)") }
        let environment = ProcessEnvironment.current
        let choice = place(environment)
        for warning in choice.warnings { logger.warning("\(warning)") }
        try refuse(choice.fault)
        let (options, warnings) = options(choice, environment)
        for warning in warnings { logger.warning("\(warning)") }
        do throws(AgentError) {
            if printsConfiguration {
                try StandardOutput.write(try await ConfigurationPrint.text(options))
                return
            }
            guard let agent = try await started(options, requests) else { return }
            await requests.stop.cancelling {
                // A signal that came while the agent started is not lost.
                var seen: UInt64 = 0
                while await requests.reload.wait(after: seen) == .signalled {
                    seen = requests.reload.count
                    agent.requestReload()
                }
            }
            try await stop(agent, atOnce: requests.atOnce)
        } catch {
            // Standard error is for people: the message stands as it is, a line a fault, not as a log field.
            var standardError = StandardError()
            print(error.message, to: &standardError)
            throw ExitCode(error.code.rawValue)
        }
    }

    /// What names the configuration.
    func place(_ environment: [String: String]) -> ConfigurationPlace.Choice {
        ConfigurationPlace.choice(
            configFile: configFile, remoteWriteURL: remoteWriteURL, environment: environment)
    }

    /// What the flags and the environment say, and what is to be said of them.
    func options(
        _ choice: ConfigurationPlace.Choice, _ environment: [String: String]
    ) -> (options: AgentOptions, warnings: [String]) {
        var warnings: [String] = []
        var options = AgentOptions(configFile: ConfigurationPlace.defaultFile(environment))
        switch choice.place {
        case .file(let file): options.configFile = file
        case .remoteWriteURL(let url): options.remoteWriteURL = url
        case .nowhere: break
        }
        options.refusesIgnored = refusesIgnored
        options.reloadsByItself = reloadsByItself ?? (FlagGrammar.reloadsByItself(features) ? true : nil)
        if let reloadInterval {
            let watch = FlagGrammar.watch(everyMs: reloadInterval.ms)
            if let warning = watch.warning { warnings.append(warning) }
            options.autoReloadIntervalMs = watch.intervalMs
            if watch.intervalMs == nil { options.reloadsByItself = false }
        }
        options.hasLifecycle = hasLifecycle
        options.expandsEnvironment = expandsEnvironment
        options.storagePath = storagePath
        options.retentionMaxAgeMs = retentionMaxTime.ms
        options.retentionMaxBytes = UInt64(retentionMaxSize.bytes)
        options.segmentSizeBytes = segmentSize.bytes
        options.syncIntervalMs = syncInterval.ms
        options.memoryLimitBytes = memoryLimit.map { UInt64($0.bytes) }
        options.flushDeadlineMs = flushDeadline.ms
        let addresses =
            listenAddresses.isEmpty ? FlagGrammar.listenAddresses(of: environment) : listenAddresses
        if !addresses.isEmpty { options.listenAddresses = addresses }
        options.externalURL = externalURL
        options.routePrefix = routePrefix
        options.enabledFeatures = features
        options.environment = environment
        return (options, warnings)
    }

    /// Stops in order, and at once when that is asked for meanwhile.
    private func stop(_ agent: Agent, atOnce: Event) async throws(AgentError) {
        try await withTaskGroup(of: Void.self) { group in
            group.addTask {
                if await atOnce.wait() == .signalled { await agent.stopAtOnce() }
            }
            defer { group.cancelAll() }
            do throws(AgentError) {
                try await agent.stop()
                return Result<Void, AgentError>.success(())
            } catch {
                return .failure(error)
            }
        }.get()
    }

    /// Ends with the status of a wrong configuration where there is a fault.
    private func refuse(_ fault: String?) throws {
        guard let fault else { return }
        var standardError = StandardError()
        print(fault, to: &standardError)
        throw ExitCode(AgentError.Code.configuration.rawValue)
    }

    /// Nil when a stop is asked for first: a start may wait for AWS longer than a supervisor does for the
    /// end.
    private func started(
        _ options: AgentOptions, _ requests: StopRequests
    ) async throws(AgentError) -> Agent? {
        do throws(AgentError) {
            return try await requests.stop.cancelling { () throws(AgentError) in
                try await Agent.start(
                    options, whenQuit: { requests.requested(atNs: SystemClock().monotonicNs) })
            }
        } catch {
            guard requests.stop.isSignalled else { throw error }
            Logger(label: "agent").info("stopped before it had started")
            return nil
        }
    }
}
