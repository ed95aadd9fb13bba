import AWS

/// What became of one call that an entry of `ecs_sd_configs` or `ec2_sd_configs` makes.
struct ECSCallFacts: Sendable, Equatable {
    var operation: DiscoveryOperation
    /// The cluster that was asked about, by name; empty for a call that is about none.
    var cluster = ""
    /// Whether an entry of `ec2_sd_configs` makes it.
    var isOfEC2 = false
    /// Whether it asked about something that is not there.
    var isMadeUp = false
    /// Nil where the call was answered.
    var error: AWSError?

    /// An answer that only says that what was made up for the call is not there: the call is allowed.
    static func isAnswer(_ error: AWSError) -> Bool {
        switch error.code {
        case .notFound: true
        case .service(let name):
            ["ClientException", "InvalidParameterException", "InvalidInstanceId"].contains(name)
                || name.hasSuffix(".NotFound") || name.hasSuffix(".Malformed")
        default: false
        }
    }

    /// `job` is the one whose entry it is.
    func line(job: String) -> DoctorLine {
        let place = cluster.isEmpty ? "" : " in cluster \(cluster)"
        guard let error else { return .ok(check, of: job, "\(operation.iamAction)\(place) is allowed") }
        if error.code == .noCredentials {
            return .skipped(check, of: job, "\(operation.iamAction) was not asked: there are no credentials")
        }
        if isMadeUp, operation == .describeServices, error.missingAction != nil {
            // A policy may name the services, and what was made up is none of them.
            return .skipped(
                check, of: job,
                "\(operation.iamAction)\(place) could not be tried, as no task of a service runs there; for "
                    + "other services than those that \(policy) is bound to it is not allowed: \(error)")
        }
        if operation == .describeAvailabilityZones, error.missingAction != nil {
            return .noted(
                check, of: job,
                "\(operation.iamAction) is not allowed (\(policy)): targets lack "
                    + "__meta_ec2_availability_zone_id: \(error)")
        }
        if isForMachines, error.missingAction != nil {
            // Discovery asks for a machine where a target needs it, and for no other.
            return .skipped(
                check, of: job,
                "\(operation.iamAction)\(place) is not allowed (\(policy)); the line targets \(job) says "
                    + "whether a target lacks it: \(error)")
        }
        return .wrong(check, of: job, "\(operation.iamAction)\(place): \(error)", remedy: remedy(error))
    }

    private var check: String { isOfEC2 ? "ec2" : "ecs" }

    /// Whether the call is about what tasks run on, where that is no Fargate.
    private var isForMachines: Bool {
        guard !isOfEC2 else { return false }
        return switch operation {
        case .describeContainerInstances, .describeInstances, .describeInstanceInformation: true
        default: false
        }
    }

    private func remedy(_ error: AWSError) -> String {
        if let action = error.missingAction {
            return "allow \(action) in the policy of these credentials (\(policy))"
        }
        switch error.code {
        case .accessDenied: return "write the secret access key that belongs to the key"
        case .expiredCredentials:
            return "renew the credentials: the key is not known, or its session has ended"
        case .notFound where operation == .listTasks:
            return "name a cluster that is there in ecs_sd_configs.clusters, and its region"
        case .throttled: return "look again in a minute: others of this account ask as well"
        case .transport:
            return "let this machine reach the endpoint: a NAT, a proxy, or a VPC endpoint for "
                + operation.service.endpointPrefix
        default: return "look at what AWS says"
        }
    }

    /// The file of config/iam that allows the call.
    private var policy: String {
        if isOfEC2 { return "config/iam/ec2-instances.json" }
        let name =
            switch operation {
            case .listTasks, .describeTasks, .describeTaskDefinition: "ecs-tasks"
            case .listClusters: "ecs-all-clusters"
            case .describeServices: "ecs-service-labels"
            case .describeClusters: "ecs-cluster-labels"
            case .describeContainerInstances, .describeInstances: "ecs-instances"
            case .describeInstanceInformation: "ecs-anywhere"
            case .describeNetworkInterfaces: "ecs-public-addresses"
            case .describeAvailabilityZones: "ec2-instances"
            }
        return "config/iam/\(name).json"
    }
}
