/// Where credentials come from.
public protocol CredentialsProvider: Sendable {
    /// Credentials good now. Cheap to call before every request.
    func credentials() async throws(AWSError) -> Credentials

    /// A service refused these: the next call fetches anew instead of giving them again from memory.
    func reject(_ refused: Credentials) async
}
