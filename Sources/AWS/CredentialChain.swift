public import Platform

/// What the configuration says about credentials; empty means "find some".
public struct CredentialConfiguration: Sendable, Equatable, CustomStringConvertible,
    CustomDebugStringConvertible,
    CustomReflectable
{
    public var accessKeyID: String?
    public var secretAccessKey: String?
    /// Named here it comes before the environment's keys, as in Prometheus.
    public var profile: String?

    public init(accessKeyID: String? = nil, secretAccessKey: String? = nil, profile: String? = nil) {
        self.accessKeyID = accessKeyID.flatMap { $0.isEmpty ? nil : $0 }
        self.secretAccessKey = secretAccessKey.flatMap { $0.isEmpty ? nil : $0 }
        self.profile = profile.flatMap { $0.isEmpty ? nil : $0 }
    }

    /// Says which are given, not what they are.
    public var description: String {
        "access key \(accessKeyID == nil ? "not given" : "given"), profile \(profile ?? "not given")"
    }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: []) }
}

/// The sources of credentials in order, the first that has some: the configuration's keys, the
/// configuration's profile, the environment's keys, the shared files. Thread-safe; cheap to call before every
/// request.
public struct CredentialChain: CredentialsProvider {
    private let sources: [any CredentialSource]
    private let files: SharedFiles
    private let profileName: String

    public init(
        _ configuration: CredentialConfiguration = CredentialConfiguration(), environment: [String: String],
        files: any FileDoor, clock: any AgentClock
    ) {
        let shared = SharedFiles(environment: environment, files: files, clock: clock)
        self.files = shared
        let named = environment["AWS_PROFILE"].flatMap { $0.isEmpty ? nil : $0 }
        profileName = configuration.profile ?? named ?? "default"
        let asked = configuration.profile != nil || named != nil
        let profile = ProfileCredentials(name: profileName, isAskedFor: asked, files: shared)
        if configuration.accessKeyID != nil || configuration.secretAccessKey != nil {
            sources = [StaticCredentials(configuration)]
        } else if configuration.profile != nil {
            sources = [profile]
        } else {
            sources = [EnvironmentCredentials(environment), profile]
        }
    }

    public func credentials() async throws(AWSError) -> Credentials {
        var tried: [String] = []
        for source in sources {
            switch try await source.find() {
            case .found(let credentials): return credentials
            case .absent(let why): tried.append(why)
            }
        }
        throw AWSError(
            .noCredentials,
            message:
                "no source has AWS credentials: \(tried.joined(separator: "; ")). Set AWS_ACCESS_KEY_ID and "
                + "AWS_SECRET_ACCESS_KEY, or write a profile to the shared credentials file, or give "
                + "access_key and secret_key in the configuration",
            operation: "credentials")
    }

    public func reject(_ refused: Credentials) async { files.lookAgain() }

    /// The region of the profile in use; nil when it names none.
    public func profileRegion() async throws(AWSError) -> String? {
        try await files.profile(profileName)?.settings["region"].flatMap { $0.isEmpty ? nil : $0 }
    }
}

/// One place to look for credentials.
protocol CredentialSource: Sendable {
    /// Absent: this source has none, with the reason, and the next is asked. A source that is chosen but
    /// broken throws, so that no other identity is used by surprise.
    func find() async throws(AWSError) -> CredentialFinding
}

enum CredentialFinding: Sendable {
    case found(Credentials)
    case absent(String)
}

/// `access_key` and `secret_key` of the configuration: both or neither.
struct StaticCredentials: CredentialSource {
    private let configuration: CredentialConfiguration

    init(_ configuration: CredentialConfiguration) { self.configuration = configuration }

    func find() async throws(AWSError) -> CredentialFinding {
        guard let id = configuration.accessKeyID, let secret = configuration.secretAccessKey else {
            let missing = configuration.accessKeyID == nil ? "access_key" : "secret_key"
            throw AWSError(
                .noCredentials,
                message: "\(missing) is missing: access_key and secret_key are given together",
                operation: "the configuration's credentials")
        }
        return .found(Credentials(accessKeyID: id, secretAccessKey: secret))
    }
}

/// `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`.
struct EnvironmentCredentials: CredentialSource {
    private let environment: [String: String]

    init(_ environment: [String: String]) {
        let names = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"]
        self.environment = environment.filter { names.contains($0.key) && !$0.value.isEmpty }
    }

    func find() async throws(AWSError) -> CredentialFinding {
        let id = environment["AWS_ACCESS_KEY_ID"]
        let secret = environment["AWS_SECRET_ACCESS_KEY"]
        if id == nil, secret == nil { return .absent("AWS_ACCESS_KEY_ID is not set in the environment") }
        guard let id, let secret else {
            let missing = id == nil ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY"
            throw AWSError(
                .noCredentials, message: "\(missing) is not set though the other half of the key pair is",
                operation: "the environment's credentials")
        }
        return .found(
            Credentials(
                accessKeyID: id, secretAccessKey: secret, sessionToken: environment["AWS_SESSION_TOKEN"]))
    }
}

/// A profile's keys in the shared files.
struct ProfileCredentials: CredentialSource {
    /// Ways to get credentials that a profile may name and that are not built yet.
    private static let unsupported = [
        "role_arn", "credential_process", "web_identity_token_file", "sso_session", "sso_start_url",
        "login_session",
    ]

    let name: String
    /// Somebody named it, so its absence is a fault.
    let isAskedFor: Bool
    let files: SharedFiles

    func find() async throws(AWSError) -> CredentialFinding {
        let places = [files.credentialsPath, files.configPath].compactMap { $0 }.joined(separator: " or ")
        guard !places.isEmpty else {
            return .absent("HOME is not set, so there are no shared files to look in")
        }
        let operation = "profile \(name)"
        guard let profile = try await files.profile(name) else {
            let why = "there is no profile \(name) in \(places)"
            guard isAskedFor else { return .absent(why) }
            throw AWSError(
                .noCredentials, message: "\(why), though it is asked for by name", operation: operation)
        }
        let place = profile.files.joined(separator: ", ")
        if let key = Self.unsupported.first(where: { profile.settings[$0] != nil }) {
            throw AWSError(
                .noCredentials,
                message:
                    "the profile uses \(key), which this version of Narthex does not support yet (\(place))",
                operation: operation)
        }
        func setting(_ key: String) -> String? { profile.settings[key].flatMap { $0.isEmpty ? nil : $0 } }
        let id = setting("aws_access_key_id")
        let secret = setting("aws_secret_access_key")
        if id == nil, secret == nil {
            let why = "the profile \(name) has no aws_access_key_id (\(place))"
            guard isAskedFor else { return .absent(why) }
            throw AWSError(.noCredentials, message: why, operation: operation)
        }
        guard let id, let secret else {
            let missing = id == nil ? "aws_access_key_id" : "aws_secret_access_key"
            throw AWSError(
                .noCredentials, message: "the profile lacks \(missing) (\(place))", operation: operation)
        }
        return .found(
            Credentials(accessKeyID: id, secretAccessKey: secret, sessionToken: setting("aws_session_token")))
    }
}
