import AWS
import Configuration
import Logging
import Platform
import Scrape
import Synchronization
import Telemetry

/// Reads the configuration again when somebody asks for it or when its source has changed, and makes it the
/// one that runs. One reload at a time: those who ask meanwhile share the next.
final class Reloader: Sendable {
    enum Cause: String, Sendable {
        case signal = "SIGHUP"
        case page = "/-/reload"
        /// Nobody asked: the source is looked at every so often.
        case watch = "--config.auto-reload"
    }

    private final class Request: Sendable {
        let cause: Cause
        let done = Event()
        private let outcome = Mutex<Result<Void, AgentError>?>(nil)

        init(_ cause: Cause) { self.cause = cause }

        func answer(_ outcome: Result<Void, AgentError>) {
            self.outcome.withLock { $0 = outcome }
            done.signal()
        }

        var answer: Result<Void, AgentError>? { outcome.withLock { $0 } }
    }

    private struct State {
        var requests: [Request] = []
        /// Nobody takes requests any more.
        var isOver = false
        /// What was wrong with the last one.
        var lastFault: String?
        /// Why the source could not be looked at.
        var lastReadFault: String?
        /// What runs.
        var version: ConfigurationSource.Version
    }

    /// What looking at the source came to.
    private enum Look {
        case unchanged
        /// Other text that means what runs.
        case equal(ConfigurationSource.Loaded)
        case changed(ConfigurationSource.Loaded, PreparedReload)
        /// The watch could not read the source, which is no reload that failed.
        case unread(AgentError)
    }

    private let stages: Stages
    private let clock: any AgentClock
    private let files: any FileDoor
    private let notifier: ServiceNotifier?
    private let logger: Logger
    private let isSuccessful: Gauge
    private let succeededAt: Gauge
    private let reader: ConfigurationReader
    private let state: Mutex<State>
    private let arrived = Event()
    private let stopping = Event()
    /// Signalled when other versions run.
    private let settled = Event()

    /// `loaded` is what `stages` were built from: read with success, unless it is a kept copy.
    init(
        stages: Stages, loaded: ConfigurationSource.Loaded, clock: any AgentClock, files: any FileDoor,
        notifier: ServiceNotifier?, logger: Logger
    ) {
        state = Mutex(State(version: loaded.version))
        let parts = stages.parts
        var reader = ConfigurationReader(stages.options, clock: clock, files: files, logger: logger)
        reader.ways = ConfigurationFetcher.Ways(
            aws: parts.aws,
            web: StartAccess.web(
                http: parts.http, workers: parts.workers, files: files, clock: clock,
                environment: stages.options.environment),
            fileWorkers: parts.targetFiles)
        self.reader = reader
        self.stages = stages
        self.clock = clock
        self.files = files
        self.notifier = notifier
        self.logger = logger
        isSuccessful = stages.registry.gauge(
            "prometheus_config_last_reload_successful",
            help: "Whether the last load of the configuration succeeded.")
        succeededAt = stages.registry.gauge(
            "prometheus_config_last_reload_success_timestamp_seconds",
            help: "When the configuration was last loaded, in seconds since 1970.")
        if let found = loaded.found, found.isKept {
            wrong(
                "\(found.name): it could not be read at the start: the last good text is used, which may be"
                    + " old")
        } else {
            succeeded()
        }
    }

    /// Asks for a reload and does not wait for it.
    func request(_ cause: Cause) {
        let request = Request(cause)
        enqueue(request)
    }

    /// Asks for a reload and returns what came of it.
    func reload(_ cause: Cause) async -> Result<Void, AgentError> {
        let request = Request(cause)
        enqueue(request)
        await request.done.wait()
        return request.answer ?? .failure(AgentError(.configuration, "nobody waits for the reload any more"))
    }

    private func enqueue(_ request: Request) {
        let isTaken = state.withLock { state in
            if !state.isOver { state.requests.append(request) }
            return !state.isOver
        }
        if isTaken { arrived.signal() } else { request.answer(.failure(Self.stopped)) }
    }

    private static let stopped = AgentError(.configuration, "the agent is stopping")

    /// Carries requests out until `end`. Not to be cancelled: what a reload has begun to change it finishes.
    func run() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.watch() }
            group.addTask { await self.letGo() }
            while !stopping.isSignalled {
                let seen = arrived.count
                let requests = take()
                guard !requests.isEmpty else {
                    await arrived.wait(after: seen)
                    continue
                }
                let outcome = await carryOut(requests)
                for request in requests { request.answer(outcome) }
            }
            group.cancelAll()
        }
        let left = state.withLock { state in
            state.isOver = true
            defer { state.requests = [] }
            return state.requests
        }
        for request in left { request.answer(.failure(Self.stopped)) }
    }

    /// Lets `run` return: a configuration that is being read is not read to its end, and one that is being
    /// taken up is.
    func end() {
        stopping.signal()
        arrived.signal()
    }

    /// Lets go of what reloads have replaced, once it is over: maybe long after the reload, as loops of
    /// targets wait for those that take over from them.
    private func letGo() async {
        let parts = stages.parts
        var seen: UInt64 = 0
        while await parts.freed.wait(after: seen) == .signalled {
            // Many jobs end together.
            guard (try? await clock.sleep(forMs: Self.freedPauseMs)) != nil else { return }
            seen = parts.freed.count
            parts.inventories.forgetUnused()
            parts.aws.forgetUnusedCredentials()
            Heap.trim()
        }
    }

    private static let freedPauseMs: Int64 = 1_000

    private func take() -> [Request] {
        state.withLock { state in
            defer { state.requests = [] }
            return state.requests
        }
    }

    private func watch() async {
        while !stopping.isSignalled {
            let seen = settled.count
            guard let intervalMs = reader.watchMs(state.withLock({ $0.version.source })) else {
                // Another configuration may have a source to watch.
                guard await settled.wait(after: seen) == .signalled else { return }
                continue
            }
            // Agents that were started together do not ask together.
            let jitterMs = intervalMs / 10
            let waitMs = Int64.random(in: intervalMs - jitterMs...intervalMs + jitterMs)
            guard (try? await clock.sleep(forMs: waitMs)) != nil else { return }
            // What is wrong with it was said.
            _ = await reload(.watch)
        }
    }

    private func carryOut(_ requests: [Request]) async -> Result<Void, AgentError> {
        let cause = (requests.first { $0.cause != .watch } ?? requests.first)?.cause ?? .watch
        let startNs = clock.monotonicNs
        // The watch mostly finds the configuration unchanged, and tells of a reload once it finds a change.
        if cause != .watch { notifier?.reloading() }
        do throws(AgentError) {
            switch try await look(cause) {
            case .unchanged:
                await unchanged(cause)
            case .equal(let loaded):
                await keep(loaded)
                taken(loaded)
                await unchanged(cause)
            case .changed(let loaded, let prepared):
                notifier?.reloading()
                // New jobs look at once for the files that come with the configuration.
                try await stages.apply(prepared, logger: logger) { await self.keep(loaded) }
                ConfigurationSource.told(prepared.configuration, logger)
                taken(loaded)
                succeeded()
                await reopenLogs()
                stages.parts.freed.signal()
                tell(prepared.difference, cause, tookMs: (clock.monotonicNs &- startNs) / 1_000_000)
            case .unread(let error):
                unread(error)
                return .failure(error)
            }
            state.withLock { $0.lastReadFault = nil }
            return .success(())
        } catch {
            failed(error, cause)
            return .failure(error)
        }
    }

    /// Reads the source, and makes what another configuration needs. Ends early when the agent stops.
    private func look(_ cause: Cause) async throws(AgentError) -> Look {
        try await stopping.cancelling { () async throws(AgentError) -> Look in
            let source: ConfigurationSource.Source
            let found: ReadConfiguration?
            if let url = self.stages.options.remoteWriteURL {
                found = nil
                let made = try await GeneratedConfiguration.find(
                    remoteWriteURL: url, options: self.stages.options, access: self.stages.parts.aws)
                source = ConfigurationSource.Source(
                    name: ConfigurationSource.generatedName, text: Array(made.text.utf8))
            } else {
                do throws(AgentError) {
                    guard let read = try await self.read(cause) else { return .unchanged }
                    found = read
                    source = ConfigurationSource.Source(read)
                } catch {
                    guard cause == .watch, error.isOfReading else { throw error }
                    return .unread(error)
                }
            }
            let loaded = try await self.checked(source, found)
            let old = self.stages.configuration
            guard !loaded.configuration.means(old) else { return .equal(loaded) }
            try self.stages.requireOthers(loaded.configuration)
            return .changed(loaded, try await self.stages.parts.reload(to: loaded.configuration, from: old))
        }
    }

    /// What the source has; nil where the watch finds what runs.
    private func read(_ cause: Cause) async throws(AgentError) -> ReadConfiguration? {
        let version = state.withLock { $0.version }
        guard cause == .watch, let source = version.source else { return try await reader.read() }
        if let found = try await reader.read(unless: source) { return found }
        guard !version.included.patterns.isEmpty else { return nil }
        let files = files
        let included: IncludedVersion = await stages.parts.targetFiles.run {
            let inclusions = Inclusions(companions: [], files: files)
            for pattern in version.included.patterns { _ = inclusions.files(of: pattern) }
            return inclusions.version
        }
        return included == version.included ? nil : try await reader.read()
    }

    /// On a thread that may wait for files.
    private func checked(
        _ source: ConfigurationSource.Source, _ found: ReadConfiguration?
    ) async throws(AgentError) -> ConfigurationSource.Loaded {
        let (options, files) = (stages.options, files)
        return try await stages.parts.targetFiles.run {
            Result { () throws(AgentError) -> ConfigurationSource.Loaded in
                try ConfigurationSource.loaded(source, found: found, options: options, files: files)
            }
        }.get()
    }

    /// Remembers what runs.
    private func taken(_ loaded: ConfigurationSource.Loaded) {
        // With the lines that pages show of what has no effect.
        stages.running.withLock { $0.configuration = loaded.configuration }
        state.withLock { $0.version = loaded.version }
        settled.signal()
        for warning in loaded.found?.warnings ?? [] { logger.warning("\(warning)") }
    }

    /// Writes what belongs to a configuration, on a thread that may wait for files.
    private func keep(_ loaded: ConfigurationSource.Loaded) async {
        guard let found = loaded.found else { return }
        await stages.parts.targetFiles.run { [reader] in reader.keep(found) }
    }

    /// The watch will look again; a fault that lasts is said once.
    private func unread(_ error: AgentError) {
        guard !stopping.isSignalled else { return }
        let isKnown = state.withLock { state in
            defer { state.lastReadFault = error.message }
            return state.lastReadFault == error.message
        }
        if isKnown { return }
        logger.warning(
            "whether the configuration has changed is not known: its source cannot be read",
            metadata: ["err": "\(error.message)"])
    }

    private func succeeded() {
        state.withLock { $0.lastFault = nil }
        stages.running.withLock { $0.configurationFault = nil }
        isSuccessful.set(1)
        succeededAt.set(Double(clock.wallMs) / 1_000)
    }

    /// As Prometheus does at each reload, so that a file which logrotate has renamed is let go.
    private func reopenLogs() async {
        let parts = stages.parts
        let paths = Set(stages.configuration.scrapeConfigs.compactMap(\.scrapeFailureLogFile))
        let faults = await parts.targetFiles.run { parts.failureLogs.reopen(paths) }
        for fault in faults {
            logger.warning(
                "scrape_failure_log_file cannot be opened again: the old file is written on",
                metadata: ["err": "\(fault)"])
        }
    }

    private func unchanged(_ cause: Cause) async {
        guard cause != .watch else { return recovered() }
        succeeded()
        await reopenLogs()
        notifier?.reloaded("configuration read again, nothing has changed")
        logger.info(
            "the configuration was read again: nothing has changed", metadata: ["cause": "\(cause.rawValue)"])
    }

    /// The source could not be read, or was wrong, and is again what runs.
    private func recovered() {
        guard state.withLock({ $0.lastFault }) != nil else { return }
        succeeded()
        notifier?.reloaded("configuration usable again")
        logger.info("the configuration can be used again: it is the one that runs")
    }

    private func failed(_ error: AgentError, _ cause: Cause) {
        guard !stopping.isSignalled else { return }
        let isKnown = wrong(error.message)
        let faults = error.message.split(separator: "\n")
        notifier?.reloaded("configuration NOT reloaded: \(faults.first ?? "")")
        // A fault that lasts is said once, unless somebody asks again.
        if isKnown, cause == .watch { return }
        logger.error(
            "the configuration was not reloaded; the one before goes on",
            metadata: ["cause": "\(cause.rawValue)", "faults": .stringConvertible(faults.count)])
        for fault in faults { logger.error("\(fault)") }
    }

    /// Returns whether the same was wrong before.
    @discardableResult
    private func wrong(_ message: String) -> Bool {
        isSuccessful.set(0)
        stages.running.withLock { $0.configurationFault = message }
        return state.withLock { state in
            defer { state.lastFault = message }
            return state.lastFault == message
        }
    }

    private func tell(_ difference: ConfigurationDifference, _ cause: Cause, tookMs: UInt64) {
        notifier?.reloaded("configuration reloaded")
        logger.info(
            "the configuration was reloaded",
            metadata: [
                "cause": "\(cause.rawValue)", "took_ms": .stringConvertible(tookMs),
                "jobs_kept": .stringConvertible(difference.equalJobs.count),
                "jobs_changed": .stringConvertible(difference.changedJobs.count),
                "jobs_added": .stringConvertible(difference.addedJobs.count),
                "jobs_removed": .stringConvertible(difference.removedJobs.count),
                "remote_writes_kept": .stringConvertible(difference.equalDestinations.count),
                "remote_writes_changed": .stringConvertible(
                    difference.changedDestinations.count + (difference.rename == nil ? 0 : 1)),
                "remote_writes_added": .stringConvertible(difference.addedDestinations.count),
                "remote_writes_removed": .stringConvertible(difference.removedDestinations.count),
            ])
    }
}
