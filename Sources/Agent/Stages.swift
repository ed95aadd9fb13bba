import AWS
import Configuration
import Discovery
import HTTPTransport
import Logging
import MetricModel
import Platform
import RemoteWrite
import Scrape
import StatusServer
import Synchronization
import Telemetry
import WriteAheadBuffer

/// Every stage, built from one configuration and fitted together; a reload changes jobs and destinations
/// while they run.
final class Stages: Sendable {
    /// What runs now. Changed by one reload at a time.
    struct Running: Sendable {
        var configuration: Configuration
        var jobs: [JobRunner]
        /// In the order of the configuration.
        var destinations: [DestinationRunner]
        /// Where the pages are; empty until they are there.
        var listening: [ListenAddress] = []
        var isStopping = false
        /// Why the source's configuration is not the one that runs; nil where it is.
        var configurationFault: String?
    }

    let parts: Parts
    var options: AgentOptions { parts.options }
    var registry: MetricRegistry { parts.registry }
    var buffer: WriteAheadBuffer { parts.buffer }
    var http: HTTPClient { parts.http }
    private var clock: SteadyClock { parts.clock }
    let running: Mutex<Running>
    /// Jobs and destinations that are to be run: those of the start first.
    private let (newJobs, jobFeed) = AsyncStream.makeStream(of: JobRunner.self)
    private let (newDestinations, destinationFeed) = AsyncStream.makeStream(of: DestinationRunner.self)

    private init(_ parts: Parts, _ running: Running) {
        self.parts = parts
        self.running = Mutex(running)
        for job in running.jobs { begin(job) }
        for destination in running.destinations { begin(destination) }
    }

    var configuration: Configuration { running.withLock { $0.configuration } }
    var jobs: [JobRunner] { running.withLock { $0.jobs } }
    var destinations: [DestinationRunner] { running.withLock { $0.destinations } }

    /// Runs it with the others, from now on or once `produce` begins.
    func begin(_ job: JobRunner) { jobFeed.yield(job) }

    /// Runs it with the others, from now on or once `ship` begins.
    func begin(_ destination: DestinationRunner) { destinationFeed.yield(destination) }

    static func build(
        _ configuration: Configuration, options: AgentOptions, clock: any AgentClock, files: any FileDoor,
        whenLocked: () -> Void = {}
    ) async throws(AgentError) -> Stages {
        StartThreads.requireRoom(for: configuration.scrapeConfigs, files: files)
        let registry = MetricRegistry()
        let interner = LayoutInterner()
        let clock = ClockReport.steady(clock, logger: Logger(label: "agent"))
        let limits = CgroupLimits.current(files: files)
        let workers = WorkerPool(
            name: "worker", threads: limits.workerThreads(onlineCores: CgroupLimits.onlineCores))
        // Discovery goes on while a disk that stands still holds every worker in an append. Target files and
        // the files of credentials have a thread each: a folder of the network that hangs holds up its own
        // kind alone.
        let lookups = WorkerPool(name: "lookup", threads: 1)
        let targetFiles = WorkerPool(name: "target-files", threads: 1)
        let accessFiles = WorkerPool(name: "access-files", threads: 1)
        try StorageDirectory.check(options.storagePath, files: files, logger: Logger(label: "agent"))
        let memory = MemoryAccount(memoryBytes: options.memoryBytes(cgroupBytes: limits.memoryBytes))
        let memoryLogger = Logger(label: "memory")
        let keeper = MemoryKeeper(
            ceiling(options, cgroupBytes: limits.memoryBytes, logger: memoryLogger), account: memory,
            registry: registry, logger: memoryLogger)
        let buffer: WriteAheadBuffer
        let openingNs = clock.monotonicNs
        do {
            buffer = try WriteAheadBuffer(
                bufferConfiguration(options), interner: interner, clock: clock, files: files,
                registry: registry, logger: Logger(label: "buffer"), memory: memory)
        } catch {
            throw StorageDirectory.fault(error, in: options.storagePath)
        }
        whenLocked()
        registry.gauge(
            "prometheus_agent_data_replay_duration_seconds",
            help: "How long reading what the buffer holds took at the start."
        ).set(Double(clock.monotonicNs &- openingNs) / 1e9)
        clock.begin(newestMs: buffer.appendedHighestTimestampMs)
        AgentMetrics.register(memory, in: registry)
        let http = HTTPClient(
            HTTPClientConfiguration(
                userAgent: "narthex/\(options.version)",
                waitingBytesLimit: min(64 << 20, memory.limitBytes(of: .bodies) / 4), memory: memory,
                caFile: options.environment["SSL_CERT_FILE"],
                caDirectory: options.environment["SSL_CERT_DIR"]),
            registry: registry, logger: Logger(label: "http"))
        let (routes, aws) = await AWSRoutes.make(
            http: http, workers: accessFiles, files: files, clock: clock, environment: options.environment,
            logger: Logger(label: "aws"), registry: registry)
        let parts = Parts(
            options: options, registry: registry, interner: interner, workers: workers,
            lookups: lookups, targetFiles: targetFiles, buffer: buffer,
            http: http, keeper: keeper,
            figures: MemoryFigures(
                account: memory, keeper: keeper, registry: registry, clock: clock, files: files),
            aws: aws,
            inventories: ECSInventories(aws: aws, routes: routes, clock: clock, registry: registry),
            clock: clock, files: files, failureLogs: ScrapeFailureLogs(files: files),
            exemplars: FrameSwitch(configuration.sendsExemplars),
            details: FrameSwitch(configuration.sendsDetails),
            targetFileTimes: TargetFileTimes(registry: registry), families: SharedFamilies(clock: clock))
        do {
            return try await fitted(configuration, parts)
        } catch {
            letGo(buffer, http)
            throw error
        }
    }

    /// The senders and the jobs, made of their parts.
    private static func fitted(
        _ configuration: Configuration, _ parts: Parts
    ) async throws(AgentError) -> Stages {
        let (registry, buffer, clock) = (parts.registry, parts.buffer, parts.clock)
        var destinations: [DestinationRunner] = []
        for entry in configuration.remoteWrites { destinations.append(try await parts.destination(entry)) }
        do {
            try buffer.retire(destinationsExcept: configuration.remoteWrites.map(\.name))
        } catch {
            throw StorageDirectory.fault(error, in: parts.options.storagePath)
        }
        var jobs: [JobRunner] = []
        for job in configuration.scrapeConfigs {
            let labels = configuration.global.externalLabels
            jobs.append(parts.job(job, try await parts.needs(of: job, externalLabels: labels)))
        }
        let stages = Stages(
            parts, Running(configuration: configuration, jobs: jobs, destinations: destinations))
        parts.families.set { [weak stages] in stages?.jobs.map(\.pool.families) ?? [] }
        AgentMetrics.registerIgnored(in: registry) { [weak stages] in stages?.configuration.ignored ?? [] }
        ProcessStatistics(files: parts.files, clock: clock).register(in: registry)
        RemoteStorageTotals.register(registry, highestTimestampMs: { buffer.appendedHighestTimestampMs })
        AgentMetrics.register(
            in: registry, buffer: buffer, version: parts.options.version,
            jobs: { [weak stages] in stages?.jobs.map(\.name) ?? [] },
            isReady: { [weak stages] in stages?.isReady() ?? false })
        AgentMetrics.registerSizes(in: registry) { [weak stages] in
            stages?.jobs.map { ($0.name, $0.pool.size) } ?? []
        }
        SeriesMemory.register(in: registry) { [figures = parts.figures] in figures.seriesMemory() }
        ClockReport.register(in: registry, clock: clock)
        parts.figures.register()
        stages.beginMemory()
        return stages
    }

    /// Discovery and scraping, until cancelled. Nothing is scraped while the clock is certainly wrong.
    func produce() async {
        await withDiscardingTaskGroup { group in
            for await job in newJobs {
                group.addTask { [clock] in
                    await job.run(scrapingAfter: { await clock.untilCredible() })
                    self.forget(job)
                }
            }
        }
    }

    /// The sender of every destination, until cancelled.
    func ship() async {
        await withDiscardingTaskGroup { group in
            for await destination in newDestinations { group.addTask { await destination.run() } }
        }
    }

    /// Takes the figures of a job away that a reload has removed, unless another has brought it back.
    private func forget(_ job: JobRunner) {
        guard job.isEnded else { return }
        // A job that comes back gets its figures under the lock as well: they are not taken for these.
        running.withLock { running in
            if !running.jobs.contains(where: { $0.name == job.name }) { parts.forgetFigures(ofJob: job.name) }
        }
        parts.freed.signal()
    }

    /// Lets every destination send for so long.
    func drain(forMs durationMs: Int64) async {
        let deadlineNs = clock.deadlineNs(inMs: durationMs)
        await withDiscardingTaskGroup { group in
            for destination in destinations {
                group.addTask { await destination.writer.drain(untilNs: deadlineNs) }
            }
        }
    }

    /// From now on the agent is not ready.
    func setStopping() { running.withLock { $0.isStopping = true } }

    /// Lets go of what a failed start has opened.
    func abandon() {
        parts.keeper.end()
        Self.letGo(buffer, http)
    }

    private static func letGo(_ buffer: WriteAheadBuffer, _ http: HTTPClient) {
        http.shutDown()
        // The start has failed already and says why; nothing was appended that this could lose.
        try? buffer.abandon()
    }

    func snapshot() -> AgentSnapshot {
        let ledger = buffer.ledger()
        var snapshot = AgentSnapshot()
        snapshot.bufferBytes = buffer.sizeBytes
        snapshot.diskRefusal = buffer.diskRefusal
        snapshot.samplesInMemory = buffer.samplesInMemory
        let lostForRoom = buffer.lostForRoom
        snapshot.scraped = ledger.jobs.values.reduce(0, +)
        snapshot.endpoints = jobs.flatMap { job in
            job.pool.targetStates().map { state in
                AgentSnapshot.Endpoint(
                    job: job.name, url: state.url, labels: "\(state.labels)",
                    isUp: state.health == .unknown ? nil : state.health == .up,
                    lastError: state.lastError.map { "\($0)" } ?? state.remark)
            }
        }
        snapshot.destinations = destinations.compactMap { runner in
            // While a reload renames a destination, the ledger has no entry of its old name any more.
            guard let books = ledger.destinations[runner.name] else { return nil }
            var destination = AgentSnapshot.Destination(name: runner.name)
            for entry in books.values {
                destination.delivered += entry.delivered
                destination.buffered += entry.buffered
                destination.earlier += entry.earlier
                destination.dropped.merge(entry.dropped, uniquingKeysWith: +)
            }
            let status = runner.writer.status()
            destination.lastError = status.slots.compactMap(\.lastError).first
            destination.readingStopped = status.readingStop?.sentence
            destination.lostForRoom = lostForRoom[runner.name] ?? 0
            destination.isHolding = status.slots.contains(where: \.isHolding)
            destination.isDropping = status.slots.contains(where: \.isDropping)
            destination.sampleAgeLimitMs = status.sampleAgeLimitMs
            return destination
        }
        return snapshot
    }

    private static func bufferConfiguration(_ options: AgentOptions) -> BufferConfiguration {
        var configuration = BufferConfiguration(directory: options.storagePath)
        configuration.segmentSizeBytes = options.segmentSizeBytes
        configuration.syncIntervalMs = options.syncIntervalMs
        configuration.retentionBytes = options.retentionMaxBytes
        configuration.retentionAgeMs = options.retentionMaxAgeMs
        return configuration
    }
}

extension Stages: StatusPages {
    func metrics(_ format: MetricFormat) -> String { registry.render(format) }

    func isReady() -> Bool { !running.withLock { $0.isStopping } }

    func summary() -> StatusSummary {
        let snapshot = snapshot()
        var summary = StatusSummary(
            version: options.version, discoveredTargets: snapshot.endpoints.count,
            healthyTargets: snapshot.endpoints.count { $0.isUp == true }, scrapedSamples: snapshot.scraped,
            bufferedSamples: snapshot.destinations.map(\.buffered).reduce(0, +),
            acknowledgedSamples: snapshot.destinations.map(\.delivered).reduce(0, +),
            droppedSamples: snapshot.destinations.map(\.droppedTotal).reduce(0, +))
        summary.targets = snapshot.endpoints.map { endpoint in
            StatusSummary.Target(
                job: endpoint.job, url: endpoint.url, labels: endpoint.labels, isUp: endpoint.isUp,
                lastError: endpoint.lastError)
        }
        summary.discoveryProblems = jobs.flatMap { job in
            job.discovery.problems.map {
                StatusSummary.DiscoveryProblem(job: job.name, provider: $0.provider, message: $0.message)
            }
        }
        if snapshot.diskRefusal != nil || snapshot.samplesInMemory > 0 {
            summary.diskRefusal = StatusSummary.DiskRefusal(
                reason: snapshot.diskRefusal, samplesInMemory: snapshot.samplesInMemory)
        }
        summary.configurationFault = running.withLock { $0.configurationFault }
        summary.ignoredSettings = configuration.ignored.map {
            StatusSummary.IgnoredSetting(
                key: $0.key, place: $0.place, sentence: $0.sentence, isMissed: $0.severity == .missed)
        }
        let urls = Dictionary(
            destinations.map { ($0.name, $0.writer.status().url) }, uniquingKeysWith: { first, _ in first })
        summary.destinations = snapshot.destinations.map { destination in
            StatusSummary.Destination(
                name: destination.name, url: urls[destination.name] ?? "", delivered: destination.delivered,
                dropped: destination.dropped, buffered: destination.buffered,
                lastError: destination.lastError, readingStopped: destination.readingStopped,
                isHolding: destination.isHolding, isDropping: destination.isDropping,
                ageLimit: destination.sampleAgeLimitMs.map { PrometheusDuration.text(ms: $0) },
                lostForRoom: destination.lostForRoom)
        }
        return summary
    }
}

extension Configuration {
    /// Whether some destination sends exemplars: else they need not be kept.
    var sendsExemplars: Bool { remoteWrites.contains { $0.sendExemplars } }

    /// Whether some destination may speak remote write 2.0, which has a place for start timestamps and the
    /// metadata of series: else they need not be kept.
    var sendsDetails: Bool { remoteWrites.contains { $0.protobufMessage != .v1 } }
}
