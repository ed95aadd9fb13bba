/// A text that AWS keeps, with what tells this version of it from others.
public struct StoredText: Sendable, Equatable {
    public let bytes: [UInt8]
    /// An object's version id and ETag, a parameter's version, a secret's version id. Opaque: equal texts may
    /// have different ones.
    public let version: String

    public init(bytes: [UInt8], version: String) {
        self.bytes = bytes
        self.version = version
    }
}

/// The calls that read a text, besides S3's.
enum DocumentOperation: String, CaseIterable {
    case getParameter = "GetParameter"
    case getSecretValue = "GetSecretValue"

    var service: AWSService { self == .getParameter ? .ssm : .secretsManager }

    /// In an IAM policy.
    var iamAction: String { "\(service.signingName):\(rawValue)" }

    /// In errors.
    var place: String { "\(service.name).\(rawValue)" }
}
