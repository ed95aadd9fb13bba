import AWS

/// The public addresses of a cluster's tasks in awsvpc mode, by the interface each task has of its own: asked
/// for once and then seldom, as long as a task has the interface.
struct ECSInterfaces: Sendable {
    /// An address that was assigned at the task's start never changes; an elastic one can be moved.
    static let ageNs: UInt64 = 3_600 * 1_000_000_000
    /// How long one that EC2 does not know is not asked for again: it may be too young to be seen.
    static let absentAgeNs: UInt64 = 120 * 1_000_000_000

    private struct Known: Sendable {
        var publicIPv4: String?
        var isThere: Bool
        var atNs: UInt64
    }

    private var known: [String: Known] = [:]

    var count: Int { known.count }

    /// The public address of a task's own interface, as far as it is known.
    func publicIPv4(of task: ECSTask) -> String? { Self.id(of: task).flatMap { known[$0]?.publicIPv4 } }

    /// Whether EC2 was asked for the task's own interface, or the task has none.
    func isKnown(of task: ECSTask) -> Bool { Self.id(of: task).map { known[$0] != nil } ?? true }

    /// Whether the task has an interface of its own that is to be asked for now.
    func isDue(_ task: ECSTask, nowNs: UInt64) -> Bool {
        Self.id(of: task).map { isDue($0, nowNs) } ?? false
    }

    private func isDue(_ id: String, _ nowNs: UInt64) -> Bool {
        guard let entry = known[id] else { return true }
        return nowNs - entry.atNs >= (entry.isThere ? Self.ageNs : Self.absentAgeNs)
    }

    /// Asks for those that are new or old, in batches. What cannot be had stays as it is.
    mutating func read(_ tasks: [ECSTask], _ api: ECSAPI, nowNs: UInt64) async -> [ECSFault] {
        let due = Set(tasks.compactMap(Self.id)).filter { isDue($0, nowNs) }.sorted()
        for start in stride(from: 0, to: due.count, by: EC2Client.describeLimit) {
            let batch = due[start..<min(due.count, start + EC2Client.describeLimit)]
            do throws(AWSError) {
                let found = try await api.ec2.describeNetworkInterfaces(Array(batch))
                for id in batch { known[id] = Known(isThere: false, atNs: nowNs) }
                for interface in found where known[interface.id] != nil {
                    known[interface.id] = Known(
                        publicIPv4: interface.publicIPv4, isThere: true, atNs: nowNs)
                }
            } catch {
                if error.code == .cancelled { return [] }
                return [ECSFault(error, about: .interfaces)]
            }
        }
        return []
    }

    /// Forgets the interfaces of tasks that are gone.
    mutating func keep(only tasks: [ECSTask]) {
        let ids = Set(tasks.compactMap(Self.id))
        known = known.filter { ids.contains($0.key) }
    }

    private static func id(of task: ECSTask) -> String? {
        ECSAddress.interface(of: task)?.details["networkInterfaceId"].flatMap { $0.isEmpty ? nil : $0 }
    }
}
