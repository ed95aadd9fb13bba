/// A key pair, and a session token when it is temporary. Neither description nor mirror shows a secret.
public struct Credentials: Sendable, Equatable, CustomStringConvertible, CustomDebugStringConvertible,
    CustomReflectable
{
    public let accessKeyID: String
    public let secretAccessKey: String
    public let sessionToken: String?
    /// Milliseconds since 1970; nil when they do not expire.
    public let expiresAtMs: Int64?

    public init(
        accessKeyID: String, secretAccessKey: String, sessionToken: String? = nil, expiresAtMs: Int64? = nil
    ) {
        self.accessKeyID = accessKeyID
        self.secretAccessKey = secretAccessKey
        self.sessionToken = sessionToken
        self.expiresAtMs = expiresAtMs
    }

    /// The key id, which AWS itself writes to its logs, and nothing else.
    public var description: String { "credentials of key \(accessKeyID)" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: ["accessKeyID": accessKeyID]) }
}
