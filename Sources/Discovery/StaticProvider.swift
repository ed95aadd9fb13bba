public import Configuration

/// Targets written down in the configuration.
public struct StaticProvider: TargetProvider {
    public let name = "static"
    private let groups: [TargetGroup]

    public init(_ configurations: [StaticConfiguration]) {
        groups = configurations.enumerated().map { TargetGroup(source: "static/\($0.offset)", $0.element) }
    }

    public func isSame(as other: any TargetProvider) -> Bool {
        (other as? StaticProvider)?.groups == groups
    }

    /// Reports once: these never change.
    public func run(_ report: @Sendable ([TargetGroup]) async -> Void) async {
        await report(groups)
    }
}
