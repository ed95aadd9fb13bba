import AWS
import Platform

/// One reading of a cluster while it goes on.
struct ECSClusterReading {
    let needs: ECSNeeds
    let selections: ECSSelections
    let nowNs: UInt64
    /// How old a service may be that is not asked for in this reading.
    let serviceAgeNs: UInt64
    var plan = ECSClusterPlan()
    var faults: [ECSFault] = []
    var unreadable = 0
    /// Tasks that a whole list has no more.
    var gone: [String] = []
    /// Something is known that was not told.
    var isDirty = false
    /// By definition's ARN, the tasks that wait for it.
    var byDefinition: [String: [String]] = [:]
    /// By container instance's ARN, the tasks that want to know it.
    var byInstance: [String: [String]] = [:]
    /// By `i-…` or `mi-…`, the container instances' ARNs.
    var byMachine: [String: Set<String>] = [:]
    /// Of those, the ones that EC2 or Systems Manager was asked for, and has answered or failed to.
    var answered: Set<String> = []
    var instances: [String: ECSContainerInstance] = [:]
    var ec2: [String: EC2Instance] = [:]
    var systemsManager: [String: SSMInstance] = [:]

    init(needs: ECSNeeds, selections: ECSSelections, nowNs: UInt64, serviceAgeNs: UInt64) {
        self.needs = needs
        self.selections = selections
        self.nowNs = nowNs
        self.serviceAgeNs = serviceAgeNs
    }

    /// Notes a call that failed; true when asking on is in vain.
    mutating func note(_ error: AWSError, about subject: ECSFault.Subject) -> Bool {
        if error.code != .cancelled { faults.append(ECSFault(error, about: subject)) }
        return error.concernsAllCalls
    }

    /// Likewise; faults of many batches are one by one what they are.
    mutating func note(_ more: [ECSFault]) -> Bool {
        faults += more
        return more.contains(where: \.endsRound)
    }

    /// Gives the record what is known of its machine, and plans to ask for the rest. What was known before
    /// stays until there is an answer.
    mutating func place(_ record: inout ECSTaskRecord, of cluster: String, _ catalogue: ECSCatalogue) {
        guard let arn = record.task.containerInstanceARN else { return }
        if instances[arn] == nil { instances[arn] = catalogue.freshInstance(arn) }
        guard let instance = instances[arn] else {
            plan.instances.add([arn], nowNs: catalogue.clock.monotonicNs)
            if record.host == nil { record.awaited.insert(.machine) }
            return
        }
        let before = record.host?.instanceID == instance.instanceID ? record.host : nil
        record.awaited.remove(.machine)
        record.host = ECSHost(
            instanceID: instance.instanceID, attributes: instance.attributes, tags: instance.tags)
        guard let id = instance.instanceID else { return }
        let isExternal = id.hasPrefix("mi-")
        record.host?.ec2 = isExternal ? nil : ec2[id] ?? catalogue.freshEC2(id)
        record.host?.ssm = isExternal ? systemsManager[id] ?? catalogue.freshSystemsManager(id) : nil
        if record.host?.ec2 != nil || record.host?.ssm != nil { return }
        let isWanted = !isExternal || selections.wantSystemsManager(record, of: cluster)
        record.host?.ec2 = before?.ec2
        record.host?.ssm = before?.ssm
        guard isWanted, !answered.contains(id) else { return }
        byMachine[id, default: []].insert(arn)
        if isExternal {
            plan.systemsManager.add([id], nowNs: catalogue.clock.monotonicNs)
        } else {
            plan.ec2.add([id], nowNs: catalogue.clock.monotonicNs)
        }
        if before?.ec2 == nil, before?.ssm == nil { record.awaited.insert(.machine) }
    }
}
