import AWS
import Configuration
import Discovery
import Platform
import Synchronization
import Telemetry

/// One inventory for each way of asking AWS, so that jobs which ask alike read a cluster, or the instances of
/// EC2, once for all of them; and one pace for each account and region, as soon as it is known who has the
/// same.
final class ECSInventories: Sendable {
    private struct Key: Hashable {
        let region: String
        let endpoint: String?
        let identity: CredentialConfiguration
        let http: HTTPClientOptions
    }

    private let routes: AWSRoutes
    private let ways: Mutex<[HTTPClientOptions: AWSAccess]>
    private let aws: AWSAccess
    private let clock: any AgentClock
    private let pacers: CallPacers
    private let inventories = Mutex<[Key: ECSInventory]>([:])
    private let ec2Inventories = Mutex<[Key: EC2Inventory]>([:])

    /// `aws` is the way of blocks without options of their own; `routes` makes the others.
    init(aws: AWSAccess, routes: AWSRoutes, clock: any AgentClock, registry: MetricRegistry) {
        self.aws = aws
        self.routes = routes
        ways = Mutex([AWSRoutes.usual: aws])
        self.clock = clock
        pacers = CallPacers(clock: clock, registry: registry)
    }

    /// Throws when no region can be found.
    func access(
        _ entry: ECSSDConfiguration, job: String
    ) async throws(AgentError) -> TargetProviders.ECSAccess {
        let region = try await region(entry.region, entry.profile, of: "ecs_sd_configs", job: job)
        let identity = CredentialConfiguration(
            accessKeyID: entry.accessKey, secretAccessKey: entry.secretKey, profile: entry.profile,
            roleARN: entry.roleARN, externalID: entry.externalID, region: region)
        let http = await routes.options(entry.http, profile: entry.profile, aws: aws)
        let key = Key(region: region, endpoint: entry.endpoint, identity: identity, http: http)
        let inventory = inventories.withLock { inventories in
            if let known = inventories[key] { return known }
            let account = Self.account(of: entry)
            let pace = pacers.pace(region: region, account: account)
            let made = ECSInventory(
                region: region, account: account, api: api(entry, http, region, identity, pace), clock: clock)
            inventories[key] = made
            return made
        }
        return TargetProviders.ECSAccess(inventory: inventory, ownCluster: ownCluster)
    }

    /// Where an entry of `ec2_sd_configs` asks. Throws when no region can be found.
    func ec2(_ entry: EC2SDConfiguration, job: String) async throws(AgentError) -> EC2Inventory {
        let region = try await region(entry.region, entry.profile, of: "ec2_sd_configs", job: job)
        let identity = CredentialConfiguration(
            accessKeyID: entry.accessKey, secretAccessKey: entry.secretKey, profile: entry.profile,
            roleARN: entry.roleARN, externalID: entry.externalID, region: region)
        let http = await routes.options(entry.http, profile: entry.profile, aws: aws)
        let key = Key(region: region, endpoint: entry.endpoint, identity: identity, http: http)
        return ec2Inventories.withLock { inventories in
            if let known = inventories[key] { return known }
            let account = Self.account(of: ECSSDConfiguration(roleARN: entry.roleARN))
            let way = way(http)
            let client = way.client(
                region: region, credentials: way.credentials(identity), profile: entry.profile,
                endpoint: entry.endpoint, pace: pacers.pace(region: region, account: account))
            let made = EC2Inventory(region: region, api: EC2Client(client: client), clock: clock)
            inventories[key] = made
            return made
        }
    }

    private func region(
        _ configured: String?, _ profile: String?, of block: String, job: String
    ) async throws(AgentError) -> String {
        if let region = await aws.region(configured: configured, profile: profile) { return region }
        throw AgentError(
            .configuration,
            "job \(job): \(block) has no AWS region: set region, or AWS_REGION, or a region in the"
                + " profile (neither ECS' nor EC2's metadata names one)")
    }

    /// How many ways of asking ECS there are.
    var count: Int { inventories.withLock { $0.count } }

    /// Lets go of what no job asks for any more.
    func forgetUnused() {
        var used: Set<HTTPClientOptions> = [AWSRoutes.usual]
        used.formUnion(inventories.withLock { Self.dropUnused(&$0) })
        used.formUnion(ec2Inventories.withLock { Self.dropUnused(&$0) })
        ways.withLock { $0 = $0.filter { used.contains($0.key) } }
    }

    /// Keeps what somebody else holds, too; returns the options of what is kept.
    private static func dropUnused<Inventory: AnyObject>(
        _ inventories: inout [Key: Inventory]
    ) -> [HTTPClientOptions] {
        var kept: [Key: Inventory] = [:]
        for key in Array(inventories.keys) {
            guard var inventory = inventories.removeValue(forKey: key) else { continue }
            if !isKnownUniquelyReferenced(&inventory) { kept[key] = inventory }
        }
        inventories = kept
        return kept.keys.map(\.http)
    }

    private func api(
        _ entry: ECSSDConfiguration, _ http: HTTPClientOptions, _ region: String,
        _ identity: CredentialConfiguration, _ pace: AccountPace
    ) -> ECSAPI {
        let aws = way(http)
        let credentials = aws.credentials(identity)
        func client(_ endpoint: String?) -> AWSClient {
            aws.client(
                region: region, credentials: credentials, profile: entry.profile, endpoint: endpoint,
                pace: pace)
        }
        // As in Prometheus, `endpoint` is ECS' alone.
        let others = client(nil)
        return ECSAPI(
            ecs: ECSClient(client: client(entry.endpoint)), ec2: EC2Client(client: others),
            ssm: SSMClient(client: others))
    }

    private func way(_ options: HTTPClientOptions) -> AWSAccess {
        ways.withLock { ways in
            if let known = ways[options] { return known }
            let made = aws.through(routes.client(options))
            ways[options] = made
            return made
        }
    }

    /// As far as the configuration tells: `arn:aws:iam::123456789012:role/name`, or a cluster's ARN. A key or
    /// a profile does not tell.
    static func account(of entry: ECSSDConfiguration) -> String? {
        let arns = [entry.roleARN].compactMap { $0 } + entry.clusters
        return arns.lazy.compactMap { arn -> String? in
            let parts = arn.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count > 5, parts[0] == "arn", !parts[4].isEmpty else { return nil }
            return String(parts[4])
        }.first
    }

    private var ownCluster: ECSOwnCluster {
        guard let metadata = aws.taskMetadata() else { return .none }
        return ECSOwnCluster { () throws(AWSError) in try await metadata.task().clusterARN }
    }
}
