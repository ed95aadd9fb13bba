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

/// Meta labels that further calls tell and that rules look at, so that a target without them would be
/// relabelled to something else.
public struct ECSLabelNeeds: OptionSet, Sendable, Hashable {
    public let rawValue: Int

    public init(rawValue: Int) { self.rawValue = rawValue }

    /// `__meta_ecs_service_status` and `__meta_ecs_tag_service_*`.
    public static let services = ECSLabelNeeds(rawValue: 1)
    /// `__meta_ecs_tag_cluster_*`.
    public static let clusters = ECSLabelNeeds(rawValue: 2)
    /// `__meta_ecs_public_ip`.
    public static let publicAddresses = ECSLabelNeeds(rawValue: 4)
    /// What the machine of a task tells: `__meta_ecs_ec2_*`, its tags and attributes.
    public static let machines = ECSLabelNeeds(rawValue: 8)
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

/// The names of docker labels that make a container a target.
public struct ECSDockerLabels: Sendable, Equatable {
    /// Its presence selects; its value is a port, or several after commas or semicolons. `PORT.name` is one
    /// more endpoint, whose other labels end in `.name` too.
    public var port: String
    public var path: String?
    public var scheme: String?
    public var jobName: String?
    /// Replaces the address.
    public var serverName: String?
    public var interval: String?
    /// `1` or `true` in it asks for the container's one port to be found; it needs no port label.
    public var dynamic: String?

    public init(
        port: String, path: String? = nil, scheme: String? = nil, jobName: String? = nil,
        serverName: String? = nil, interval: String? = nil, dynamic: String? = nil
    ) {
        self.port = port
        self.path = path
        self.scheme = scheme
        self.jobName = jobName
        self.serverName = serverName
        self.interval = interval
        self.dynamic = dynamic
    }

    /// teralytics' names, with an interval and endpoints of one's own.
    public static let prometheusECSDiscovery = ECSDockerLabels(
        port: "PROMETHEUS_EXPORTER_PORT", path: "PROMETHEUS_EXPORTER_PATH",
        scheme: "PROMETHEUS_EXPORTER_SCHEME", jobName: "PROMETHEUS_EXPORTER_JOB_NAME",
        serverName: "PROMETHEUS_EXPORTER_SERVER_NAME", interval: "PROMETHEUS_EXPORTER_SCRAPE_INTERVAL",
        dynamic: "PROMETHEUS_DYNAMIC_EXPORT")

    /// The names in the examples of ecs_observer and the CloudWatch agent.
    public static let ecsObserver = ECSDockerLabels(
        port: "ECS_PROMETHEUS_EXPORTER_PORT", path: "ECS_PROMETHEUS_METRICS_PATH",
        jobName: "ECS_PROMETHEUS_JOB_NAME")

    public static let usual = [prometheusECSDiscovery, ecsObserver]
}

/// Exporters by what they run in: an entry of `services` or `task_definitions`.
public struct ECSExporterPattern: Sendable, Equatable {
    /// Matches the service's name or the task definition's ARN.
    public var pattern: RelabelPattern
    /// Matches the names of containers; nil takes all.
    public var containerPattern: RelabelPattern?
    /// Container ports.
    public var ports: [Int]
    public var path: String?
    public var jobName: String?

    public init(
        pattern: RelabelPattern, containerPattern: RelabelPattern? = nil, ports: [Int],
        path: String? = nil, jobName: String? = nil
    ) {
        self.pattern = pattern
        self.containerPattern = containerPattern
        self.ports = ports
        self.path = path
        self.jobName = jobName
    }

    /// A regular expression that may match anywhere in the text, as ecs_observer takes them.
    public static func anywhere(_ text: String) throws(RelabelError) -> RelabelPattern {
        try RelabelPattern(".*(?:\(text)).*")
    }
}
