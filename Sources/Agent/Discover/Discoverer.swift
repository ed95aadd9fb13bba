import AWS
import Configuration
import Discovery
import HTTPAccess
import HTTPTransport
import Logging
public import Platform
import Telemetry

/// `narthex discover`: what discovery finds, shown or kept in a file.
public struct Discoverer: Sendable {
    private let options: DiscoverOptions
    private let clock: any AgentClock
    private let files: any FileDoor
    private let output: @Sendable (String) throws(AgentError) -> Void
    private let logger = Logger(label: "discover")

    /// How long a file waits for tasks whose service or cluster cannot be described.
    private static let patienceMs: Int64 = 60_000

    /// `output` gets what is to be shown, when it goes to no file.
    public init(
        _ options: DiscoverOptions, clock: any AgentClock = SystemClock(),
        files: any FileDoor = POSIXFiles(),
        output: @escaping @Sendable (String) throws(AgentError) -> Void
    ) {
        self.options = options
        self.clock = clock
        self.files = files
        self.output = output
    }

    /// Looks once, or again and again until `stop` is signalled. False when something could not be asked and
    /// was never known, so that what is shown is not all there is.
    public func run(until stop: Event) async throws(AgentError) -> Bool {
        let jobs = try await stop.cancelling { () throws(AgentError) in try await self.jobs() }
        let registry = MetricRegistry()
        let http = HTTPClient(
            HTTPClientConfiguration(
                userAgent: "narthex/\(AgentVersion.current)", caFile: options.environment["SSL_CERT_FILE"],
                caDirectory: options.environment["SSL_CERT_DIR"]),
            registry: registry, logger: logger)
        defer { http.shutDown() }
        let workers = WorkerPool(name: "worker", threads: 1)
        let (routes, aws) = await AWSRoutes.make(
            http: http, workers: workers, files: files, clock: clock, environment: options.environment,
            logger: logger)
        let inventories = ECSInventories(aws: aws, routes: routes, clock: clock, registry: registry)
        let resolver = SharedResolver()
        var looks: [(job: ScrapeConfiguration, look: ProviderLook)] = []
        for job in jobs {
            let look = try await look(
                at: job, http: http, inventories: inventories, resolver: resolver, workers: workers,
                registry: registry)
            looks.append((job, look))
        }
        var last: String?
        var round = 0
        while true {
            round += 1
            var found: [Discovered] = []
            for index in looks.indices {
                found.append(Discovered(looks[index].job, await looks[index].look.look()))
            }
            let isComplete = found.allSatisfy(\.isComplete)
            guard let path = options.writeTo else {
                // Target groups have no place for what is wrong.
                if options.format == .fileSD { tell(found) }
                try output(text(found, path: nil))
                return isComplete
            }
            let text = write(found, to: path, last: last)
            last = text ?? last
            if options.times > 0, round >= options.times { return text != nil }
            // A signal that stops this, or a cancelled task: what was found is written.
            let intervalNs = clock.deadlineNs(inMs: options.intervalMs)
            guard await stop.wait(untilNs: intervalNs, clock: clock) == .deadline else { return text != nil }
        }
    }

    /// A look at one job's providers, each of which may take `waitMs` for its first answer. Throws when there
    /// is no region for one of them.
    func look(
        at job: ScrapeConfiguration, http: HTTPClient, inventories: ECSInventories, resolver: SharedResolver,
        workers: WorkerPool, registry: MetricRegistry, waitMs: Int64? = nil
    ) async throws(AgentError) -> ProviderLook {
        var access: [TargetProviders.ECSAccess] = []
        for entry in job.ecsSDConfigs {
            access.append(try await inventories.access(entry, job: job.jobName))
        }
        var instances: [EC2Inventory] = []
        for entry in job.ec2SDConfigs {
            instances.append(try await inventories.ec2(entry, job: job.jobName))
        }
        let others =
            try others(job, workers: workers, registry: registry)
            + TargetProviders.ec2(
                for: job, inventories: instances, clock: clock, registry: registry, logger: logger)
            + network(job, http: http, resolver: resolver, workers: workers, registry: registry)
        // Whoever reads a file has rules of its own.
        return ProviderLook(
            job, ecs: access, others: others, clock: clock,
            patienceMs: options.writeTo == nil ? nil : Self.patienceMs, waitMs: waitMs)
    }

    /// The providers that ask web servers and DNS.
    private func network(
        _ job: ScrapeConfiguration, http: HTTPClient, resolver: SharedResolver, workers: WorkerPool,
        registry: MetricRegistry
    ) -> [any TargetProvider] {
        if job.httpSDConfigs.isEmpty, job.dnsSDConfigs.isEmpty { return [] }
        return TargetProviders.network(
            for: job,
            http: { options in
                AccessClient(
                    options, http: http, workers: workers, files: files, clock: clock,
                    environment: options.proxy.fromEnvironment ? self.options.environment : [:])
            }, resolver: resolver.shared(), workers: workers, clock: clock, registry: registry, logger: logger
        )
    }

    /// The providers of static lists and files.
    private func others(
        _ job: ScrapeConfiguration, workers: WorkerPool, registry: MetricRegistry
    ) throws(AgentError) -> [any TargetProvider] {
        var job = job
        job.ecsSDConfigs = []
        do throws(AWSError) {
            return try TargetProviders.make(
                for: job, files: files, workers: workers, clock: clock, registry: registry, logger: logger
            ) { _ throws(AWSError) in
                preconditionFailure("a job without ecs_sd_configs asks for no ECS access")
            }
        } catch {
            throw AgentError(.configuration, "job \(job.jobName): \(error.message)")
        }
    }

    private func jobs() async throws(AgentError) -> [ScrapeConfiguration] {
        switch options.source {
        case .flags(let flags):
            return [ScrapeConfiguration(jobName: "ecs", ecsSDConfigs: try await entries(flags))]
        case .file(let path, let name):
            var agent = AgentOptions(configFile: path)
            agent.environment = options.environment
            agent.expandsEnvironment = options.expandsEnvironment
            let configuration = try await ConfigurationSource.jobs(
                of: agent, clock: clock, files: files, logger: logger)
            let jobs = configuration.scrapeConfigs.filter { name == nil || $0.jobName == name }
            guard !jobs.isEmpty else {
                let names = configuration.scrapeConfigs.map(\.jobName).joined(separator: ", ")
                throw AgentError(
                    .configuration,
                    name.map { "\(path): there is no job \($0) (--job); jobs: \(names)" }
                        ?? "\(path): there are no scrape_configs")
            }
            return jobs
        }
    }

    /// An ECS discovery by flags. Without `--config.cluster` it looks where `narthex run` without a file
    /// would, and outside of a task at all clusters, as prometheus-ecs-discovery does.
    private func entries(_ flags: DiscoverOptions.ECSFlags) async throws(AgentError) -> [ECSSDConfiguration] {
        if flags.cluster != nil { return [ECSSDConfiguration(flags)] }
        var agent = AgentOptions(configFile: "")
        agent.environment = options.environment
        let start = await StartAccess(agent, clock: clock, files: files)
        defer { start.shutDown() }
        let environment = options.environment.filter { !$0.value.isEmpty }
        let (clusters, task) = try await GeneratedConfiguration.clusters(
            environment: environment, access: start.aws)
        let isOwn = clusters == task.map { [$0.clusterARN] }
        guard !clusters.isEmpty, !isOwn || isNear(clusters, flags) else {
            return [ECSSDConfiguration(flags)]
        }
        logger.info(
            "no --config.cluster: the clusters are those of narthex run without a file (* is all)",
            metadata: ["clusters": "\(clusters.joined(separator: ", "))"])
        var region = flags.region
        if region == nil { region = await start.aws.region(configured: nil) }
        return try GeneratedConfiguration.grouped(clusters, region: region).map { group in
            var entry = ECSSDConfiguration(flags)
            entry.clusters = group.names
            entry.region = group.region
            return entry
        }
    }

    /// False when the flags ask in another region, or as another account, than the own cluster's.
    private func isNear(_ clusters: [String], _ flags: DiscoverOptions.ECSFlags) -> Bool {
        let parts = clusters.first?.split(separator: ":", omittingEmptySubsequences: false) ?? []
        if let region = flags.region, parts.count > 3, parts[3] != region { return false }
        guard flags.roleARN != nil else { return true }
        return ECSInventories.account(of: ECSSDConfiguration(roleARN: flags.roleARN))
            == ECSInventories.account(of: ECSSDConfiguration(clusters: clusters))
    }

    private func text(_ found: [Discovered], path: String?) -> String {
        let isFlags = if case .flags = options.source { true } else { false }
        switch path == nil ? options.format : .fileSD {
        case .table: return DiscoverTable.text(found, showsAll: options.showsAll)
        case .json: return DiscoverJSON.text(found)
        case .fileSD:
            return DiscoverFileSD.text(found, plainOnly: isFlags, isJSON: path?.hasSuffix(".json") ?? false)
        }
    }

    private func tell(_ found: [Discovered]) {
        for job in found {
            let hasTargets = job.isComplete && job.groups.contains { !$0.targets.isEmpty }
            let what: Logger.Message =
                hasTargets ? "could not be asked; the last good targets stay" : "could not be asked"
            for failure in job.failures {
                logger.error(what, metadata: ["job": "\(job.job)", "err": "\(failure)"])
            }
        }
        for left in found.flatMap(\.leftOut) where left.isFault {
            let what = left.what.isEmpty ? left.reason : "\(left.what): \(left.reason)"
            logger.warning("left out", metadata: ["err": "\(what)"])
        }
        for warning in found.flatMap(\.warnings) { logger.warning("\(warning)") }
    }

    /// The text that is in the file now; nil when it is not what was found.
    private func write(_ found: [Discovered], to path: String, last: String?) -> String? {
        tell(found)
        guard found.allSatisfy(\.isWorthWriting) else {
            logger.error("not everything is known, so the file stays as it is", metadata: ["file": "\(path)"])
            return nil
        }
        let text = text(found, path: path)
        guard text != last else { return text }
        do {
            try files.replace(path, with: Array(text.utf8))
        } catch {
            // The next look tries again, as a full disk or a folder that comes late is no reason to end.
            logger.error("the file cannot be written", metadata: ["err": "\(error)"])
            return nil
        }
        let count = found.reduce(0) { $0 + $1.groups.reduce(0) { $0 + $1.targets.count } }
        logger.info("written", metadata: ["file": "\(path)", "targets": .stringConvertible(count)])
        return text
    }
}

extension ECSSDConfiguration {
    /// prometheus-ecs-discovery by its flags.
    init(_ flags: DiscoverOptions.ECSFlags) {
        self.init(
            clusters: [flags.cluster ?? Self.allClusters], region: flags.region, roleARN: flags.roleARN)
        dockerLabels = [
            ECSDockerLabels(
                port: flags.portLabel, path: flags.pathLabel, scheme: flags.schemeLabel,
                jobName: flags.jobNameLabel, serverName: flags.serverNameLabel,
                interval: ECSDockerLabels.prometheusECSDiscovery.interval,
                // There a container that has this label alone is found with the flag only.
                dynamic: flags.dynamicPortDetection ? ECSDockerLabels.prometheusECSDiscovery.dynamic : nil)
        ]
        filterLabel = flags.filterLabel
        dynamicPortDetection = flags.dynamicPortDetection
        compatibility = .prometheusECSDiscovery
    }
}
