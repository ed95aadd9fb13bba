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

/// What was wrong in a round.
struct ECSFault: Sendable, Equatable {
    let message: String
    /// The API failed; else a task or container is at fault.
    let isFailure: Bool
    /// The API asked for fewer calls.
    var isThrottling = false
    /// What was asked for is not the cause: asking on in this round is in vain.
    var endsRound = false

    init(message: String, isFailure: Bool) {
        self.message = message
        self.isFailure = isFailure
    }

    init(_ error: AWSError) {
        message = error.description
        isFailure = true
        isThrottling = error.code == .throttled
        endsRound = error.concernsAllCalls
    }
}

extension AWSError {
    /// True for what concerns all calls and not the thing asked for: asking on in this round is in vain.
    var concernsAllCalls: Bool {
        switch code {
        case .notFound, .service, .malformed: false
        default: true
        }
    }
}
