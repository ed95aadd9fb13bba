public import HTTPTransport
public import Logging
public import Platform
import Synchronization
public import Telemetry

/// The way to AWS for the whole process: identities, regions and clients made from one environment and one
/// reading of the shared files. Thread-safe.
public final class AWSAccess: Sendable {
    private let environment: [String: String]
    private let files: any FileDoor
    private let shared: SharedFiles
    private let http: any HTTPPerforming
    private let clock: any AgentClock
    private let logger: Logger
    private let patience: CallPatience
    private let chains: CredentialChains
    /// Tells chains apart that reach AWS in different ways.
    private let way: Int

    public init(
        environment: [String: String], files: any FileDoor, http: any HTTPPerforming, clock: any AgentClock,
        patience: CallPatience = CallPatience(), logger: Logger, registry: MetricRegistry? = nil
    ) {
        self.environment = environment
        self.files = files
        self.http = http
        self.clock = clock
        self.patience = patience
        self.logger = logger
        shared = SharedFiles(environment: environment, files: files, clock: clock)
        chains = CredentialChains()
        way = chains.nextWay()
        if let registry { register(in: registry) }
    }

    /// The same environment, files and metrics by another way, as by a proxy. To be kept for all who go it.
    public func through(_ http: any HTTPPerforming) -> AWSAccess { AWSAccess(self, through: http) }

    private init(_ other: AWSAccess, through http: any HTTPPerforming) {
        environment = other.environment
        files = other.files
        shared = other.shared
        self.http = http
        clock = other.clock
        patience = other.patience
        logger = other.logger
        chains = other.chains
        way = chains.nextWay()
    }

    /// The credentials of an identity; one chain for all who ask for the same.
    public func credentials(_ configuration: CredentialConfiguration) -> CredentialChain {
        chains.chain(configuration, way: way) {
            CredentialChain(
                configuration, environment: environment, shared: shared, files: files, http: http,
                clock: clock, patience: patience, logger: logger)
        }
    }

    /// Lets go of the credentials that nobody uses any more, so that /metrics no longer shows when they
    /// expire.
    public func forgetUnusedCredentials() { chains.forgetUnused() }

    /// A client of one region. `profile` is the configuration's, whose endpoint settings then hold. A `pace`
    /// holds its calls back.
    public func client(
        region: String, credentials: any CredentialsProvider, profile: String? = nil,
        endpoint: String? = nil, pace: AccountPace? = nil
    ) -> AWSClient {
        AWSClient(
            region: region, credentials: credentials, http: pace?.paced(http) ?? http, clock: clock,
            settings: .profile(settings(profile)), endpoint: endpoint, patience: patience, logger: logger)
    }

    /// What a profile of the shared files says, the one in use where none is named; nil when it does not, or
    /// cannot be read: whoever needs its credentials is told why.
    public func profileSetting(_ key: String, profile: String? = nil) async -> String? {
        guard shared.isAnyThere else { return nil }
        return (try? await settings(profile).profile())?[key].flatMap { $0.isEmpty ? nil : $0 }
    }

    /// The region to use: what the configuration says, AWS_REGION, AWS_DEFAULT_REGION, the profile's, the one
    /// in the URL's host, that of the ECS task this runs in, that of the EC2 instance. Nil when nothing says
    /// one.
    public func region(
        configured: String?, profile: String? = nil, remoteWriteHost: String? = nil
    ) async -> String? {
        let settings = settings(profile)
        // A profile that cannot be read names no region; the first request says what is wrong with it.
        let profileSettings = (try? await settings.profile()) ?? [:]
        let said = AWSRegion.resolve(
            configured: configured, environment: environment, profileRegion: profileSettings["region"],
            remoteWriteHost: remoteWriteHost)
        if let said { return said }
        if let task = try? await taskMetadata()?.task(), let region = task.region { return region }
        guard !InstanceMetadata.isDisabled(environment) else { return nil }
        do throws(AWSError) {
            return try await InstanceMetadata(
                environment: environment, profile: profileSettings, http: http
            ).region()
        } catch {
            logger.debug("EC2's instance metadata names no region", metadata: ["err": "\(error)"])
            return nil
        }
    }

    /// Whether a region that nothing says now may be known in a little while: there is, or may be, a service
    /// on this machine that says it.
    var mayLearnRegion: Bool { taskMetadata() != nil || !InstanceMetadata.isDisabled(environment) }

    /// The metadata of the ECS task that this runs in; nil outside ECS.
    public func taskMetadata() -> TaskMetadataClient? {
        TaskMetadataClient(environment: environment, http: http, clock: clock)
    }

    /// Read when the page is rendered; an identity is a role, a profile, or what the environment gives.
    private func register(in registry: MetricRegistry) {
        func observe(
            _ name: String, _ help: String, _ type: MetricType,
            _ value: @escaping @Sendable (CredentialChain) -> Double?
        ) {
            registry.observe(name, help: help, type: type) { [chains] in
                var values: [String: Double] = [:]
                for (configuration, chain) in chains.all {
                    guard let value = value(chain) else { continue }
                    // The same identity in two regions: counters add up, of two ends the nearer counts.
                    let before = values[configuration.identity]
                    values[configuration.identity] =
                        type == .counter ? (before ?? 0) + value : min(before ?? value, value)
                }
                return values.sorted { $0.key < $1.key }.map {
                    Measurement(labels: [("identity", $0.key)], value: $0.value)
                }
            }
        }
        let clock = clock
        observe(
            "narthex_aws_credentials_expiry_timestamp_seconds",
            "When the AWS credentials in use expire, in seconds since 1970; absent for those that do not.",
            .gauge
        ) { chain in chain.remainingMs.map { Double(clock.wallMs + $0) / 1_000 } }
        observe(
            "narthex_aws_credentials_refreshes_total", "Times that AWS credentials were fetched.", .counter
        ) { Double($0.counts.refreshes) }
        observe(
            "narthex_aws_credentials_refresh_failures_total",
            "Times that AWS credentials could not be fetched; the old ones serve until they expire.", .counter
        ) { Double($0.counts.failures) }
    }

    private func settings(_ profile: String?) -> AWSSettings {
        let named = [profile, environment["AWS_PROFILE"]].compactMap { $0 }.first { !$0.isEmpty }
        return AWSSettings(environment: environment, files: shared, profileName: named ?? "default")
    }
}
