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

/// Every stage, built from one configuration and fitted together.
final class Stages: Sendable {
    let options: AgentOptions
    let registry: MetricRegistry
    let buffer: WriteAheadBuffer
    let http: HTTPClient
    let jobs: [JobRunner]
    private let writers: [(name: String, writer: RemoteWriter)]
    private let clock: SteadyClock
    /// What the configuration asks for in vain.
    private let ignored: [IgnoredSetting]
    private let isStopping = Mutex(false)

    private init(
        options: AgentOptions, registry: MetricRegistry, buffer: WriteAheadBuffer, http: HTTPClient,
        jobs: [JobRunner], writers: [(name: String, writer: RemoteWriter)], clock: SteadyClock,
        ignored: [IgnoredSetting]
    ) {
        self.options = options
        self.registry = registry
        self.buffer = buffer
        self.http = http
        self.jobs = jobs
        self.writers = writers
        self.clock = clock
        self.ignored = ignored
    }

    static func build(
        _ configuration: Configuration, options: AgentOptions, clock: any AgentClock, files: any FileDoor
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
        let buffer: WriteAheadBuffer
        do {
            buffer = try WriteAheadBuffer(
                bufferConfiguration(options), interner: interner, clock: clock, files: files,
                registry: registry,
                logger: Logger(label: "buffer"))
        } catch {
            throw AgentError(.storage, "--storage.agent.path: \(error)")
        }
        clock.begin(newestMs: buffer.appendedHighestTimestampMs)
        let memory = MemoryAccount(memoryBytes: limits.memoryBytes)
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
            http: http, aws: aws,
            inventories: ECSInventories(aws: aws, routes: routes, clock: clock, registry: registry),
            clock: clock, files: files, failureLogs: ScrapeFailureLogs(files: files))
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
        let (options, registry, buffer, clock) = (parts.options, parts.registry, parts.buffer, parts.clock)
        var writers: [(name: String, writer: RemoteWriter)] = []
        for entry in configuration.remoteWrites {
            writers.append((entry.name, try await parts.writer(entry)))
        }
        do {
            try buffer.retire(destinationsExcept: configuration.remoteWrites.map(\.name))
        } catch {
            throw AgentError(.storage, "--storage.agent.path: \(error)")
        }
        var jobs: [JobRunner] = []
        for job in configuration.scrapeConfigs {
            jobs.append(
                try await parts.job(
                    job, externalLabels: configuration.global.externalLabels,
                    keepsExemplars: configuration.remoteWrites.contains { $0.sendExemplars }))
        }
        let stages = Stages(
            options: options, registry: registry, buffer: buffer, http: parts.http, jobs: jobs,
            writers: writers, clock: clock, ignored: configuration.ignored)
        AgentMetrics.register(ignored: configuration.ignored, in: registry)
        ProcessStatistics(files: parts.files, clock: clock).register(in: registry)
        RemoteStorageTotals.register(
            registry, samplesIn: { buffer.ledger().jobs.values.reduce(0, +) },
            highestTimestampMs: { buffer.appendedHighestTimestampMs })
        AgentMetrics.register(
            in: registry, buffer: buffer, version: options.version, clock: clock
        ) { [weak stages] in stages?.isReady() ?? false }
        AgentMetrics.registerSizes(in: registry) { [weak stages] in
            stages?.jobs.map { ($0.name, $0.pool.size) } ?? []
        }
        ClockReport.register(in: registry, clock: clock)
        return stages
    }

    /// Discovery and scraping, until cancelled. Nothing is scraped while the clock is certainly wrong.
    func produce() async {
        await withDiscardingTaskGroup { group in
            for job in jobs {
                group.addTask { [clock] in await job.run(scrapingAfter: { await clock.untilCredible() }) }
            }
        }
    }

    /// The lanes of every destination, until cancelled.
    func ship() async {
        await withDiscardingTaskGroup { group in
            for (_, writer) in writers { group.addTask { await writer.run() } }
        }
    }

    /// Lets every destination send for so long.
    func drain(forMs durationMs: Int64) async {
        let deadlineNs = clock.deadlineNs(inMs: durationMs)
        await withDiscardingTaskGroup { group in
            for (_, writer) in writers { group.addTask { await writer.drain(untilNs: deadlineNs) } }
        }
    }

    /// From now on the agent is not ready.
    func setStopping() { isStopping.withLock { $0 = true } }

    /// Lets go of what a failed start has opened.
    func abandon() { Self.letGo(buffer, http) }

    private static func letGo(_ buffer: WriteAheadBuffer, _ http: HTTPClient) {
        http.shutDown()
        // The start has failed already and says why; nothing was appended that this could lose.
        try? buffer.abandon()
    }

    func snapshot() -> AgentSnapshot {
        let ledger = buffer.ledger()
        var snapshot = AgentSnapshot()
        snapshot.bufferBytes = buffer.sizeBytes
        snapshot.scraped = ledger.jobs.values.reduce(0, +)
        snapshot.endpoints = jobs.flatMap { job in
            job.pool.targetStates().map { state in
                AgentSnapshot.Endpoint(
                    job: job.name, url: state.url, labels: "\(state.labels)",
                    isUp: state.health == .unknown ? nil : state.health == .up,
                    lastError: state.lastError.map { "\($0)" })
            }
        }
        snapshot.destinations = writers.map { name, writer in
            var destination = AgentSnapshot.Destination(name: name)
            for entry in (ledger.destinations[name] ?? [:]).values {
                destination.delivered += entry.delivered
                destination.buffered += entry.buffered
                destination.dropped.merge(entry.dropped, uniquingKeysWith: +)
            }
            destination.lastError = writer.status().lanes.compactMap(\.lastError).first
            return destination
        }
        return snapshot
    }

    private static func bufferConfiguration(_ options: AgentOptions) -> BufferConfiguration {
        var configuration = BufferConfiguration(directory: options.storagePath)
        configuration.segmentSizeBytes = options.segmentSizeBytes
        configuration.retentionBytes = options.retentionMaxBytes
        configuration.retentionAgeMs = options.retentionMaxAgeMs
        return configuration
    }
}

extension Stages: StatusPages {
    func metrics(_ format: MetricFormat) -> String { registry.render(format) }

    func isReady() -> Bool { !isStopping.withLock { $0 } }

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
        summary.ignoredSettings = ignored.map {
            StatusSummary.IgnoredSetting(
                key: $0.key, place: $0.place, sentence: $0.sentence, isMissed: $0.severity == .missed)
        }
        summary.destinations = zip(snapshot.destinations, writers).map { destination, entry in
            StatusSummary.Destination(
                name: destination.name, url: entry.writer.status().url, buffered: destination.buffered,
                lastError: destination.lastError)
        }
        return summary
    }
}
