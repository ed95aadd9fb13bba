/// Who AWS takes the signer of a call for.
public struct CallerIdentity: Sendable, Equatable {
    /// For instance `arn:aws:sts::123456789012:assumed-role/narthex/session`.
    public let arn: String
    /// Twelve digits.
    public let account: String
    /// The service's clock when it answered, milliseconds since 1970 in whole seconds; nil where it did not
    /// tell.
    public let serverMs: Int64?

    public init(arn: String, account: String, serverMs: Int64?) {
        self.arn = arn
        self.account = account
        self.serverMs = serverMs
    }
}

extension AWSClient {
    /// STS.GetCallerIdentity, which needs no permission. Throws as `query` does.
    public func callerIdentity() async throws(AWSError) -> CallerIdentity {
        let action = "GetCallerIdentity"
        let answer = try await queryAnswer(
            service: .sts, action: action, version: STSClient.version, parameters: [], isSigned: true)
        guard let found = answer.root["\(action)Result"], let arn = found.text("Arn"), !arn.isEmpty else {
            throw AWSError(.malformed, message: "the answer names nobody", operation: "STS.\(action)")
        }
        return CallerIdentity(arn: arn, account: found.text("Account") ?? "", serverMs: answer.dateMs)
    }
}
