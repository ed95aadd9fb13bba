public import Relabel

/// Running tasks of ECS clusters: `ecs_sd_configs`, and `aws_sd_configs` with role ecs.
public struct ECSSDConfiguration: Sendable, Equatable {
    /// Whose labels, beside the meta labels, a target gets.
    public enum Compatibility: String, Sendable, CaseIterable {
        /// teralytics' tool: `task_arn`, `container_name` and the like as plain labels.
        case prometheusECSDiscovery = "prometheus-ecs-discovery"
    }

    public enum AddressFamily: String, Sendable, CaseIterable {
        /// The IPv4 address, or the IPv6 address of what has no other.
        case ipv4
        /// The IPv6 address, or the IPv4 address of what has no other.
        case ipv6
    }

    /// Asked for all clusters that the credentials can see.
    public static let allClusters = "*"

    /// Names or ARNs; `["*"]` is all. Empty: the cluster that the agent runs in, else all; with `port` all.
    public var clusters: [String]
    public var region: String?
    /// Asked instead of the region's own ECS endpoint.
    public var endpoint: String?
    public var refreshIntervalMs: Int64
    public var accessKey: String?
    public var secretKey: String?
    /// A profile of the shared credentials files.
    public var profile: String?
    /// Assumed before ECS is asked, for instance in another account.
    public var roleARN: String?
    public var externalID: String?
    /// One target a task, at this port, as Prometheus has it. Nil: containers are the targets.
    public var port: Int?
    /// How containers say that they export, and where; each set is looked for by itself.
    public var dockerLabels: [ECSDockerLabels]
    /// Exporters that the configuration knows, by the names of services.
    public var services: [ECSExporterPattern]
    /// Exporters that the configuration knows, by the ARNs of task definitions.
    public var taskDefinitions: [ECSExporterPattern]
    /// `NAME`, or `NAME=VALUE`: a docker label without which a container is left out.
    public var filterLabel: String?
    /// Only containers that ask for their one port to be found.
    public var dynamicPortDetection: Bool
    public var addressFamily: AddressFamily
    /// The container instance's attribute or tag that holds its address, before what SSM or EC2 says.
    public var addressAttribute: String
    public var compatibility: Compatibility?
    /// DescribeServices for its labels; nil: not, or not yet known what relabelling wants.
    public var describesServices: Bool?
    /// DescribeClusters for its labels; likewise.
    public var describesClusters: Bool?
    /// DescribeNetworkInterfaces for `__meta_ecs_public_ip` of tasks in awsvpc mode; likewise.
    public var describesInterfaces: Bool?
    /// What `relabel_configs` look at, as `wish(by:)` found.
    public var rulesNeed: ECSLabelNeeds = []
    /// How AWS is reached: TLS, proxies, more headers. Never who asks: that is the signature's.
    public var http: HTTPClientOptions

    public init(
        clusters: [String] = [], region: String? = nil, endpoint: String? = nil,
        refreshIntervalMs: Int64 = 60_000, accessKey: String? = nil, secretKey: String? = nil,
        profile: String? = nil, roleARN: String? = nil, externalID: String? = nil, port: Int? = nil,
        dockerLabels: [ECSDockerLabels] = ECSDockerLabels.usual,
        services: [ECSExporterPattern] = [], taskDefinitions: [ECSExporterPattern] = [],
        filterLabel: String? = nil, dynamicPortDetection: Bool = false,
        addressFamily: AddressFamily = .ipv4, addressAttribute: String = "narthex.address",
        compatibility: Compatibility? = nil, describesServices: Bool? = nil, describesClusters: Bool? = nil,
        describesInterfaces: Bool? = nil, http: HTTPClientOptions = HTTPClientOptions(enableHTTP2: false)
    ) {
        self.clusters = clusters
        self.region = region
        self.endpoint = endpoint
        self.refreshIntervalMs = refreshIntervalMs
        self.accessKey = accessKey
        self.secretKey = secretKey
        self.profile = profile
        self.roleARN = roleARN
        self.externalID = externalID
        self.port = port
        self.dockerLabels = dockerLabels
        self.services = services
        self.taskDefinitions = taskDefinitions
        self.filterLabel = filterLabel
        self.dynamicPortDetection = dynamicPortDetection
        self.addressFamily = addressFamily
        self.addressAttribute = addressAttribute
        self.compatibility = compatibility
        self.describesServices = describesServices
        self.describesClusters = describesClusters
        self.describesInterfaces = describesInterfaces
        self.http = http
    }
}

extension ECSSDConfiguration {
    /// Notes what the rules look at. Where the configuration does not say whether services, clusters and
    /// interfaces are described, they are when a rule looks at what only that tells.
    public mutating func wish(by rules: RelabelRules) {
        func isUsed(_ names: [String], prefixes: [String] = []) -> Bool {
            func isMeant(_ label: String) -> Bool {
                names.contains(label) || prefixes.contains { label.hasPrefix($0) }
            }
            return rules.rules.contains { rule in
                switch rule.action {
                case .labelmap:
                    (names + prefixes).contains { LiteralPrefix.mayMatch(rule.pattern.text, prefix: $0) }
                case .keepequal, .dropequal:
                    isMeant(rule.targetLabel) || rule.sourceLabels.contains(where: isMeant)
                default: rule.sourceLabels.contains(where: isMeant)
                }
            }
        }
        rulesNeed = []
        if isUsed(["__meta_ecs_service_status"], prefixes: ["__meta_ecs_tag_service_"]) {
            rulesNeed.insert(.services)
        }
        if isUsed([], prefixes: ["__meta_ecs_tag_cluster_"]) { rulesNeed.insert(.clusters) }
        if isUsed(["__meta_ecs_public_ip"]) { rulesNeed.insert(.publicAddresses) }
        let machineLabels = [
            "__meta_ecs_ec2_", "__meta_ecs_tag_ec2_", "__meta_ecs_instance_attribute_",
            "__meta_ecs_external_computer_name",
        ]
        if isUsed(["__meta_ecs_subnet_id"], prefixes: machineLabels) { rulesNeed.insert(.machines) }
        if describesServices == nil, rulesNeed.contains(.services) { describesServices = true }
        if describesClusters == nil, rulesNeed.contains(.clusters) { describesClusters = true }
        if describesInterfaces == nil, rulesNeed.contains(.publicAddresses) { describesInterfaces = true }
    }
}

extension ECSSDConfiguration: CustomStringConvertible, CustomReflectable {
    /// Nothing to see for `dump` and the like, which would show the secret.
    public var customMirror: Mirror { Mirror(self, children: []) }

    /// Without the secret.
    public var description: String {
        "ecs_sd(clusters: \(clusters), region: \(region ?? "default"), endpoint: \(endpoint ?? "default"))"
    }
}
