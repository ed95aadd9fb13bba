import AWS
import Configuration
import Discovery
import Platform
import Synchronization
import Telemetry

/// One inventory for each way of asking AWS, so that jobs which ask alike read a cluster once for all of
/// them; and one pace for each account and region.
final class ECSInventories: Sendable {
    private struct Key: Hashable {
        let region: String
        let endpoint: String?
        let identity: CredentialConfiguration
    }

    /// As far as the configuration tells accounts apart: a role names its account; else a key or a profile
    /// stands for one.
    private struct Account: Hashable {
        let region: String
        let name: String
    }

    private struct State {
        var inventories: [Key: ECSInventory] = [:]
        var pacers: [Account: CallPacer] = [:]
    }

    private let aws: AWSAccess
    private let clock: any AgentClock
    private let registry: MetricRegistry
    private let state = Mutex(State())

    init(aws: AWSAccess, clock: any AgentClock, registry: MetricRegistry) {
        self.aws = aws
        self.clock = clock
        self.registry = registry
    }

    /// Throws when no region can be found.
    func access(
        _ entry: ECSSDConfiguration, job: String
    ) async throws(AgentError) -> TargetProviders.ECSAccess {
        guard let region = await aws.region(configured: entry.region, profile: entry.profile) else {
            throw AgentError(
                .configuration,
                "job \(job): ecs_sd_configs has no AWS region: set region, or AWS_REGION, or a region in the"
                    + " profile (neither ECS' nor EC2's metadata names one)")
        }
        let identity = CredentialConfiguration(
            accessKeyID: entry.accessKey, secretAccessKey: entry.secretKey, profile: entry.profile,
            roleARN: entry.roleARN, externalID: entry.externalID, region: region)
        let key = Key(region: region, endpoint: entry.endpoint, identity: identity)
        let inventory = state.withLock { state in
            if let known = state.inventories[key] { return known }
            let account = Account(region: region, name: Self.account(of: identity))
            let pacer = state.pacers[account] ?? CallPacer(clock: clock, registry: registry)
            state.pacers[account] = pacer
            let made = ECSInventory(region: region, api: api(entry, region, identity, pacer), clock: clock)
            state.inventories[key] = made
            return made
        }
        return TargetProviders.ECSAccess(inventory: inventory, ownCluster: ownCluster)
    }

    private func api(
        _ entry: ECSSDConfiguration, _ region: String, _ identity: CredentialConfiguration, _ pacer: CallPacer
    ) -> ECSAPI {
        let credentials = aws.credentials(identity)
        func client(_ endpoint: String?) -> AWSClient {
            aws.client(
                region: region, credentials: credentials, profile: entry.profile, endpoint: endpoint,
                pacer: pacer)
        }
        // As in Prometheus, `endpoint` is ECS' alone.
        let others = client(nil)
        return ECSAPI(
            ecs: ECSClient(client: client(entry.endpoint)), ec2: EC2Client(client: others),
            ssm: SSMClient(client: others))
    }

    /// `arn:aws:iam::123456789012:role/name` tells the account.
    private static func account(of identity: CredentialConfiguration) -> String {
        if let role = identity.roleARN {
            let parts = role.split(separator: ":", omittingEmptySubsequences: false)
            if parts.count > 4, !parts[4].isEmpty { return String(parts[4]) }
        }
        return "\(identity.accessKeyID ?? "") \(identity.profile ?? "")"
    }

    private var ownCluster: ECSOwnCluster {
        guard let metadata = aws.taskMetadata() else { return .none }
        return ECSOwnCluster { () throws(AWSError) in try await metadata.task().clusterARN }
    }
}
