internal import Cryptography
internal import JSON

extension AWSAccess {
    /// The value of a parameter in Parameter Store, decrypted where it is a SecureString.
    ///
    /// `name` is a name, which may end in `:VERSION` or `:LABEL`, or an ARN, whose region is asked then.
    /// Another role is assumed where `role` names one. Throws `.malformed` when the value is longer than
    /// `limitBytes`.
    public func parameter(
        _ name: String, limitBytes: Int, role: DocumentRole = DocumentRole()
    ) async throws(AWSError) -> StoredText {
        let operation = DocumentOperation.getParameter
        let client = try await documentClient(operation, id: name, role: role)
        let answer = try await client.document(
            operation, ["Name": .string(name), "WithDecryption": true], ParameterAnswer.self)
        return try text(answer.value, answer.version, limitBytes: limitBytes, operation)
    }

    /// The current value of a secret in Secrets Manager, as text.
    ///
    /// `id` is a name or an ARN, whose region is asked then. A binary secret is given in base64, as AWS
    /// answers it. Throws `.malformed` when the value is longer than `limitBytes`.
    public func secret(
        _ id: String, versionID: String? = nil, versionStage: String? = nil, limitBytes: Int,
        role: DocumentRole = DocumentRole()
    ) async throws(AWSError) -> StoredText {
        let operation = DocumentOperation.getSecretValue
        let client = try await documentClient(operation, id: id, role: role)
        let answer = try await client.document(
            operation,
            .object([
                "SecretId": .string(id), "VersionId": versionID.map(JSONValue.string),
                "VersionStage": versionStage.map(JSONValue.string),
            ]), SecretAnswer.self)
        return try text(answer.value, answer.version, limitBytes: limitBytes, operation)
    }

    private func documentClient(
        _ operation: DocumentOperation, id: String, role: DocumentRole
    ) async throws(AWSError) -> AWSClient {
        let configured = role.region ?? Self.region(ofARN: id)
        guard let region = await region(configured: configured) else {
            throw AWSError(
                .noRegion,
                message: "no region is known to ask \(operation.service.name) in; set AWS_REGION, or give the"
                    + " ARN",
                operation: operation.place, isTransient: mayLearnRegion)
        }
        let credentials = credentials(
            CredentialConfiguration(roleARN: role.arn, externalID: role.externalID, region: region))
        return client(region: region, credentials: credentials)
    }

    private func text(
        _ value: String, _ version: String, limitBytes: Int, _ operation: DocumentOperation
    ) throws(AWSError) -> StoredText {
        guard value.utf8.count <= limitBytes else {
            throw AWSError(
                .malformed,
                message: "the value has \(value.utf8.count) bytes; at most \(limitBytes) are taken",
                operation: operation.place)
        }
        return StoredText(bytes: Array(value.utf8), version: version)
    }

    /// The region that an ARN names; nil where the text is none, or names none.
    static func region(ofARN text: String) -> String? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count >= 6, parts[0] == "arn" else { return nil }
        let region = String(parts[3])
        return AWSRegion.isRegion(region) ? region : nil
    }
}

/// Who reads a text, and where, when it is not who the process is.
public struct DocumentRole: Sendable, Equatable {
    /// Assumed before the text is asked for.
    public var arn: String?
    public var externalID: String?
    public var region: String?

    public init(arn: String? = nil, externalID: String? = nil, region: String? = nil) {
        self.arn = arn
        self.externalID = externalID
        self.region = region
    }
}

extension AWSClient {
    /// A json-1.1 call for a text. No error quotes the answer, which may hold a secret.
    func document<Answer: JSONReadable>(
        _ operation: DocumentOperation, _ request: JSONValue, _ type: Answer.Type
    ) async throws(AWSError) -> Answer {
        let bytes = try await json(
            service: operation.service, operation: operation.rawValue, body: Array(request.text().utf8))
        do throws(JSONError) {
            return try AWSJSON.read(type, from: bytes)
        } catch {
            throw AWSError(
                .malformed, message: "the answer is not the JSON expected: \(error)",
                operation: operation.place)
        }
    }
}

private struct ParameterAnswer: JSONReadable {
    let value: String
    let version: String

    init(json: JSONNode) throws(JSONMismatch) {
        let parameter = try JSONFields(json).required("Parameter", as: Parameter.self)
        value = parameter.value
        // A parameter that was deleted and made anew counts from 1 again.
        version = "\(parameter.version) \(SHA256.hex(parameter.value))"
    }

    private struct Parameter: JSONReadable {
        let value: String
        let version: Int64

        init(json: JSONNode) throws(JSONMismatch) {
            let fields = try JSONFields(json)
            value = try fields.required("Value")
            version = try fields.required("Version")
        }
    }
}

private struct SecretAnswer: JSONReadable {
    let value: String
    let version: String

    init(json: JSONNode) throws(JSONMismatch) {
        let fields = try JSONFields(json)
        if let text = try fields.optional("SecretString", as: String.self) {
            value = text
        } else {
            value = try fields.required("SecretBinary")
        }
        version = try fields.required("VersionId")
    }
}
