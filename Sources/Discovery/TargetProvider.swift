public import Configuration

/// A source of target groups for one job.
public protocol TargetProvider: Sendable {
    /// For logs and for the names of targets' origins: `static`, `file`, `ecs`.
    var name: String { get }

    /// Reports all of the provider's groups, at first and whenever they change, until the task is cancelled. What
    /// cannot be found out for the moment keeps its last good groups.
    func run(_ report: @Sendable ([TargetGroup]) async -> Void) async
}

/// Targets written down in the configuration.
public struct StaticProvider: TargetProvider {
    public let name = "static"
    private let groups: [TargetGroup]

    public init(_ configurations: [StaticConfiguration]) {
        groups = configurations.enumerated().map { TargetGroup(source: "static/\($0.offset)", $0.element) }
    }

    /// Reports once: these never change.
    public func run(_ report: @Sendable ([TargetGroup]) async -> Void) async {
        await report(groups)
    }
}
