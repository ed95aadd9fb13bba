import AWS
import Configuration
import Discovery
import Logging
import Platform

/// Reads the configuration file, or makes one, with every error in words.
enum ConfigurationSource {
    /// A configuration's text and what errors call it.
    struct Source: Sendable {
        var name: String
        var shownName: String?
        var text: [UInt8]
        /// Files that come with it and are not written yet.
        var companions: [ReadConfiguration.Companion] = []
        /// As `ReadConfiguration.taskID`.
        var taskID: String?

        /// The values of its variables: the environment of the process, and the task's id where the text
        /// names it.
        func environment(of process: [String: String]) -> [String: String] {
            guard let taskID else { return process }
            return process.merging([OwnTaskID.variable: taskID]) { $1 }
        }

        init(name: String, text: [UInt8]) {
            self.name = name
            self.text = text
        }

        init(_ found: ReadConfiguration) {
            name = found.name
            shownName = found.shownName
            text = found.text
            companions = found.companions
            taskID = found.taskID
        }
    }

    /// A configuration that was read and checked.
    struct Loaded: Sendable {
        let configuration: Configuration
        /// What was read; nil for one made from the environment.
        var found: ReadConfiguration?
        let version: Version
    }

    /// What tells one reading from another: the version of the source and what `scrape_config_files` named.
    struct Version: Sendable, Equatable {
        /// Nil for a configuration made from the environment.
        var source: ConfigurationVersion?
        var included = IncludedVersion()
    }

    /// Reads and checks the configuration of a start. Writes nothing: the caller lets
    /// `ConfigurationReader.keep` write its files and its copy once this process has the storage directory
    /// locked.
    static func load(
        _ options: AgentOptions, clock: any AgentClock, files: any FileDoor, logger: Logger
    ) async throws(AgentError) -> Loaded {
        if options.remoteWriteURL != nil {
            let source = try await generated(options, clock: clock, files: files)
            logger.info(
                "no configuration file: one was made from the environment (--config.print shows it)")
            let loaded = try loaded(source, options: options, files: files)
            told(loaded.configuration, logger)
            return loaded
        }
        let reader = ConfigurationReader(
            options, clock: clock, files: files, logger: logger,
            hint: "; to run without one in an ECS task, set NARTHEX_REMOTE_WRITE_URL")
        let found = try await reader.readOrKept()
        for warning in found.warnings { logger.warning("\(warning)") }
        let loaded = try loaded(Source(found), found: found, options: options, files: files)
        told(loaded.configuration, logger)
        return loaded
    }

    /// Checked whole, and not told yet.
    static func loaded(
        _ source: Source, found: ReadConfiguration? = nil, options: AgentOptions, files: any FileDoor
    ) throws(AgentError) -> Loaded {
        let inclusions = Inclusions(companions: source.companions, files: files)
        let configuration = try checked(source, options: options, inclusions: inclusions, files: files)
        return Loaded(
            configuration: configuration, found: found,
            version: Version(source: found?.version, included: inclusions.version))
    }

    static let generatedName = "the configuration made from the environment"

    /// The configuration of an agent that is given a URL alone.
    static func generated(
        _ options: AgentOptions, clock: any AgentClock, files: any FileDoor,
        patience: CallPatience = CallPatience()
    ) async throws(AgentError) -> Source {
        guard let url = options.remoteWriteURL else {
            throw AgentError(
                .configuration,
                "there is nothing to make a configuration from: give --remote-write.url or set "
                    + "NARTHEX_REMOTE_WRITE_URL")
        }
        let start = await StartAccess(options, clock: clock, files: files, patience: patience)
        defer { start.shutDown() }
        let found = try await GeneratedConfiguration.find(
            remoteWriteURL: url, options: options, access: start.aws)
        return Source(name: generatedName, text: Array(found.text.utf8))
    }

    static func checked(
        _ source: Source, options: AgentOptions, needsRemoteWrite: Bool = true,
        inclusions: Inclusions? = nil, files: any FileDoor = POSIXFiles()
    ) throws(AgentError) -> Configuration {
        let inclusions = inclusions ?? Inclusions(companions: source.companions, files: files)
        let configuration: Configuration
        do {
            configuration = try Configuration.load(
                text: source.text, file: source.name, shownAs: source.shownName,
                environment: source.environment(of: options.environment), features: options.features,
                isStrict: options.refusesIgnored, expandsEnvironment: options.expandsEnvironment,
                including: inclusions.files(of:),
                counting: { ruleFileCount($0, files: files) })
        } catch {
            throw AgentError(.configuration, error.description)
        }
        guard !configuration.remoteWrites.isEmpty || !needsRemoteWrite else {
            throw AgentError(
                .configuration,
                "\(source.shownName ?? source.name): there is no remote_write entry, so nothing could be"
                    + " shipped; add remote_write with a url"
            )
        }
        return configuration
    }

    /// A file's configuration for those who want to know of its jobs only: it need not ship anywhere.
    static func jobs(
        of options: AgentOptions, clock: any AgentClock, files: any FileDoor, logger: Logger
    ) async throws(AgentError) -> Configuration {
        let reader = ConfigurationReader(options, clock: clock, files: files, logger: logger)
        let found = try await reader.read()
        for warning in found.warnings { logger.warning("\(warning)") }
        return warned(
            try checked(Source(found), options: options, needsRemoteWrite: false, files: files), logger)
    }

    /// Tells of what has no effect as well: it is about an agent that runs.
    @discardableResult
    static func told(_ configuration: Configuration, _ logger: Logger) -> Configuration {
        let missed = configuration.ignored.filter { $0.severity == .missed }
        for setting in missed { logger.warning("\(setting.description)") }
        let harmless = configuration.ignored.filter { $0.severity == .harmless }
        if !harmless.isEmpty {
            let named = harmless.prefix(20).map { "\($0.key) (\($0.place))" }.joined(separator: ", ")
            let more = harmless.count > 20 ? " and \(harmless.count - 20) more" : ""
            logger.warning(
                "some settings of the configuration have no effect in an agent; the status page says why",
                metadata: ["settings": "\(named)\(more)"])
        }
        return warned(configuration, logger)
    }

    private static func warned(_ configuration: Configuration, _ logger: Logger) -> Configuration {
        for warning in configuration.warnings { logger.warning("\(warning)") }
        return configuration
    }

    /// How many files a pattern of `rule_files` names; nil when its folder cannot be read.
    private static func ruleFileCount(_ pattern: String, files: any FileDoor) -> Int? {
        do {
            return try GlobPaths.matching(pattern, files: files).count { path in
                try files.status(path).map { !$0.isDirectory } ?? false
            }
        } catch {
            // The rules are not evaluated either way; the sentence says that they could not be counted.
            return nil
        }
    }
}
