/// A source of target groups for one job.
public protocol TargetProvider: Sendable {
    /// For logs and for the names of targets' origins: `static`, `file`, `ecs`.
    var name: String { get }

    /// Reports all of the provider's groups, at first and whenever they change, until the task is cancelled.
    /// What cannot be found out for the moment keeps its last good groups.
    func run(_ report: @Sendable ([TargetGroup]) async -> Void) async

    /// What stands in the way now, in sentences for people: what was asked, and why it failed. Nothing when
    /// all is well, or when the provider does not tell.
    var problems: [String] { get }

    /// Those of the problems that keep targets away which may well be there: a file that cannot be read, a
    /// name that nobody could be asked for. What is not there at all is none of them.
    var unread: [String] { get }

    /// Whether `other`, of the same job, looks for the same in the same way, so that it may go on in the
    /// place of this one: it knows what was found so far. Of a kind that does not say, none may.
    func isSame(as other: any TargetProvider) -> Bool
}

extension TargetProvider {
    public var problems: [String] { [] }
    public var unread: [String] { [] }

    public func isSame(as other: any TargetProvider) -> Bool { false }
}
