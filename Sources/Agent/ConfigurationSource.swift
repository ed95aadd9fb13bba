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
        var text: [UInt8]
        /// Files that come with it and are not written yet.
        var companions: [ReadConfiguration.Companion] = []

        init(name: String, text: [UInt8]) {
            self.name = name
            self.text = text
        }

        init(_ found: ReadConfiguration) {
            name = found.name
            text = found.text
            companions = found.companions
        }
    }

    static func load(
        _ options: AgentOptions, clock: any AgentClock, files: any FileDoor, logger: Logger
    ) async throws(AgentError) -> Configuration {
        if options.remoteWriteURL != nil {
            let source = try await generated(options, clock: clock, files: files)
            logger.info(
                "no configuration file: one was made from the environment (--config.print shows it)")
            return told(try checked(source, options: options, files: files), logger)
        }
        let reader = ConfigurationReader(
            options, clock: clock, files: files, logger: logger,
            hint: "; to run without one in an ECS task, set NARTHEX_REMOTE_WRITE_URL")
        let found = try await reader.readOrKept()
        for warning in found.warnings { logger.warning("\(warning)") }
        let configuration = told(
            try checked(Source(found), options: options, files: files), logger)
        reader.keep(found)
        return configuration
    }

    /// What the source says now, for an agent that runs: read by its own way to AWS, checked whole, and not
    /// told yet.
    static func again(
        _ options: AgentOptions, aws: AWSAccess, workers: WorkerPool, clock: any AgentClock,
        files: any FileDoor, logger: Logger
    ) async throws(AgentError) -> Configuration {
        if let url = options.remoteWriteURL {
            let found = try await GeneratedConfiguration.find(
                remoteWriteURL: url, options: options, access: aws)
            return try checked(
                Source(name: Self.generatedName, text: Array(found.text.utf8)), options: options, files: files
            )
        }
        let file = ConfigurationFile(options, clock: clock, files: files, logger: logger)
        let text = try await file.contentsAgain(aws, workers: workers)
        return try checked(Source(name: file.name, text: text), options: options, files: files)
    }

    private static let generatedName = "the configuration made from the environment"

    /// The configuration of an agent that is given a URL alone.
    static func generated(
        _ options: AgentOptions, clock: any AgentClock, files: any FileDoor
    ) async throws(AgentError) -> Source {
        guard let url = options.remoteWriteURL else {
            throw AgentError(
                .configuration,
                "there is nothing to make a configuration from: give --remote-write.url or set "
                    + "NARTHEX_REMOTE_WRITE_URL")
        }
        let start = await StartAccess(options, clock: clock, files: files)
        defer { start.shutDown() }
        let found = try await GeneratedConfiguration.find(
            remoteWriteURL: url, options: options, access: start.aws)
        return Source(name: generatedName, text: Array(found.text.utf8))
    }

    static func checked(
        _ source: Source, options: AgentOptions, needsRemoteWrite: Bool = true,
        files: any FileDoor = POSIXFiles()
    ) throws(AgentError) -> Configuration {
        let configuration: Configuration
        do {
            configuration = try Configuration.load(
                text: source.text, file: source.name,
                environment: options.environment, features: options.features,
                isStrict: options.refusesIgnored, expandsEnvironment: options.expandsEnvironment,
                including: { included($0, companions: source.companions, files: files) },
                counting: { ruleFileCount($0, files: files) })
        } catch {
            throw AgentError(.configuration, error.description)
        }
        guard !configuration.remoteWrites.isEmpty || !needsRemoteWrite else {
            throw AgentError(
                .configuration,
                "\(source.name): there is no remote_write entry, so nothing could be shipped; "
                    + "add remote_write with a url"
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

    /// Reads what a path or pattern of `scrape_config_files` names, a companion before the file of its path.
    /// As in Prometheus a path that is not there names nothing.
    static func included(
        _ pattern: String, companions: [ReadConfiguration.Companion], files: any FileDoor
    ) -> IncludedFiles {
        var found: [(path: String, text: [UInt8])] = []
        do throws(DiscoveryError) {
            for companion in companions {
                guard try GlobPaths.matches(companion.path, pattern) else { continue }
                found.append((companion.path, companion.bytes))
            }
            let brought = Set(found.map(\.path))
            for path in try GlobPaths.matching(pattern, files: files) where !brought.contains(path) {
                do throws(FileError) {
                    guard let status = try files.status(path), !status.isDirectory else { continue }
                    let text = try files.contents(of: path, limitBytes: Configuration.documentLimitBytes)
                    found.append((path, text))
                } catch {
                    return .failure("the file cannot be read: \(error)")
                }
            }
        } catch {
            return .failure(error.message)
        }
        return .files(found.sorted { $0.path < $1.path })
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
