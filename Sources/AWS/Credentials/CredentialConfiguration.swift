/// What the configuration says about credentials; empty means "find some".
public struct CredentialConfiguration: Sendable, Hashable, CustomStringConvertible,
    CustomDebugStringConvertible, CustomReflectable
{
    public var accessKeyID: String?
    public var secretAccessKey: String?
    /// Named here it comes before the environment's keys, as in Prometheus.
    public var profile: String?
    /// A role to assume with whatever credentials the rest gives.
    public var roleARN: String?
    /// What that role's trust policy may ask for.
    public var externalID: String?
    /// Whose STS is asked; else what environment and profile say.
    public var region: String?
    /// The FIPS endpoint of STS, whatever the environment says.
    public var usesFIPSSTS: Bool

    /// Empty text counts as nothing.
    public init(
        accessKeyID: String? = nil, secretAccessKey: String? = nil, profile: String? = nil,
        roleARN: String? = nil, externalID: String? = nil, region: String? = nil, usesFIPSSTS: Bool = false
    ) {
        func filled(_ text: String?) -> String? { text.flatMap { $0.isEmpty ? nil : $0 } }
        self.accessKeyID = filled(accessKeyID)
        self.secretAccessKey = filled(secretAccessKey)
        self.profile = filled(profile)
        self.roleARN = filled(roleARN)
        self.externalID = filled(externalID)
        self.region = filled(region)
        self.usesFIPSSTS = usesFIPSSTS
    }

    /// Whom it is about, for metrics.
    var identity: String { roleARN ?? profile ?? (accessKeyID == nil ? "default" : "keys") }

    /// Says which are given, not what they are.
    public var description: String {
        "access key \(accessKeyID == nil ? "not given" : "given"), profile \(profile ?? "not given"), "
            + "role \(roleARN ?? "not given")"
    }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: []) }
}
