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
    /// Keeps the resident memory below its ceiling.
    let keeper: MemoryKeeper
    /// Reports what is held in memory.
    let figures: MemoryFigures
    let aws: AWSAccess
    let inventories: ECSInventories
    let clock: SteadyClock
    let files: any FileDoor
    let failureLogs: ScrapeFailureLogs
    /// On while some destination sends exemplars.
    let exemplars: FrameSwitch
    /// On while some destination may speak remote write 2.0.
    let details: FrameSwitch
    let targetFileTimes: TargetFileTimes
    /// Signalled when much memory may have become free: what a reload has replaced is over.
    let freed = Event()
    /// The number of the targets of all jobs.
    let fleet = ScrapeFleet()
    /// What the targets of all jobs say about their metric families.
    let families: SharedFamilies
    /// Made with the first job that wants it.
    let resolver = SharedResolver()

    /// What requests of one remote_write entry are signed with.
    struct Signing: Sendable {
        var credentials: CredentialChain?
        var region: String?
    }

    /// Throws when there is no region to sign for.
    func signing(_ entry: RemoteWriteConfiguration) async throws(AgentError) -> Signing {
        guard let block = entry.sigv4 else { return Signing() }
        let region = await aws.region(
            configured: block.region, profile: block.profile, remoteWriteHost: HTTPURL(entry.url)?.hostName)
        guard region != nil else {
            throw AgentError(
                .configuration,
                "remote_write \(entry.name): no AWS region to sign for: set sigv4.region, or AWS_REGION, "
                    + "or a region in the profile (neither the url's host nor ECS' or EC2's metadata "
                    + "names one)")
        }
        let credentials = aws.credentials(
            CredentialConfiguration(
                accessKeyID: block.accessKey, secretAccessKey: block.secretKey, profile: block.profile,
                roleARN: block.roleARN, externalID: block.externalID, region: region,
                usesFIPSSTS: block.useFIPSSTSEndpoint))
        return Signing(credentials: credentials, region: region)
    }

    /// One remote_write entry with its cursor found or made, before the first append.
    func destination(
        _ entry: RemoteWriteConfiguration
    ) async throws(AgentError) -> DestinationRunner {
        let destination: BufferDestination
        do {
            destination = try buffer.openDestination(entry.name)
        } catch {
            throw StorageDirectory.fault(error, in: options.storagePath)
        }
        return await runner(entry, destination, try await signing(entry))
    }

    /// The sender of one remote_write entry, with its cursor prepared for the entry's URL.
    func runner(
        _ entry: RemoteWriteConfiguration, _ destination: BufferDestination, _ signing: Signing
    ) async -> DestinationRunner {
        await workers.run { RemoteWriter.prepare(destination, for: entry) }
        let writer = RemoteWriter(
            configuration: entry, destination: destination,
            http: client(entry.http), credentials: signing.credentials, region: signing.region,
            workers: workers, clock: clock, registry: registry, logger: Logger(label: "remote"),
            families: { [families] in families.all })
        return DestinationRunner(
            entry: entry, destination: destination, writer: writer, signing: signing)
    }

    /// The HTTP client with the options of one block.
    func client(_ options: HTTPClientOptions) -> AccessClient {
        AccessClient(
            options, http: http, workers: workers, files: files, clock: clock,
            environment: options.proxy.fromEnvironment ? self.options.environment : [:])
    }

    /// What a job is made of that may not be had.
    struct JobNeeds: Sendable {
        let plan: ScrapePlan
        /// One for each `ecs_sd_configs` entry.
        let ecs: [TargetProviders.ECSAccess]
        /// One for each `ec2_sd_configs` entry.
        let ec2: [EC2Inventory]
    }

    /// Finds out what a job is to be made of. No page shows any of it yet.
    func needs(
        of job: ScrapeConfiguration, externalLabels: LabelSet
    ) async throws(AgentError) -> JobNeeds {
        var access: [TargetProviders.ECSAccess] = []
        for entry in job.ecsSDConfigs {
            access.append(try await inventories.access(entry, job: job.jobName))
        }
        var instances: [EC2Inventory] = []
        for entry in job.ec2SDConfigs { instances.append(try await inventories.ec2(entry, job: job.jobName)) }
        return JobNeeds(plan: try plan(job, externalLabels: externalLabels), ecs: access, ec2: instances)
    }

    /// One scrape job: its pool and its discovery.
    func job(_ job: ScrapeConfiguration, _ needs: JobNeeds) -> JobRunner {
        let pool = ScrapePool(
            needs.plan, workers: workers,
            appender: BufferAppender(buffer: buffer), interner: interner, clock: clock, registry: registry,
            logger: Logger(label: "scrape"), exemplars: exemplars, details: details, room: keeper.room,
            whenOldAreOver: { [freed] in freed.signal() })
        keeper.prepare(MemoryKeeper.Job(job.jobName, pool))
        let discovery = DiscoveryManager(
            job: job, providers: providers(job, needs), clock: clock, registry: registry,
            logger: Self.discoveryLogger)
        return JobRunner(name: job.jobName, discovery: discovery, pool: pool)
    }

    /// How a job's targets are scraped.
    private func plan(
        _ job: ScrapeConfiguration, externalLabels: LabelSet
    ) throws(AgentError) -> ScrapePlan {
        let failureLog: ScrapeFailureLog?
        do {
            failureLog = try failureLogs.log(job.scrapeFailureLogFile)
        } catch {
            throw AgentError(.configuration, "job \(job.jobName): scrape_failure_log_file: \(error)")
        }
        return ScrapePlan(
            configuration: job, externalLabels: externalLabels,
            // The client itself begins scrapes at their time; what adds to requests needs a task for each.
            http: job.http.addsNothing ? http : client(job.http), offsetSeed: offsetSeed(externalLabels),
            startFloorMs: buffer.appendedHighestTimestampMs, failureLog: failureLog, fleet: fleet)
    }

    private static var discoveryLogger: Logger { Logger(label: "discovery") }

    /// What finds a job's targets; `current` may go on beside it.
    func providers(
        _ job: ScrapeConfiguration, _ needs: JobNeeds, beside current: [any TargetProvider] = []
    ) -> [any TargetProvider] {
        var remaining = needs.ecs[...]
        let local = TargetProviders.make(
            for: job, files: files, workers: targetFiles, clock: clock, registry: registry,
            times: targetFileTimes, logger: Self.discoveryLogger, beside: current
        ) { _ in remaining.removeFirst() }
        let instances = TargetProviders.ec2(
            for: job, inventories: needs.ec2, clock: clock, registry: registry,
            logger: Self.discoveryLogger)
        guard !job.httpSDConfigs.isEmpty || !job.dnsSDConfigs.isEmpty else { return local + instances }
        return local + instances
            + TargetProviders.network(
                for: job, http: client, resolver: resolver.shared(), workers: lookups, clock: clock,
                registry: registry, logger: Self.discoveryLogger)
    }

    /// Takes away what pages show of a job that there is no more.
    func forgetFigures(ofJob name: String) {
        registry.remove(where: "scrape_job", is: name)
        registry.remove(where: "config", is: name)
    }

    /// The same of a destination.
    func forgetFigures(ofDestination name: String) { registry.remove(where: "remote_name", is: name) }

    /// Differs between replicas that run with different external labels or on different hosts, so that they
    /// do not scrape at the same moment; the same after a restart.
    private func offsetSeed(_ externalLabels: LabelSet) -> UInt64 {
        let host = Label("__host__", HostName.current)
        return Target(job: "", own: LabelSet(externalLabels.labels + [host])).id
    }
}
