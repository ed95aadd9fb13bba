public import HTTPTransport
public import Logging
public import Platform
import Synchronization

/// The way to AWS for the whole process: identities, regions and clients made from one environment and one
/// reading of the shared files. Thread-safe.
public final class AWSAccess: Sendable {
    private let environment: [String: String]
    private let files: any FileDoor
    private let shared: SharedFiles
    private let http: any HTTPPerforming
    private let clock: any AgentClock
    private let logger: Logger
    private let chains = Mutex<[CredentialConfiguration: CredentialChain]>([:])

    public init(
        environment: [String: String], files: any FileDoor, http: any HTTPPerforming, clock: any AgentClock,
        logger: Logger
    ) {
        self.environment = environment
        self.files = files
        self.http = http
        self.clock = clock
        self.logger = logger
        shared = SharedFiles(environment: environment, files: files, clock: clock)
    }

    /// The credentials of an identity; one chain for all who ask for the same.
    public func credentials(_ configuration: CredentialConfiguration) -> CredentialChain {
        chains.withLock { chains in
            if let known = chains[configuration] { return known }
            let made = CredentialChain(
                configuration, environment: environment, shared: shared, files: files, http: http,
                clock: clock, logger: logger)
            chains[configuration] = made
            return made
        }
    }

    /// A client of one region. `profile` is the configuration's, whose endpoint settings then hold.
    public func client(
        region: String, credentials: any CredentialsProvider, profile: String? = nil, endpoint: String? = nil
    ) -> AWSClient {
        AWSClient(
            region: region, credentials: credentials, http: http, clock: clock,
            settings: .profile(settings(profile)), endpoint: endpoint, logger: logger)
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
            logger.debug("EC2's instance metadata names no region", metadata: ["error": "\(error)"])
            return nil
        }
    }

    /// The metadata of the ECS task that this runs in; nil outside ECS.
    public func taskMetadata() -> TaskMetadataClient? {
        TaskMetadataClient(environment: environment, http: http, clock: clock)
    }

    private func settings(_ profile: String?) -> AWSSettings {
        let named = [profile, environment["AWS_PROFILE"]].compactMap { $0 }.first { !$0.isEmpty }
        return AWSSettings(environment: environment, files: shared, profileName: named ?? "default")
    }
}
