import AWS
import Configuration
import Discovery
import HTTPTransport
import Logging
import MetricModel
public import Platform
import RemoteWrite
import Scrape
import StatusServer
import Synchronization
import Telemetry
import WriteAheadBuffer

#if canImport(Glibc)
import Glibc
#endif

/// The whole agent in one process: started, looked at, stopped.
public final class Agent: Sendable {
    private let stages: Stages
    private let server: StatusServer
    private let producers: Task<Void, Never>
    private let shippers: Task<Void, Never>
    private let keeper: Task<Void, Never>
    private let settling: Task<Void, Never>
    private let reloader: Reloader
    private let reloading: Task<Void, Never>
    let notifier: ServiceNotifier?
    private let notifying: Task<Void, Never>
    private let addressFile: StatusAddressFile
    private let logger: Logger
    /// Nothing is to be sent any more.
    private let atOnce = Event()

    /// Long enough for the start to be over, whatever it waits for, and short enough to be seen.
    private static let settledAfterMs: Int64 = 5_000

    private init(
        stages: Stages, server: StatusServer, reloader: Reloader, notifier: ServiceNotifier?, logger: Logger,
        clock: any AgentClock, files: any FileDoor
    ) {
        self.stages = stages
        self.server = server
        self.reloader = reloader
        self.notifier = notifier
        self.logger = logger
        addressFile = StatusAddressFile(storagePath: stages.options.storagePath, files: files)
        // These tasks run until `stop`, which waits for them in this order: reloading, producing, shipping,
        // keeping.
        producers = Task { await stages.produce() }
        shippers = Task { await stages.ship() }
        keeper = Task { await stages.buffer.run() }
        reloading = Task { await reloader.run() }
        notifying = Task {
            await notifier?.run(pulse: { await stages.pulse() }, condition: { stages.condition() })
        }
        settling = Task {
            // Cancelled by a stop that comes before: then there is nothing left to gain.
            guard (try? await clock.sleep(forMs: Self.settledAfterMs)) != nil else { return }
            ProgramPages.release(files: files)
            Heap.trim()
            stages.parts.figures.measureProgram()
        }
    }

    /// Reads the configuration, opens the buffer, binds the status page and begins to scrape and to ship.
    /// A service manager that the environment names is told so.
    /// `whenQuit` is called when somebody asks for the end by `/-/quit` for the first time.
    public static func start(
        _ options: AgentOptions, clock: any AgentClock = SystemClock(), files: any FileDoor = POSIXFiles(),
        whenQuit: @escaping @Sendable () -> Void = {}
    ) async throws(AgentError) -> Agent {
        let startNs = clock.monotonicNs
        var logger = Logger(label: "agent")
        let notifier = ServiceNotifier(
            environment: options.environment, processID: getpid(), clock: clock, logger: logger)
        var options = options
        for name in ServiceNotifier.variables { options.environment[name] = nil }
        for remark in options.features.remarks {
            logger.log(
                level: remark.isWarning ? .warning : .info, "--enable-feature: \(remark.name) \(remark.text)")
        }
        let loaded = try await ConfigurationSource.load(
            options, clock: clock, files: files, logger: logger)
        let configuration = loaded.configuration
        let addresses = try listenAddresses(options)
        try OwnAddresses(addresses).refuse(configuration.remoteWrites, environment: options.environment)
        let prefix: RoutePrefix
        do {
            prefix = try RoutePrefix(externalURL: options.externalURL, routePrefix: options.routePrefix)
        } catch {
            throw AgentError(.listen, error.message)
        }
        let stages = try await Stages.build(configuration, options: options, clock: clock, files: files) {
            // Not before: the storage directory might be another agent's.
            guard let found = loaded.found else { return }
            ConfigurationReader(options, clock: clock, files: files, logger: logger).keep(found)
        }
        let reloader = Reloader(
            stages: stages, loaded: loaded, clock: clock, files: files, notifier: notifier, logger: logger)
        let lifecycle = Lifecycle(
            reload: {
                guard case .failure(let error) = await reloader.reload(.page) else { return nil }
                return error.message
            }, quit: whenQuit)
        let server: StatusServer
        do {
            server = try await StatusServer.start(
                addresses: addresses, prefix: prefix, pages: stages, registry: stages.registry,
                lifecycle: options.hasLifecycle ? lifecycle : nil)
        } catch {
            stages.abandon()
            throw AgentError(.listen, "--web.listen-address or \(ListenAddress.variable): \(error.message)")
        }
        stages.running.withLock { $0.listening = server.addresses }
        do throws(AgentError) {
            // A port that the kernel chose is known only now.
            try stages.requireOthers(configuration)
        } catch {
            await server.stop()
            stages.abandon()
            throw error
        }
        let agent = Agent(
            stages: stages, server: server, reloader: reloader, notifier: notifier, logger: logger,
            clock: clock, files: files)
        agent.publishAddress()
        notifier?.ready()
        let ceiling = stages.parts.keeper.ceiling
        logger[metadataKey: "version"] = "\(options.version)"
        logger.info(
            "started",
            metadata: [
                "jobs": .stringConvertible(configuration.scrapeConfigs.count),
                "status": "\(server.urls.joined(separator: " "))",
                "remote_writes": .stringConvertible(configuration.remoteWrites.count),
                // Zero is none.
                "memory_ceiling_bytes": .stringConvertible(ceiling?.bytes ?? 0),
                "memory_ceiling_source": "\(ceiling?.source.rawValue ?? "none")",
                "startup_ms": .stringConvertible((clock.monotonicNs - startNs) / 1_000_000),
            ])
        return agent
    }

    /// Lets `narthex healthcheck` know where the pages are. An agent scrapes and ships without it, too.
    private func publishAddress() {
        do throws(FileError) {
            try addressFile.store(server.localURLs)
        } catch {
            logger.warning(
                "narthex healthcheck has to be told the address of the status pages: it cannot be written",
                metadata: ["error": "\(error)"])
        }
    }

    /// All that is wrong with them at once.
    private static func listenAddresses(_ options: AgentOptions) throws(AgentError) -> [ListenAddress] {
        var addresses: [ListenAddress] = []
        var faults: [String] = []
        for text in options.listenAddresses {
            do {
                addresses.append(try ListenAddress.parse(text))
            } catch {
                faults.append("--web.listen-address or \(ListenAddress.variable): \(error.message)")
            }
        }
        guard faults.isEmpty else { throw AgentError(.listen, faults.joined(separator: "\n")) }
        return addresses
    }

    /// The configuration that `start` would make from `remoteWriteURL`, checked, as YAML. No secret is in it.
    public static func generatedConfiguration(
        _ options: AgentOptions, clock: any AgentClock = SystemClock(), files: any FileDoor = POSIXFiles()
    ) async throws(AgentError) -> String {
        let source = try await ConfigurationSource.generated(options, clock: clock, files: files)
        _ = try ConfigurationSource.checked(source, options: options)
        return String(decoding: source.text, as: UTF8.self)
    }

    /// Where the status page is.
    public var statusURL: String { server.url }

    /// The numbers now.
    public func snapshot() -> AgentSnapshot { stages.snapshot() }

    /// Asks for the configuration to be read again, as SIGHUP does, and does not wait for it: what comes of
    /// it is logged.
    public func requestReload() { reloader.request(.signal) }

    /// Reads the configuration again and makes it the one that runs. After a throw the one before goes on.
    public func reload() async throws(AgentError) { try await reloader.reload(.signal).get() }

    /// Ends a `stop` that still sends, or makes the next one not send at all: what is buffered goes out after
    /// the next start.
    public func stopAtOnce() async {
        logger.info("stopping at once; what is not sent yet stays in the buffer")
        // Senders that a reload is about to begin are not there yet: `stop` looks once they are.
        atOnce.signal()
        await stages.drain(forMs: 0)
    }

    /// Stops scraping, goes on sending until the flush deadline, makes the buffer durable and closes it.
    /// Returns the last numbers: what was not sent is in the buffer and goes out after the next start.
    @discardableResult
    public func stop() async throws(AgentError) -> AgentSnapshot {
        logger.info(
            "stopping", metadata: ["flush_deadline_ms": .stringConvertible(stages.options.flushDeadlineMs)])
        stages.setStopping()
        notifier?.stopping(flushMs: stages.options.flushDeadlineMs)
        notifying.cancel()
        await notifying.value
        // A manager that is behind hears of the stop while it goes on.
        let telling = Task { await notifier?.tellRest() }
        defer { telling.cancel() }
        settling.cancel()
        reloader.end()
        await reloading.value
        producers.cancel()
        await producers.value
        await stages.drain(forMs: atOnce.isSignalled ? 0 : stages.options.flushDeadlineMs)
        shippers.cancel()
        await shippers.value
        keeper.cancel()
        await keeper.value
        await settling.value
        stages.parts.keeper.end()
        let last = stages.snapshot()
        // One that stays names an address where nobody answers, which a health check finds out.
        try? addressFile.remove()
        await server.stop()
        stages.http.shutDown()
        do {
            try await stages.buffer.shutDown()
        } catch {
            throw AgentError(.storage, "the buffer could not be closed: \(error)")
        }
        // Samples that the disk has not taken are lost with the process. The next start does not find them,
        // so they do not count as buffered. The buffer has logged how many there are.
        let books = stages.buffer.ledger().destinations
        for destination in last.destinations {
            let inMemory = books[destination.name]?.values.reduce(0) { $0 + $1.inMemory } ?? 0
            let lost = min(inMemory, destination.buffered)
            logger.info(
                "stopped",
                metadata: [
                    "remote_name": "\(destination.name)", "scraped": .stringConvertible(last.scraped),
                    "delivered": .stringConvertible(destination.delivered),
                    "buffered": .stringConvertible(destination.buffered - lost),
                    "dropped": .stringConvertible(destination.droppedTotal),
                    "lost": .stringConvertible(lost),
                ])
        }
        return last
    }
}
