public import AWS

/// The cluster that the agent itself runs in, as the task metadata endpoint tells it.
public struct ECSOwnCluster: Sendable {
    /// True in a task of ECS.
    public let isInTask: Bool
    private let ask: @Sendable () async throws(AWSError) -> String

    /// `ask` gives a name or an ARN; it is called until it once succeeded.
    public init(_ ask: @escaping @Sendable () async throws(AWSError) -> String) {
        isInTask = true
        self.ask = ask
    }

    private init() {
        isInTask = false
        ask = { () throws(AWSError) in
            throw AWSError(.notFound, message: "the agent does not run in a task of ECS", operation: "ECS")
        }
    }

    /// Not in a task.
    public static let none = ECSOwnCluster()

    func read() async throws(AWSError) -> String { try await ask() }
}
