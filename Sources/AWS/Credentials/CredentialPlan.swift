/// Where credentials will be fetched from: what environment, files and configuration together come to.
/// Equal plans give the same identity, so what was fetched by one stays good while it is made again equal.
indirect enum CredentialPlan: Sendable, Equatable {
    /// Known already; `origin` says from where, for people.
    case keys(Credentials, origin: String)
    case process(command: String, profile: String)
    case webIdentity(Role, tokenFile: String)
    case container(ContainerEndpoint)
    case instanceMetadata
    case role(Role, source: CredentialPlan)

    /// A role to assume.
    struct Role: Sendable, Equatable {
        var arn: String
        var sessionName: String
        var externalID: String?
        var durationSeconds: Int?
    }

    /// For people and logs; no secret.
    var description: String {
        switch self {
        case .keys(_, let origin): origin
        case .process(_, let profile): "the credential_process of profile \(profile)"
        case .webIdentity(let role, let file): "role \(role.arn) by the web identity token in \(file)"
        case .container(let endpoint): "container credentials at \(endpoint.place)"
        case .instanceMetadata: "EC2 instance metadata"
        case .role(let role, let source): "role \(role.arn) assumed with \(source.description)"
        }
    }

    /// One word for each kind, for metrics and tests.
    var kind: String {
        switch self {
        case .keys: "keys"
        case .process: "process"
        case .webIdentity: "web-identity"
        case .container: "container"
        case .instanceMetadata: "instance-metadata"
        case .role: "role"
        }
    }

    /// The source at the bottom of assumed roles.
    var base: CredentialPlan {
        if case .role(_, let source) = self { return source.base }
        return self
    }
}
