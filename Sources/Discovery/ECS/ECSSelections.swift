import AWS
import Configuration

/// The configurations of all jobs that read a cluster: they tell whether a task is asked about at all, and
/// what its targets need.
struct ECSSelections: Sendable {
    private(set) var all: [ECSTargets] = []
    /// Another number for others: what was found out for some holds for them alone.
    private(set) var generation = 0

    init() {}

    /// None yet, and told from `others`.
    init(after others: ECSSelections) { generation = others.generation + 1 }

    mutating func add(_ targets: ECSTargets) {
        guard !all.contains(where: { $0.configuration == targets.configuration }) else { return }
        all.append(targets)
        generation += 1
    }

    /// Whether the same targets are meant, in the same order.
    func means(_ others: ECSSelections) -> Bool {
        all.elementsEqual(others.all) { $0.configuration == $1.configuration }
    }

    /// Whether a job makes a target of the task, or would if it knew the machine that the task runs on.
    /// Where no job said what it wants, every task may be wanted.
    func wants(_ record: ECSTaskRecord, of cluster: String) -> Bool {
        all.isEmpty
            || all.contains { targets in
                guard targets.canTell(of: record) else { return false }
                let result = targets.targets(of: record, in: ECSClusterSnapshot(cluster: cluster))
                return !result.targets.isEmpty || !result.stopped.isEmpty
                    || result.leftOut.contains(where: \.isFault)
            }
    }

    /// Whether a target of the task, which runs outside AWS, needs what Systems Manager knows of the machine:
    /// its address, where the instance does not carry it, or its name, where a rule looks at that.
    func wantSystemsManager(_ record: ECSTaskRecord, of cluster: String) -> Bool {
        all.isEmpty
            || all.contains { targets in
                guard targets.canTell(of: record) else { return false }
                return targets.configuration.rulesNeed.contains(.machines)
                    || targets.lacksMachine(
                        record, targets.targets(of: record, in: ECSClusterSnapshot(cluster: cluster)))
            }
    }
}

extension ECSTargets {
    /// Whether enough is known of the task to say what targets it has.
    fileprivate func canTell(of record: ECSTaskRecord) -> Bool {
        record.isRunning && (configuration.port != nil || record.definition != nil)
    }

    /// Whether one of the targets that came of the task as `result` is missing for want of what its machine
    /// would tell.
    func lacksMachine(_ record: ECSTaskRecord, _ result: ECSTaskTargets) -> Bool {
        guard record.task.containerInstanceARN != nil, canTell(of: record),
            result.leftOut.contains(where: { $0.isFault && $0.definition == nil })
        else { return false }
        var seen = record
        if configuration.port != nil { seen.definition = nil }
        let attribute = configuration.addressAttribute
        let mode = ECSAddress(record: seen, family: configuration.addressFamily, attribute: attribute).mode
        guard mode == .bridge || mode == .host else { return false }
        guard let host = record.host else { return true }
        let said = host.attributes[attribute] ?? host.tags[attribute] ?? ""
        return said.isEmpty && (host.isExternal ? host.ssm == nil : host.ec2 == nil)
    }
}
