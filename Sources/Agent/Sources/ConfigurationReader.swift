import Addresses
import AWS
import Configuration
import Cryptography
import Logging
import Platform

/// Reads the configuration that `--config.file` names, wherever it is, as often as it is asked to.
struct ConfigurationReader: Sendable {
    /// A service is asked again after these, so that a network that comes up with the machine is waited for,
    /// but not later than `patienceMs` after the first time.
    private static let waitsMs: [Int64] = [1_000, 2_000, 4_000, 8_000]
    private static let patienceMs: UInt64 = 20_000

    /// What errors call the source.
    let name: String
    /// The clients of an agent that runs. Where it is nil, each reading makes clients of its own and shuts
    /// them down.
    var ways: ConfigurationFetcher.Ways?
    /// False for a command that only looks: services are not asked then.
    var asksServices = true
    /// Told of a composer's job before the files that it names are fetched.
    var onJob: (@Sendable (ComposerJob) -> Void)?

    private let options: AgentOptions
    private let clock: any AgentClock
    private let files: any FileDoor
    private let logger: Logger
    private let hint: String

    /// `hint` stands at the end of what is said when nothing can be read.
    init(
        _ options: AgentOptions, clock: any AgentClock, files: any FileDoor, logger: Logger, hint: String = ""
    ) {
        self.options = options
        self.clock = clock
        self.files = files
        self.logger = logger
        self.hint = hint
        if let location = try? ConfigurationLocation(options.configFile) {
            name = location.shown
        } else {
            // What is no location may hold a password.
            name = HTTPURL.shownStart(of: options.configFile) ?? "the location given"
        }
    }

    /// A look at a service costs a call.
    private static let remoteWatchMs: Int64 = 60_000

    /// How often to look for a change, in milliseconds, before the jitter; nil for never. `version` is what
    /// runs, nil for a configuration made from the environment.
    func watchMs(_ version: ConfigurationVersion?) -> Int64? {
        let isRemote = version?.isRemote ?? false
        guard options.reloadsByItself ?? isRemote else { return nil }
        return options.autoReloadIntervalMs
            ?? (isRemote ? Self.remoteWatchMs : AgentOptions.defaultAutoReloadIntervalMs)
    }

    /// The configuration as its source has it; nil where that still has `version`. Asked once, without
    /// patience: for those who will look again.
    func read(unless version: ConfigurationVersion) async throws(AgentError) -> ReadConfiguration? {
        let location = try location()
        do throws(SourceFault) {
            return try await withWays(for: location) { ways throws(SourceFault) in
                try await self.found(location, unless: version, by: ways)
            }
        } catch {
            throw unreadable(error)
        }
    }

    /// The configuration as its source has it, waited for a little while.
    func read() async throws(AgentError) -> ReadConfiguration {
        let location = try location()
        do throws(SourceFault) {
            return try await patiently(location)
        } catch {
            throw unreadable(error)
        }
    }

    /// As `read` for a check, which asks nobody: fails softly where the file is a job whose configuration is
    /// elsewhere, with the sentence that says so.
    func readHere() async throws(AgentError) -> Result<ReadConfiguration, SourceFault> {
        let location = try location()
        do throws(SourceFault) {
            return .success(try await patiently(location))
        } catch {
            guard error.isElsewhere else { throw unreadable(error) }
            return .failure(error)
        }
    }

    /// As `read`, or the last good one while a source that is not on this machine is away.
    func readOrKept() async throws(AgentError) -> ReadConfiguration {
        let location = try location()
        do throws(SourceFault) {
            return try await patiently(location)
        } catch {
            guard error.mayPass, var kept = kept() else { throw unreadable(error) }
            do throws(SourceFault) {
                kept.taskID = try await taskID(for: kept.text, ways)
            } catch let fault {
                throw unreadable(fault)
            }
            logger.error(
                "the configuration cannot be read: the last good one is used, which may be old",
                metadata: ["source": "\(name)", "err": "\(error.message)"])
            return kept
        }
    }

    /// Writes what belongs to a configuration that is taken into use: the files that its job brings, and the
    /// copy for a start while the source is away. What cannot be written is said and hinders nothing.
    func keep(_ found: ReadConfiguration) {
        for file in found.companions {
            do throws(FileError) {
                try write(file)
            } catch {
                logger.warning(
                    "a file that comes with the configuration cannot be written",
                    metadata: ["file": "\(file.path)", "err": "\(error)"])
            }
        }
        guard !found.isKept, found.version.isRemote else { return }
        do throws(FileError) {
            var copy = found
            if !found.leftOut.isEmpty, let old = try cache.load() {
                // What cannot be read for a moment stays as it was.
                copy.companions += old.companions.filter { found.leftOut.contains($0.path) }
            }
            try cache.store(copy)
        } catch {
            logger.warning(
                "no copy of the configuration can be kept for a start while its source is away",
                metadata: ["err": "\(error)"])
        }
    }

    /// Writes a file unless it is there with these bytes and permissions already.
    private func write(_ file: ReadConfiguration.Companion) throws(FileError) {
        let system = POSIXFiles()
        let folder = String(file.path[..<(file.path.lastIndex(of: "/") ?? file.path.startIndex)])
        // As the composer makes them: who may read the file may reach it.
        if !folder.isEmpty { try system.makeDirectory(folder, mode: 0o755) }
        let old = try files.status(file.path)
        if let old, old.isRegular, old.length == UInt64(file.bytes.count),
            try files.contents(of: file.path, limitBytes: file.bytes.count) == file.bytes
        {
            if try system.permissions(of: file.path) == file.mode { return }
        } else {
            // Nobody else reads it before its permissions are right.
            try files.replace(file.path, with: file.bytes, isPublic: false)
        }
        try system.setPermissions(of: file.path, to: file.mode)
    }

    // MARK: -

    private var cache: ConfigurationCache {
        ConfigurationCache(
            storagePath: options.storagePath, location: options.configFile, environment: options.environment,
            files: files)
    }

    private func kept() -> ReadConfiguration? {
        do throws(FileError) {
            return try cache.load()
        } catch {
            logger.warning(
                "the last good configuration cannot be read either", metadata: ["err": "\(error)"])
            return nil
        }
    }

    private func location() throws(AgentError) -> ConfigurationLocation {
        guard !options.configFile.isEmpty else {
            throw AgentError(
                .configuration,
                "--config.file is empty: give it a path or another place of a configuration\(hint)")
        }
        do throws(ConfigurationLocation.Fault) {
            return try ConfigurationLocation(options.configFile)
        } catch {
            throw unreadable(SourceFault(error.description))
        }
    }

    /// Asked for again a few times where that may help.
    private func patiently(
        _ location: ConfigurationLocation
    ) async throws(SourceFault) -> ReadConfiguration {
        try await withWays(for: location) { ways throws(SourceFault) in
            try await Self.patiently(clock: self.clock, logger: self.logger) { () throws(SourceFault) in
                guard let found = try await self.found(location, unless: nil, by: ways) else {
                    throw SourceFault("the source answers that nothing has changed, which nobody asked")
                }
                return found
            }
        }
    }

    /// Does `work` again after a fault that may pass, not for ever.
    static func patiently<Value: Sendable>(
        clock: any AgentClock, logger: Logger, _ work: () async throws(SourceFault) -> Value
    ) async throws(SourceFault) -> Value {
        let startNs = clock.monotonicNs
        for waitMs in waitsMs {
            do throws(SourceFault) {
                return try await work()
            } catch {
                let goneMs = (clock.monotonicNs - startNs) / 1_000_000
                guard error.mayPass, goneMs + UInt64(waitMs) <= patienceMs else { throw error }
                logger.warning(
                    "the configuration cannot be read yet",
                    metadata: ["err": "\(error.message)", "again_after_ms": .stringConvertible(waitMs)])
            }
            guard (try? await clock.sleep(forMs: waitMs)) != nil else {
                throw SourceFault("cancelled", isCancelled: true)
            }
        }
        return try await work()
    }

    /// Runs `work` with the ways that it may need; nil for a file or a variable with its whole content, where
    /// only a composer's job could need them.
    private func withWays<Value: Sendable>(
        for location: ConfigurationLocation,
        _ work: (ConfigurationFetcher.Ways?) async throws(SourceFault) -> Value
    ) async throws(SourceFault) -> Value {
        guard asksServices else { return try await work(nil) }
        if let ways { return try await work(ways) }
        if case .path = location, try !mayBeJob(location) { return try await work(nil) }
        let start = await StartAccess(options, clock: clock, files: files)
        defer { start.shutDown() }
        return try await work(start.ways)
    }

    /// Whether a file may be a composer's job: most are not, and need no client. A pipe can be read once
    /// only, so it may be.
    private func mayBeJob(_ location: ConfigurationLocation) throws(SourceFault) -> Bool {
        guard case .path(let path) = location else { return true }
        do throws(FileError) {
            guard let status = try files.status(path), !status.isDirectory else { return false }
            guard status.isRegular else { return true }
            let text = try files.contents(of: path, limitBytes: Configuration.documentLimitBytes)
            return !ConfigurationDocument.isConfiguration(text)
        } catch {
            throw SourceFault(error.message)
        }
    }

    private func found(
        _ location: ConfigurationLocation, unless version: ConfigurationVersion?,
        by ways: ConfigurationFetcher.Ways?
    ) async throws(SourceFault) -> ReadConfiguration? {
        let fetcher = ConfigurationFetcher(environment: options.environment, files: files)
        // A job is fetched whole each time: its sources may change while it stays.
        let known = version.flatMap { $0.parts.count == 1 ? $0.parts[0] : nil }
        guard let fetched = try await fetcher.fetch(location, unless: known, by: ways) else { return nil }
        var read = ReadConfiguration(
            name: name, text: fetched.bytes,
            version: ConfigurationVersion(parts: [fetched.version], isRemote: location.isRemote))
        let (document, text) = try Self.unwrapped(
            fetched.bytes, name: name, environment: options.environment)
        read.text = text
        if case .composerJob(let job) = document {
            onJob?(job)
            let composed = ComposedFiles(
                fetcher: fetcher, ways: ways, environment: options.environment, asksServices: asksServices)
            let outcome = try await composed.outcome(of: job, document: name)
            read.name = outcome.name
            read.shownName = outcome.shownName
            read.text = outcome.text
            read.companions = outcome.companions
            read.leftOut = outcome.leftOut
            read.warnings = outcome.warnings
            // One part more than there are sources, so that a job is told from a configuration.
            read.version = ConfigurationVersion(
                parts: [fetched.version, "job"] + outcome.versions,
                isRemote: location.isRemote || outcome.isRemote)
        }
        guard read.version != version else { return nil }
        read.taskID = try await taskID(for: read.text, ways)
        return read
    }

    /// The value of the variable `OwnTaskID.variable`; nil where the text does not name it, where the
    /// environment has it, and where the agent runs in no task of ECS.
    private func taskID(
        for text: [UInt8], _ ways: ConfigurationFetcher.Ways?
    ) async throws(SourceFault) -> String? {
        guard asksServices, OwnTaskID.isWanted(by: text, environment: options.environment) else { return nil }
        if let ways { return try await OwnTaskID.ask(ways.aws) }
        let start = await StartAccess(options, clock: clock, files: files)
        defer { start.shutDown() }
        return try await OwnTaskID.ask(start.aws)
    }

    /// What a text is, base64 decoded where it is no mapping and decodes to one.
    static func unwrapped(
        _ bytes: [UInt8], name: String, environment: [String: String]
    ) throws(SourceFault) -> (document: ConfigurationDocument, text: [UInt8]) {
        do throws(ConfigurationErrors) {
            let document = try ConfigurationDocument.of(bytes, name: name, environment: environment)
            // What decodes to no mapping is told of as it was given.
            guard document == .noMapping, let decoded = Base64.bytes(bytes),
                ConfigurationDocument.isMapping(decoded)
            else { return (document, bytes) }
            return (
                try ConfigurationDocument.of(decoded, name: name, environment: environment), decoded
            )
        } catch {
            throw SourceFault(error.description, isPlaced: true, isWrong: true)
        }
    }

    private func unreadable(_ fault: SourceFault) -> AgentError {
        AgentError(
            .configuration,
            fault.isPlaced
                ? fault.message
                : "\(name): the configuration file cannot be read: \(fault.message) (--config.file\(hint))",
            isOfReading: !fault.isWrong, mayPass: fault.mayPass)
    }
}
