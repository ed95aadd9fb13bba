/// How requests to AWS are signed: the `sigv4` block.
public struct SigV4Configuration: Sendable, Equatable {
    public var region: String?
    /// Given with `secretKey` or not at all.
    public var accessKey: String?
    public var secretKey: String?
    /// A profile of the shared credentials files.
    public var profile: String?
    public var roleARN: String?
    public var externalID: String?
    public var serviceName: String
    public var useFIPSSTSEndpoint: Bool

    public init(
        region: String? = nil, accessKey: String? = nil, secretKey: String? = nil, profile: String? = nil,
        roleARN: String? = nil, externalID: String? = nil, serviceName: String = "aps",
        useFIPSSTSEndpoint: Bool = false
    ) {
        self.region = region
        self.accessKey = accessKey
        self.secretKey = secretKey
        self.profile = profile
        self.roleARN = roleARN
        self.externalID = externalID
        self.serviceName = serviceName
        self.useFIPSSTSEndpoint = useFIPSSTSEndpoint
    }
}

extension SigV4Configuration: CustomStringConvertible, CustomReflectable {
    /// Nothing to see for `dump` and the like, which would show the secret.
    public var customMirror: Mirror { Mirror(self, children: []) }

    /// Without the secret.
    public var description: String {
        "sigv4(region: \(region ?? "default"), service: \(serviceName), "
            + "access key: \(accessKey ?? "default"))"
    }
}
