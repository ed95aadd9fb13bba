import Addresses
import AWS
import Configuration
import Discovery
import HTTPAccess
import HTTPTransport
import Logging
import MetricModel
import Platform
import RemoteWrite
import Scrape
import Telemetry
import WriteAheadBuffer

/// What every job and every destination is made with.
struct Parts: Sendable {
    let options: AgentOptions
    let registry: MetricRegistry
    let interner: LayoutInterner
    /// Parse, append, read the buffer and encode.
    let workers: WorkerPool
    /// Reads answers for discovery.
    let lookups: WorkerPool
    /// Reads target files.
    let targetFiles: WorkerPool
    let buffer: WriteAheadBuffer
    let http: HTTPClient
    let aws: AWSAccess
    let inventories: ECSInventories
    let clock: SteadyClock
    let files: any FileDoor
    let failureLogs: ScrapeFailureLogs
    /// Made with the first job that wants it.
    let resolver = SharedResolver()

    /// How many lanes a destination has: enough to fill a long round trip, few enough that batches fill. The
    /// cursor keeps the number while there is a backlog.
    static func laneCount(_ queue: QueueConfiguration) -> Int {
        max(1, min(queue.maxShards, max(queue.minShards, 2)))
    }

    /// The sender of one remote_write entry, its cursor found or made.
    func writer(_ entry: RemoteWriteConfiguration) async throws(AgentError) -> RemoteWriter {
        let destination: BufferDestination
        do {
            destination = try buffer.openDestination(entry.name, lanes: Self.laneCount(entry.queue))
        } catch {
            throw AgentError(.storage, "--storage.agent.path: \(error)")
        }
        var credentials: CredentialChain?
        var region: String?
        if let block = entry.sigv4 {
            region = await aws.region(
                configured: block.region, profile: block.profile,
                remoteWriteHost: HTTPURL(entry.url)?.hostName)
            credentials = aws.credentials(
                CredentialConfiguration(
                    accessKeyID: block.accessKey, secretAccessKey: block.secretKey, profile: block.profile,
                    roleARN: block.roleARN, externalID: block.externalID, region: region,
                    usesFIPSSTS: block.useFIPSSTSEndpoint))
            guard region != nil else {
                throw AgentError(
                    .configuration,
                    "remote_write \(entry.name): no AWS region to sign for: set sigv4.region, or AWS_REGION, "
                        + "or a region in the profile (neither the url's host nor ECS' or EC2's metadata "
                        + "names one)")
            }
        }
        return RemoteWriter(
            configuration: entry, destination: BufferLaneSource(buffer: buffer, destination: destination),
            http: client(entry.http), credentials: credentials, region: region, workers: workers,
            clock: clock, registry: registry, logger: Logger(label: "remote"))
    }

    /// The HTTP client with the options of one block.
    func client(_ options: HTTPClientOptions) -> AccessClient {
        AccessClient(
            options, http: http, workers: workers, files: files, clock: clock,
            environment: options.proxy.fromEnvironment ? self.options.environment : [:])
    }

    /// One scrape job: its pool and its discovery.
    func job(
        _ job: ScrapeConfiguration, externalLabels: LabelSet, keepsExemplars: Bool
    ) async throws(AgentError) -> JobRunner {
        // The client itself begins scrapes at their time; what adds to requests needs a task for each.
        let http: any HTTPPerforming = job.http.addsNothing ? http : client(job.http)
        let failureLog: ScrapeFailureLog?
        do {
            failureLog = try failureLogs.log(job.scrapeFailureLogFile)
        } catch {
            throw AgentError(.configuration, "job \(job.jobName): scrape_failure_log_file: \(error)")
        }
        let pool = ScrapePool(
            configuration: job, externalLabels: externalLabels, http: http, workers: workers,
            appender: BufferAppender(buffer: buffer), interner: interner, clock: clock, registry: registry,
            logger: Logger(label: "scrape"), offsetSeed: offsetSeed(externalLabels),
            keepsExemplars: keepsExemplars, startFloorMs: buffer.appendedHighestTimestampMs,
            failureLog: failureLog)
        let logger = Logger(label: "discovery")
        var access: [TargetProviders.ECSAccess] = []
        for entry in job.ecsSDConfigs {
            access.append(try await inventories.access(entry, job: job.jobName))
        }
        var remaining = access[...]
        let providers: [any TargetProvider]
        do {
            // Called once for each entry, in their order.
            providers = try TargetProviders.make(
                for: job, files: files, workers: targetFiles, clock: clock, registry: registry,
                logger: logger
            ) { _ throws(AWSError) in remaining.removeFirst() }
        } catch {
            throw AgentError(.configuration, "job \(job.jobName): \(error.message)")
        }
        let network =
            job.httpSDConfigs.isEmpty && job.dnsSDConfigs.isEmpty
            ? []
            : TargetProviders.network(
                for: job, http: client, resolver: resolver.shared(), workers: lookups, clock: clock,
                registry: registry, logger: logger)
        return JobRunner(
            name: job.jobName,
            discovery: DiscoveryManager(
                job: job, providers: providers + network, clock: clock, registry: registry, logger: logger),
            pool: pool)
    }

    /// Differs between replicas that run with different external labels or on different hosts, so that they
    /// do not scrape at the same moment; the same after a restart.
    private func offsetSeed(_ externalLabels: LabelSet) -> UInt64 {
        let host = Label("__host__", HostName.current)
        return Target(job: "", own: LabelSet(externalLabels.labels + [host])).id
    }
}
