/// Meta labels that further calls tell and that rules look at, so that a target without them would be
/// relabelled to something else.
public struct ECSLabelNeeds: OptionSet, Sendable, Hashable {
    public let rawValue: Int

    public init(rawValue: Int) { self.rawValue = rawValue }

    /// `__meta_ecs_service_status` and `__meta_ecs_tag_service_*`.
    public static let services = ECSLabelNeeds(rawValue: 1)
    /// `__meta_ecs_tag_cluster_*`.
    public static let clusters = ECSLabelNeeds(rawValue: 2)
    /// `__meta_ecs_public_ip`.
    public static let publicAddresses = ECSLabelNeeds(rawValue: 4)
    /// What the machine of a task tells: `__meta_ecs_ec2_*`, its tags and attributes.
    public static let machines = ECSLabelNeeds(rawValue: 8)
}
