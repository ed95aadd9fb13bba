/// Every call that discovery makes: what it is called, what it needs to be allowed, and whose pace it keeps.
public enum DiscoveryOperation: String, Sendable, CaseIterable {
    case listClusters = "ListClusters"
    case describeClusters = "DescribeClusters"
    case describeServices = "DescribeServices"
    case listTasks = "ListTasks"
    case describeTasks = "DescribeTasks"
    case describeTaskDefinition = "DescribeTaskDefinition"
    case describeContainerInstances = "DescribeContainerInstances"
    case describeInstances = "DescribeInstances"
    case describeNetworkInterfaces = "DescribeNetworkInterfaces"
    case describeAvailabilityZones = "DescribeAvailabilityZones"
    case describeInstanceInformation = "DescribeInstanceInformation"

    /// The API's name for it.
    public var name: String { rawValue }

    public var service: AWSService {
        switch self {
        case .describeInstances, .describeNetworkInterfaces, .describeAvailabilityZones: .ec2
        case .describeInstanceInformation: .ssm
        default: .ecs
        }
    }

    /// In an IAM policy.
    public var iamAction: String { "\(service.signingName):\(name)" }

    /// In errors.
    var place: String { "\(service.name).\(name)" }

    /// Callers of one account and region share a bucket for each of these (ECS' page on API throttling).
    public var pace: ThrottleClass {
        switch self {
        case .listClusters, .describeClusters: .clusterRead
        case .describeServices: .serviceRead
        case .listTasks, .describeTasks, .describeContainerInstances: .clusterResourceRead
        case .describeTaskDefinition: .taskDefinitionRead
        case .describeInstances, .describeNetworkInterfaces, .describeAvailabilityZones: .ec2Read
        case .describeInstanceInformation: .ssmRead
        }
    }
}

extension AWSError {
    /// The action that a policy does not allow, for instance `ecs:ListTasks`; nil when that is not what is
    /// wrong, or the call is none of discovery's.
    public var missingAction: String? {
        let isRefusal = ["AccessDenied", "UnauthorizedOperation"].contains { message.hasPrefix($0) }
        guard code == .accessDenied, isRefusal else { return nil }
        // `ECS.ListTasks at https://…`
        let name = operation.prefix { $0 != " " }.split(separator: ".").last
        return name.flatMap { DiscoveryOperation(rawValue: String($0)) }?.iamAction
    }
}
