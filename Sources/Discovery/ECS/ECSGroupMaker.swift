import AWS
import Configuration
import MetricModel

/// What a job makes of one cluster.
struct ECSMadeGroup: Sendable {
    var snapshot: ECSClusterSnapshot
    var byTask: [String: ECSTaskTargets] = [:]
    /// Tasks that wait for something, or have the targets of before because of it: made anew next time.
    var pending: Set<String> = []
    /// Of those, the ones that wait for their service, or for their cluster's tags.
    var waitingForService: Set<String> = []
    var waitingForCluster: Set<String> = []
    /// Since when a service, or for "" the cluster, could have been known and is not.
    var unknownSinceNs: [String: UInt64] = [:]
    var group: TargetGroup
    /// It was read without a failure at least once.
    var isKnown = false
    /// The same, or what is missing is refused for good and costs only some of its targets.
    var isWorthWriting = false
    /// When it was last read without a failure.
    var wholeAtNs: UInt64?

    var leftOut: [ECSTaskTargets.LeftOut] {
        byTask.sorted { $0.key < $1.key }.flatMap(\.value.leftOut)
    }
}

/// Makes target groups of clusters for one configuration, and says what a fault costs its targets.
struct ECSGroupMaker: Sendable {
    let targets: ECSTargets
    let patience: ECSSurvey.Patience

    private var configuration: ECSSDConfiguration { targets.configuration }

    /// Tasks that were known keep their targets while something of them is not known.
    func make(_ snapshot: ECSClusterSnapshot, before: ECSMadeGroup?, nowNs: UInt64) -> ECSMadeGroup {
        var made = ECSMadeGroup(
            snapshot: snapshot, group: TargetGroup(source: "ecs/\(snapshot.cluster)", targets: []),
            isKnown: before?.isKnown ?? false, isWorthWriting: before?.isWorthWriting ?? false,
            wholeAtNs: before?.wholeAtNs)
        let records = Dictionary(
            (before?.snapshot.records ?? []).map { ($0.task.arn, $0) },
            uniquingKeysWith: { first, _ in first })
        let isSameCluster = before?.snapshot.description == snapshot.description
        made.byTask.reserveCapacity(snapshot.records.count)
        var all: [LabelSet] = []
        var stopped: [LabelSet] = []
        for record in snapshot.records {
            let arn = record.task.arn
            let service = ECSLabels.service(of: record.task)
            let isSame =
                isSameCluster && records[arn] == record && before?.pending.contains(arn) == false
                && service.map { before?.snapshot.services[$0] == snapshot.services[$0] } ?? true
            if isSame, let kept = before?.byTask[arn] {
                made.byTask[arn] = kept
            } else {
                makeTask(record, before, nowNs, &made)
            }
            all += made.byTask[arn]?.targets ?? []
            stopped += made.byTask[arn]?.stopped ?? []
        }
        for record in snapshot.stopped { stopped += targets.targets(of: record, in: snapshot).targets }
        made.group = TargetGroup(source: made.group.source, targets: all, stopped: stopped)
        return made
    }

    private func makeTask(
        _ record: ECSTaskRecord, _ before: ECSMadeGroup?, _ nowNs: UInt64, _ made: inout ECSMadeGroup
    ) {
        let arn = record.task.arn
        let result = targets.targets(of: record, in: made.snapshot)
        if isAwaiting(record, result) {
            made.pending.insert(arn)
            made.byTask[arn] = ECSTaskTargets()
        } else if !result.targets.isEmpty, let reason = missing(record, before, nowNs, &made) {
            made.pending.insert(arn)
            var waiting = ECSTaskTargets()
            waiting.leaveOut(record, nil, reason, isFault: true)
            made.byTask[arn] = waiting
        } else {
            made.byTask[arn] = result
            return
        }
        if let known = before?.byTask[arn], !known.targets.isEmpty || !known.stopped.isEmpty {
            made.byTask[arn] = known
        }
    }

    /// Whether the reading that goes on may still tell something that the task's targets need.
    private func isAwaiting(_ record: ECSTaskRecord, _ result: ECSTaskTargets) -> Bool {
        guard record.isRunning, !record.awaited.isEmpty else { return false }
        if record.awaited.contains(.definition), configuration.port == nil { return true }
        if record.awaited.contains(.machine),
            configuration.rulesNeed.contains(.machines) || targets.lacksMachine(record, result)
        {
            return true
        }
        return record.awaited.contains(.publicAddress)
            && configuration.rulesNeed.contains(.publicAddresses)
    }

    /// Why the task has to wait for what its rules look at; nil when it need not.
    private func missing(
        _ record: ECSTaskRecord, _ before: ECSMadeGroup?, _ nowNs: UInt64, _ made: inout ECSMadeGroup
    ) -> String? {
        func hasToWait(_ need: ECSLabelNeeds, _ key: String) -> Bool {
            let sinceNs = before?.unknownSinceNs[key] ?? nowNs
            made.unknownSinceNs[key] = sinceNs
            switch patience {
            case .asRulesNeed: return configuration.rulesNeed.contains(need)
            case .atMostMs(let ms): return nowNs < sinceNs + UInt64(ms) * 1_000_000
            }
        }
        if configuration.describesServices ?? false, let service = ECSLabels.service(of: record.task),
            !made.snapshot.knows(service: service), hasToWait(.services, service)
        {
            made.waitingForService.insert(record.task.arn)
            return "it waits for the tags and the status of its service \(service), which are not known"
        }
        if configuration.describesClusters ?? false, !made.snapshot.isDescribed, hasToWait(.clusters, "") {
            made.waitingForCluster.insert(record.task.arn)
            return "it waits for the tags of its cluster, which are not known"
        }
        return nil
    }

    /// The faults of a reading as they concern this configuration's targets: what costs none is no failure.
    func judge(_ faults: [ECSFault], of made: inout ECSMadeGroup, readAtNs: UInt64) -> [ECSFault] {
        var lacking: Int?
        let judged = faults.compactMap { fault -> ECSFault? in
            var fault = fault
            func judge(_ isAsked: Bool, _ count: Int, isNeeded: Bool, what: String) -> ECSFault? {
                guard isAsked else { return nil }
                fault.isFailure = count > 0 || isNeeded
                fault.message +=
                    count > 0
                    ? "; \(count) task(s) wait for it" : "; no target is missing for it, only \(what)"
                return fault
            }
            switch fault.subject {
            case .tasks, .content: return fault
            case .definitions: return configuration.port == nil ? fault : nil
            case .goneDefinition:
                fault.isFailure = false
                return configuration.port == nil ? fault : nil
            case .machines:
                let count = lacking ?? countLackingMachine(made)
                lacking = count
                return judge(usesMachines(made), count, isNeeded: false, what: "labels of machines")
            case .services:
                return judge(
                    configuration.describesServices ?? false, made.waitingForService.count,
                    isNeeded: needs(.services), what: "labels of services are missing or old")
            case .description:
                return judge(
                    configuration.describesClusters ?? false, made.waitingForCluster.count,
                    isNeeded: needs(.clusters), what: "labels of the cluster are missing or old")
            case .interfaces:
                return judge(
                    configuration.describesInterfaces ?? false, 0, isNeeded: false, what: "public addresses")
            }
        }
        let failures = judged.filter(\.isFailure)
        if failures.isEmpty {
            made.wholeAtNs = readAtNs
            made.isKnown = true
        }
        let isForGood = failures.allSatisfy { $0.subject == .machines && $0.isRefusal }
        if isForGood, made.isKnown || !made.group.targets.isEmpty { made.isWorthWriting = true }
        return judged
    }

    private func needs(_ label: ECSLabelNeeds) -> Bool {
        if case .atMostMs = patience { return false }
        return configuration.rulesNeed.contains(label)
    }

    /// Whether a target of this configuration runs on a machine that ECS tells of.
    private func usesMachines(_ made: ECSMadeGroup) -> Bool {
        made.snapshot.records.contains { record in
            record.task.containerInstanceARN != nil
                && made.byTask[record.task.arn].map { result in
                    !result.targets.isEmpty || result.leftOut.contains(where: \.isFault)
                } ?? false
        }
    }

    private func countLackingMachine(_ made: ECSMadeGroup) -> Int {
        made.snapshot.records.count { record in
            made.byTask[record.task.arn].map { targets.lacksMachine(record, $0) } ?? false
        }
    }
}
