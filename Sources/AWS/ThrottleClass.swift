/// A token bucket of AWS' and what of it is taken here: half, as others in the account need the rest; of
/// definitions all, as each is asked for once, and a start waits for them.
public enum ThrottleClass: String, Sendable, CaseIterable {
    case clusterRead = "cluster_read"
    case serviceRead = "service_read"
    case clusterResourceRead = "cluster_resource_read"
    case taskDefinitionRead = "task_definition_read"
    case ec2Read = "ec2_read"
    case ssmRead = "ssm_read"

    /// Calls at once and calls a second that AWS publishes for ECS. EC2's and SSM's depend on the account;
    /// the figures are the low end of what is known.
    public var published: (burst: Double, perSecond: Double) {
        switch self {
        case .clusterRead, .taskDefinitionRead: (50, 20)
        case .serviceRead, .clusterResourceRead: (100, 20)
        case .ec2Read: (50, 10)
        case .ssmRead: (10, 4)
        }
    }

    /// The part of it that is taken.
    var share: Double { self == .taskDefinitionRead ? 1 : 0.5 }

    var bucket: TokenBucket {
        TokenBucket(burst: published.burst * share, perSecond: published.perSecond * share)
    }
}
