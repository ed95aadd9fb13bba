internal import JSON
internal import Platform

/// The JSON in which processes, containers and EC2 give credentials.
struct CredentialDocument: JSONReadable {
    /// A document is a few KB: session tokens alone have up to 4.
    static let limitBytes = 64 << 10

    let version: Int?
    /// EC2 says `Success` here, or why not.
    let code: String?
    let message: String?
    private let accessKeyID: String?
    private let secretAccessKey: String?
    private let sessionToken: String?
    private let token: String?
    private let expiration: String?

    /// Nil when the bytes are no JSON object of these fields.
    init?(_ bytes: [UInt8]) {
        // The callers name the place that gave the document and say that it is none; that is enough to find
        // out more there.
        guard bytes.count <= Self.limitBytes, let document = try? AWSJSON.read(Self.self, from: bytes) else {
            return nil
        }
        self = document
    }

    init(json: JSONNode) throws(JSONMismatch) {
        let fields = try JSONFields(json)
        version = try fields.optional("Version")
        code = try fields.optional("Code")
        message = try fields.optional("Message")
        accessKeyID = try fields.optional("AccessKeyId")
        secretAccessKey = try fields.optional("SecretAccessKey")
        sessionToken = try fields.optional("SessionToken")
        token = try fields.optional("Token")
        expiration = try fields.optional("Expiration")
    }

    /// Nil when half of the key pair is missing, or an expiry that is no time, with the name of the field.
    func credentials() -> Result<Credentials, Missing> {
        guard let accessKeyID, !accessKeyID.isEmpty else { return .failure(Missing(field: "AccessKeyId")) }
        guard let secretAccessKey, !secretAccessKey.isEmpty else {
            return .failure(Missing(field: "SecretAccessKey"))
        }
        var expiresAtMs: Int64?
        if let expiration, !expiration.isEmpty {
            guard let ms = Self.time(expiration) else { return .failure(Missing(field: "Expiration")) }
            expiresAtMs = ms
        }
        let session = (sessionToken ?? token).flatMap { $0.isEmpty ? nil : $0 }
        guard Self.isHeaderValue(accessKeyID), session.map(Self.isHeaderValue) ?? true else {
            return .failure(Missing(field: "text without line ends"))
        }
        return .success(
            Credentials(
                accessKeyID: accessKeyID, secretAccessKey: secretAccessKey, sessionToken: session,
                expiresAtMs: expiresAtMs))
    }

    struct Missing: Error, Equatable {
        let field: String
    }

    /// RFC 3339, the form all of AWS uses.
    static func time(_ text: String) -> Int64? { Timestamp.parseRFC3339(text) }

    /// Both stand in headers of every request.
    static func isHeaderValue(_ text: String) -> Bool { text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F } }
}
