import AWS

/// The machine a task runs on: an EC2 instance, or one that Systems Manager knows.
struct ECSHost: Sendable, Equatable {
    /// `i-…` or `mi-…`.
    var instanceID: String?
    /// What the instance's attribute or tag says, before any other.
    var attributes: [String: String] = [:]
    var tags: [String: String] = [:]
    var ec2: EC2Instance?
    var ssm: SSMInstance?

    /// Registered by a customer with Systems Manager; EC2 knows nothing of it.
    var isExternal: Bool { instanceID?.hasPrefix("mi-") ?? false }
}
