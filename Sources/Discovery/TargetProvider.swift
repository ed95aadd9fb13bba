/// A source of target groups for one job.
public protocol TargetProvider: Sendable {
    /// For logs and for the names of targets' origins: `static`, `file`, `ecs`.
    var name: String { get }

    /// Reports all of the provider's groups, at first and whenever they change, until the task is cancelled.
    /// What cannot be found out for the moment keeps its last good groups.
    func run(_ report: @Sendable ([TargetGroup]) async -> Void) async
}
