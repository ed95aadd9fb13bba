/// Assumes roles: the Security Token Service, query protocol 2011-06-15.
struct STSClient: Sendable {
    static let version = "2011-06-15"

    let client: AWSClient

    /// Signed with the client's credentials.
    func assumeRole(_ role: CredentialPlan.Role) async throws(AWSError) -> FetchedCredentials {
        var parameters = Self.parameters(role)
        if let id = role.externalID { parameters.append(("ExternalId", id)) }
        return try await call("AssumeRole", parameters, role, isSigned: true)
    }

    /// Not signed: the token says who asks.
    func assumeRole(
        _ role: CredentialPlan.Role, webIdentityToken token: String
    ) async throws(AWSError) -> FetchedCredentials {
        try await call(
            "AssumeRoleWithWebIdentity", Self.parameters(role) + [("WebIdentityToken", token)], role,
            isSigned: false)
    }

    private static func parameters(_ role: CredentialPlan.Role) -> [(name: String, value: String)] {
        var list = [(name: "RoleArn", value: role.arn), (name: "RoleSessionName", value: role.sessionName)]
        if let seconds = role.durationSeconds { list.append(("DurationSeconds", "\(seconds)")) }
        return list
    }

    private func call(
        _ action: String, _ parameters: [(name: String, value: String)], _ role: CredentialPlan.Role,
        isSigned: Bool
    ) async throws(AWSError) -> FetchedCredentials {
        let place = "STS.\(action) of \(role.arn)"
        let answer: (root: XMLElement, dateMs: Int64?)
        do throws(AWSError) {
            answer = try await client.queryAnswer(
                service: .sts, action: action, version: Self.version, parameters: parameters,
                isSigned: isSigned)
        } catch {
            throw AWSError(
                error.code, message: error.message, operation: "\(error.operation) for \(role.arn)")
        }
        guard let found = answer.root["\(action)Result"]?["Credentials"],
            let id = found.text("AccessKeyId"), let secret = found.text("SecretAccessKey"),
            let token = found.text("SessionToken"), !id.isEmpty, !secret.isEmpty,
            CredentialDocument.isHeaderValue(id + token)
        else { throw AWSError(.malformed, message: "the answer has no Credentials", operation: place) }
        guard let expiresAtMs = found.text("Expiration").flatMap({ CredentialDocument.time($0) }) else {
            throw AWSError(.malformed, message: "the answer has no Expiration", operation: place)
        }
        return FetchedCredentials(
            credentials: Credentials(
                accessKeyID: id, secretAccessKey: secret, sessionToken: token, expiresAtMs: expiresAtMs),
            dateMs: answer.dateMs)
    }
}
