/// What of a service the client needs to know.
public struct AWSService: Sendable, Hashable {
    /// As errors name it.
    public let name: String
    /// In the credential scope of a signature.
    public let signingName: String
    /// The first part of its host.
    public let endpointPrefix: String
    /// In front of the operation in `X-Amz-Target`; empty where the protocol is not json 1.1.
    public let targetPrefix: String
    /// In the name of the variable that overrides its endpoint, `AWS_ENDPOINT_URL_<this>`.
    public let environmentSuffix: String

    public init(
        name: String, signingName: String, endpointPrefix: String, targetPrefix: String,
        environmentSuffix: String
    ) {
        self.name = name
        self.signingName = signingName
        self.endpointPrefix = endpointPrefix
        self.targetPrefix = targetPrefix
        self.environmentSuffix = environmentSuffix
    }

    public static let ecs = AWSService(
        name: "ECS", signingName: "ecs", endpointPrefix: "ecs",
        targetPrefix: "AmazonEC2ContainerServiceV20141113", environmentSuffix: "ECS")

    /// Query protocol, version 2016-11-15.
    public static let ec2 = AWSService(
        name: "EC2", signingName: "ec2", endpointPrefix: "ec2", targetPrefix: "", environmentSuffix: "EC2")

    public static let ssm = AWSService(
        name: "SSM", signingName: "ssm", endpointPrefix: "ssm", targetPrefix: "AmazonSSM",
        environmentSuffix: "SSM")

    public static let secretsManager = AWSService(
        name: "Secrets Manager", signingName: "secretsmanager", endpointPrefix: "secretsmanager",
        targetPrefix: "secretsmanager", environmentSuffix: "SECRETS_MANAGER")

    /// Query protocol, version 2011-06-15.
    public static let sts = AWSService(
        name: "STS", signingName: "sts", endpointPrefix: "sts", targetPrefix: "", environmentSuffix: "STS")

    /// REST with XML errors.
    public static let s3 = AWSService(
        name: "S3", signingName: "s3", endpointPrefix: "s3", targetPrefix: "", environmentSuffix: "S3")
}
