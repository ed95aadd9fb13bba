public import AWS

/// The services that ECS discovery asks, of one account and region.
public struct ECSAPI: Sendable {
    public let ecs: any ECSDescribing
    public let ec2: any EC2Describing
    public let ssm: any SSMDescribing

    public init(ecs: any ECSDescribing, ec2: any EC2Describing, ssm: any SSMDescribing) {
        self.ecs = ecs
        self.ec2 = ec2
        self.ssm = ssm
    }
}

extension AWSError {
    /// What is wrong, and the action that a policy must allow where a call is refused.
    var advice: String {
        let action = missingAction.map {
            "; allow \($0) in the policy of these credentials (see config/iam)"
        }
        return description + (action ?? "")
    }

    /// True for what concerns all calls and not the thing asked for: asking on in this round is in vain.
    var concernsAllCalls: Bool {
        switch code {
        case .notFound, .service, .malformed: false
        default: true
        }
    }

    /// AWS says for good that it does not have what was asked for.
    var isDefinite: Bool {
        switch code {
        case .notFound: true
        case .service(let name): ["ClientException", "InvalidParameterException"].contains(name)
        default: false
        }
    }
}
