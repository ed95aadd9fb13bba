/// What of a service the client needs to know.
public struct AWSService: Sendable, Hashable {
    /// As errors name it.
    public let name: String
    /// In the credential scope of a signature.
    public let signingName: String
    /// The first part of its host.
    public let endpointPrefix: String
    /// In front of the operation in `X-Amz-Target`.
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
}
