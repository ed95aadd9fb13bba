import AWS
import Addresses
import Configuration
import Discovery
import HTTPAccess
import HTTPTransport
import Logging
import Platform
import Telemetry

/// What one run of the doctor asks through: the ways that an agent would take.
struct DoctorAccess: Sendable {
    /// Somebody of the configuration who signs calls to AWS.
    struct AWSUser: Sendable {
        /// For instance `remote_write amp`.
        let name: String
        let identity: CredentialConfiguration
        /// Nil where nothing names one.
        let region: String?
        let profile: String?
        let aws: AWSAccess

        var chain: CredentialChain { aws.credentials(identity) }

        /// Equal for those who are the same to AWS, in whatever region they ask.
        var who: CredentialConfiguration {
            var who = identity
            who.region = nil
            return who
        }
    }

    let options: DoctorOptions
    let clock: any AgentClock
    let files: any FileDoor
    let http: HTTPClient
    /// Read files.
    let workers: WorkerPool
    let registry: MetricRegistry
    let routes: AWSRoutes
    let aws: AWSAccess
    let inventories: ECSInventories
    let resolver = SharedResolver()

    init(_ options: DoctorOptions, clock: any AgentClock, files: any FileDoor) async {
        self.options = options
        self.clock = clock
        self.files = files
        let environment = options.agent.environment
        registry = MetricRegistry()
        http = HTTPClient(
            HTTPClientConfiguration(
                name: "doctor", userAgent: "narthex/\(options.agent.version)",
                connectTimeoutMs: options.exchangeTimeoutMs, caFile: environment["SSL_CERT_FILE"],
                caDirectory: environment["SSL_CERT_DIR"]),
            registry: registry, logger: Logger(label: "http"))
        workers = WorkerPool(name: "files", threads: 2)
        (routes, aws) = await AWSRoutes.make(
            http: http, workers: workers, files: files, clock: clock, environment: environment,
            patience: options.patience, logger: Logger(label: "aws"))
        inventories = ECSInventories(aws: aws, routes: routes, clock: clock, registry: registry)
    }

    /// As the agent's: with the options of one block.
    func client(_ block: HTTPClientOptions) -> AccessClient {
        AccessClient(
            block, http: http, workers: workers, files: files, clock: clock,
            environment: block.proxy.fromEnvironment ? options.agent.environment : [:])
    }

    /// Nil for an entry that is not signed.
    func user(_ entry: RemoteWriteConfiguration) async -> AWSUser? {
        guard let block = entry.sigv4 else { return nil }
        let region = await aws.region(
            configured: block.region, profile: block.profile, remoteWriteHost: HTTPURL(entry.url)?.hostName)
        let identity = CredentialConfiguration(
            accessKeyID: block.accessKey, secretAccessKey: block.secretKey, profile: block.profile,
            roleARN: block.roleARN, externalID: block.externalID, region: region,
            usesFIPSSTS: block.useFIPSSTSEndpoint)
        return AWSUser(
            name: "remote_write \(DestinationFacts(entry).name)", identity: identity, region: region,
            profile: block.profile, aws: aws)
    }

    func user(_ entry: ECSSDConfiguration, job: String) async -> AWSUser {
        let region = await aws.region(configured: entry.region, profile: entry.profile)
        return await user(
            CredentialConfiguration(
                accessKeyID: entry.accessKey, secretAccessKey: entry.secretKey, profile: entry.profile,
                roleARN: entry.roleARN, externalID: entry.externalID, region: region), entry.http, job)
    }

    func user(_ entry: EC2SDConfiguration, job: String) async -> AWSUser {
        let region = await aws.region(configured: entry.region, profile: entry.profile)
        return await user(
            CredentialConfiguration(
                accessKeyID: entry.accessKey, secretAccessKey: entry.secretKey, profile: entry.profile,
                roleARN: entry.roleARN, externalID: entry.externalID, region: region), entry.http, job)
    }

    private func user(
        _ identity: CredentialConfiguration, _ http: HTTPClientOptions, _ job: String
    ) async -> AWSUser {
        let block = await routes.options(http, profile: identity.profile, aws: aws)
        return AWSUser(
            name: "job \(job)", identity: identity, region: identity.region, profile: identity.profile,
            aws: aws.through(routes.client(block)))
    }

    /// Whoever reads a configuration, or a file of a composer's job, from a service of AWS.
    func user(_ role: DocumentRole) async -> AWSUser {
        let region = await aws.region(configured: role.region)
        let identity = CredentialConfiguration(
            roleARN: role.arn, externalID: role.externalID, region: region)
        return AWSUser(
            name: "--config.file", identity: identity, region: region, profile: nil, aws: aws)
    }
}
