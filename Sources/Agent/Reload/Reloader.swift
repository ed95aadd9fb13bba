import Configuration
import Logging
import Platform
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
    }

    private let stages: Stages
    private let clock: any AgentClock
    private let files: any FileDoor
    private let logger: Logger
    private let isSuccessful: Gauge
    private let succeededAt: Gauge
    private let state = Mutex(State())
    private let arrived = Event()
    private let stopping = Event()

    /// The configuration that `stages` were built from counts as one that was read with success.
    init(stages: Stages, clock: any AgentClock, files: any FileDoor, logger: Logger) {
        self.stages = stages
        self.clock = clock
        self.files = files
        self.logger = logger
        isSuccessful = stages.registry.gauge(
            "prometheus_config_last_reload_successful",
            help: "Whether the last load of the configuration succeeded.")
        succeededAt = stages.registry.gauge(
            "prometheus_config_last_reload_success_timestamp_seconds",
            help: "When the configuration was last loaded, in seconds since 1970.")
        succeeded()
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
            if let intervalMs = stages.options.autoReloadIntervalMs {
                group.addTask { await self.watch(everyMs: intervalMs) }
            }
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

    private func take() -> [Request] {
        state.withLock { state in
            defer { state.requests = [] }
            return state.requests
        }
    }

    private func watch(everyMs intervalMs: Int64) async {
        while !stopping.isSignalled {
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
        do throws(AgentError) {
            guard let prepared = try await prepare() else {
                if cause == .watch { recovered() } else { unchanged(cause) }
                return .success(())
            }
            try await stages.apply(prepared, logger: logger)
            ConfigurationSource.told(prepared.configuration, logger)
            succeeded()
            Heap.trim()
            tell(prepared.difference, cause, tookMs: (clock.monotonicNs &- startNs) / 1_000_000)
            return .success(())
        } catch {
            failed(error, cause)
            return .failure(error)
        }
    }

    /// What is to be done; nil where the source says what runs. Ends early when the agent stops.
    private func prepare() async throws(AgentError) -> PreparedReload? {
        let (stages, clock, files, logger) = (stages, clock, files, logger)
        return try await stopping.cancelling { () async throws(AgentError) -> PreparedReload? in
            let parts = stages.parts
            let new = try await ConfigurationSource.again(
                stages.options, aws: parts.aws, workers: parts.targetFiles, clock: clock, files: files,
                logger: logger)
            let old = stages.configuration
            guard new != old else { return nil }
            return try await parts.reload(to: new, from: old)
        }
    }

    private func succeeded() {
        state.withLock { $0.lastFault = nil }
        isSuccessful.set(1)
        succeededAt.set(Double(clock.wallMs) / 1_000)
    }

    private func unchanged(_ cause: Cause) {
        succeeded()
        logger.info(
            "the configuration was read again: nothing has changed", metadata: ["cause": "\(cause.rawValue)"])
    }

    /// The source could not be read, or was wrong, and is again what runs.
    private func recovered() {
        guard state.withLock({ $0.lastFault }) != nil else { return }
        succeeded()
        logger.info("the configuration can be used again: it is the one that runs")
    }

    private func failed(_ error: AgentError, _ cause: Cause) {
        guard !stopping.isSignalled else { return }
        let isKnown = state.withLock { state in
            defer { state.lastFault = error.message }
            return state.lastFault == error.message
        }
        isSuccessful.set(0)
        // A fault that lasts is said once, unless somebody asks again.
        if isKnown, cause == .watch { return }
        let faults = error.message.split(separator: "\n")
        logger.error(
            "the configuration was not reloaded; the one before goes on",
            metadata: ["cause": "\(cause.rawValue)", "faults": .stringConvertible(faults.count)])
        for fault in faults { logger.error("\(fault)") }
    }

    private func tell(_ difference: ConfigurationDifference, _ cause: Cause, tookMs: UInt64) {
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
