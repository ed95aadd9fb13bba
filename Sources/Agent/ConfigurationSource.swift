import AWS
import Configuration
import Discovery
import HTTPTransport
import Logging
import Platform
import Telemetry

/// Reads the configuration file, or makes one, with every error in words.
enum ConfigurationSource {
    /// Longest file taken.
    static let limitBytes = 4 << 20

    /// A configuration's text and what errors call it.
    struct Source: Sendable {
        var name: String
        var text: String
    }

    static func load(
        _ options: AgentOptions, clock: any AgentClock, files: any FileDoor, logger: Logger
    ) async throws(AgentError) -> Configuration {
        if options.remoteWriteURL != nil {
            let source = try await generated(options, clock: clock, files: files)
            logger.info(
                "no configuration file: one was made from the environment (--config.print shows it)")
            return warned(try checked(source, options: options, files: files), logger)
        }
        let hint = "--config.file; to run without one in an ECS task, set NARTHEX_REMOTE_WRITE_URL"
        let (source, bytes) = try read(options.configFile, files: files, hint: hint)
        return warned(try checked(source, bytes: bytes, options: options, files: files), logger)
    }

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
        // Lives for the few questions to the task's metadata.
        let http = HTTPClient(
            HTTPClientConfiguration(name: "start", userAgent: "narthex/\(options.version)"),
            registry: MetricRegistry(), logger: Logger(label: "http"))
        defer { http.shutDown() }
        let access = AWSAccess(
            environment: options.environment, files: files, http: http, clock: clock,
            logger: Logger(label: "aws"))
        let found = try await GeneratedConfiguration.find(
            remoteWriteURL: url, options: options, access: access)
        return Source(name: "the configuration made from the environment", text: found.text)
    }

    static func checked(
        _ source: Source, bytes: [UInt8]? = nil, options: AgentOptions, needsRemoteWrite: Bool = true,
        files: any FileDoor = POSIXFiles()
    ) throws(AgentError) -> Configuration {
        let configuration: Configuration
        do {
            configuration = try Configuration.load(
                text: bytes ?? Array(source.text.utf8), file: source.name,
                environment: options.environment, including: { included($0, files: files) })
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
        of options: AgentOptions, files: any FileDoor, logger: Logger
    ) throws(AgentError) -> Configuration {
        let (source, bytes) = try read(options.configFile, files: files, hint: "--config.file")
        return warned(
            try checked(source, bytes: bytes, options: options, needsRemoteWrite: false), logger)
    }

    /// The bytes as they are, and the text that messages quote from.
    private static func read(
        _ path: String, files: any FileDoor, hint: String
    ) throws(AgentError) -> (Source, bytes: [UInt8]) {
        do {
            let bytes = try files.contents(of: path, limitBytes: limitBytes)
            return (Source(name: path, text: String(decoding: bytes, as: UTF8.self)), bytes)
        } catch {
            throw AgentError(
                .configuration,
                "\(path): the configuration file cannot be read: \(error.message) (\(hint))")
        }
    }

    private static func warned(_ configuration: Configuration, _ logger: Logger) -> Configuration {
        for warning in configuration.warnings { logger.warning("\(warning)") }
        return configuration
    }

    /// Reads what a path or pattern of `scrape_config_files` names. As in Prometheus a path that is not there
    /// names nothing.
    private static func included(_ pattern: String, files: any FileDoor) -> IncludedFiles {
        var found: [(path: String, text: [UInt8])] = []
        do throws(DiscoveryError) {
            for path in try GlobPaths.matching(pattern, files: files) {
                do throws(FileError) {
                    guard let status = try files.status(path), !status.isDirectory else { continue }
                    found.append((path, try files.contents(of: path, limitBytes: limitBytes)))
                } catch {
                    return .failure("the file cannot be read: \(error)")
                }
            }
        } catch {
            return .failure(error.message)
        }
        return .files(found)
    }
}
