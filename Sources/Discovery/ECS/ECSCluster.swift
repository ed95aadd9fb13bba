import AWS

/// One cluster's last good facts and how they are made anew: only what the API answered for is replaced.
struct ECSCluster: Sendable {
    /// Tasks that went missing are asked for once more, to learn whether they have stopped; in a round at
    /// most so many.
    static let stoppedLimit = 500
    /// How long a stopped task is remembered, for jobs that read the snapshot late.
    static let stoppedAgeNs: UInt64 = 300 * 1_000_000_000
    /// After how many answers in a row that the cluster does not exist its tasks are let go.
    static let goneAfter = 2
    /// How long services' and clusters' tags stand before they are asked for again.
    static let tagsAgeNs: UInt64 = 300 * 1_000_000_000

    let cluster: String
    private var records: [String: ECSTaskRecord] = [:]
    private var stopped: [String: (record: ECSTaskRecord, atNs: UInt64)] = [:]
    private var interfaces = ECSInterfaces()
    private var services: [String: ECSService] = [:]
    private var description: ECSClusterDescription?
    private var servicesAtNs: UInt64?
    private var descriptionAtNs: UInt64?
    private var wholeAtNs: UInt64?
    private var notFoundCount = 0
    /// Something was answered, so that no tasks means no tasks.
    private(set) var wasRead = false

    init(cluster: String) { self.cluster = cluster }

    var snapshot: ECSClusterSnapshot {
        ECSClusterSnapshot(
            cluster: cluster, records: records.values.sorted { $0.task.arn < $1.task.arn },
            stopped: stopped.values.map(\.record).sorted { $0.task.arn < $1.task.arn }, services: services,
            description: description, wholeAtNs: wholeAtNs)
    }

    /// Asks the API; gives what was wrong.
    mutating func refresh(
        _ api: ECSAPI, _ catalogue: ECSCatalogue, needs: ECSNeeds, nowNs: UInt64
    ) async -> [ECSFault] {
        var faults: [ECSFault] = []
        stopped = stopped.filter { nowNs - $0.value.atNs < Self.stoppedAgeNs }
        let list = await api.ecs.listTasks(cluster: cluster)
        if let failure = list.failure {
            if failure.code == .cancelled { return [] }
            faults.append(ECSFault(failure))
            noteMissingCluster(failure)
            if list.arns.isEmpty { return faults }
        } else {
            notFoundCount = 0
        }
        let listed = Set(list.arns)
        var fresh = await describe(api, list.arns, nowNs, &faults)
        if list.failure == nil {
            await letGo(api, records.keys.filter { !listed.contains($0) }, nowNs, &faults)
        }
        await complete(&fresh, catalogue, needs, &faults)
        if needs.contains(.interfaces) { await readInterfaces(api, &fresh, nowNs, &faults) }
        records.merge(fresh) { _, new in new }
        interfaces.keep(only: records.values.map(\.task))
        await readTags(api, needs, nowNs, &faults)
        if !Task.isCancelled {
            wasRead = wasRead || list.failure == nil || !records.isEmpty
            if !faults.contains(where: \.isFailure) { wholeAtNs = nowNs }
        }
        return faults
    }

    /// A cluster can be deleted only when nothing runs in it; but one answer alone is not believed.
    private mutating func noteMissingCluster(_ failure: AWSError) {
        guard failure.code == .notFound else { return }
        notFoundCount += 1
        if notFoundCount >= Self.goneAfter {
            records = [:]
            wasRead = true
        }
    }

    /// The listed tasks, in batches. Those of a batch that failed stay as they are.
    private mutating func describe(
        _ api: ECSAPI, _ arns: [String], _ nowNs: UInt64, _ faults: inout [ECSFault]
    ) async -> [String: ECSTaskRecord] {
        var fresh: [String: ECSTaskRecord] = [:]
        var unreadable = 0
        for start in stride(from: 0, to: arns.count, by: ECSClient.describeLimit) {
            let batch = Array(arns[start..<min(arns.count, start + ECSClient.describeLimit)])
            do throws(AWSError) {
                let page = try await api.ecs.describeTasks(cluster: cluster, arns: batch)
                unreadable += page.unreadable
                for task in page.tasks {
                    if ECSTaskRecord.hasStopped(task.lastStatus) {
                        setStopped(task.arn, nowNs)
                    } else {
                        fresh[task.arn] = ECSTaskRecord(task: task)
                    }
                }
                for failure in page.failures where failure.reason == "MISSING" {
                    setStopped(failure.arn, nowNs)
                }
            } catch {
                if error.code == .cancelled { return fresh }
                faults.append(ECSFault(error))
                if error.concernsAllCalls { break }
            }
        }
        if unreadable > 0 {
            faults.append(
                ECSFault(message: "\(unreadable) tasks are not what the API documents", isFailure: false))
        }
        return fresh
    }

    /// Tasks that the list has no more. Those that ECS says have stopped are remembered as such.
    private mutating func letGo(
        _ api: ECSAPI, _ arns: [String], _ nowNs: UInt64, _ faults: inout [ECSFault]
    ) async {
        let asked = arns.sorted().prefix(Self.stoppedLimit)
        for start in stride(from: 0, to: asked.count, by: ECSClient.describeLimit) {
            let batch = Array(asked[start..<min(asked.count, start + ECSClient.describeLimit)])
            do throws(AWSError) {
                let page = try await api.ecs.describeTasks(cluster: cluster, arns: batch)
                for task in page.tasks where ECSTaskRecord.hasStopped(task.lastStatus) {
                    setStopped(task.arn, nowNs)
                }
                for failure in page.failures where failure.reason == "MISSING" {
                    setStopped(failure.arn, nowNs)
                }
            } catch {
                if error.code == .cancelled { return }
                // They are gone all the same; their series end a moment later than they could.
                faults.append(ECSFault(error))
                break
            }
        }
        for arn in arns { records[arn] = nil }
    }

    private mutating func setStopped(_ arn: String, _ nowNs: UInt64) {
        guard let record = records.removeValue(forKey: arn), record.isRunning else { return }
        stopped[arn] = (record, nowNs)
    }

    /// Adds definitions and machines; where they cannot be had for the moment, what was known of the task
    /// stays.
    private func complete(
        _ fresh: inout [String: ECSTaskRecord], _ catalogue: ECSCatalogue, _ needs: ECSNeeds,
        _ faults: inout [ECSFault]
    ) async {
        let running = fresh.values.filter(\.isRunning)
        var definitions: [String: ECSTaskDefinition] = [:]
        if needs.contains(.definitions) {
            // A task that had its definition has it still: however many there are, the steady state asks for
            // none.
            let lacking = running.filter { record in
                let before = records[record.task.arn]
                return before?.definition == nil || before?.task.definitionARN != record.task.definitionARN
            }
            let answer = await catalogue.definitions(Set(lacking.compactMap(\.task.definitionARN)))
            definitions = answer.found
            faults += answer.faults
        }
        let instances = Set(running.compactMap(\.task.containerInstanceARN))
        let hosts = await catalogue.hosts(cluster: cluster, instances)
        // A task with an interface of its own has its address; of its machine it lacks labels only.
        let isNeeded = running.contains {
            $0.task.containerInstanceARN != nil && ECSAddress.interface(of: $0.task) == nil
        }
        faults += hosts.faults.map { isNeeded ? $0 : ECSFault(message: $0.message, isFailure: false) }
        for record in running {
            let arn = record.task.arn
            let before = records[arn]
            var made = record
            made.definition =
                record.task.definitionARN.flatMap { definitions[$0] }
                ?? (before?.task.definitionARN == record.task.definitionARN ? before?.definition : nil)
            made.host = record.task.containerInstanceARN.flatMap { hosts.found[$0] } ?? before?.host
            fresh[arn] = made
        }
    }

    /// The public addresses of tasks with an interface of their own, when a job wants that label.
    private mutating func readInterfaces(
        _ api: ECSAPI, _ fresh: inout [String: ECSTaskRecord], _ nowNs: UInt64, _ faults: inout [ECSFault]
    ) async {
        faults += await interfaces.read(
            fresh.values.filter(\.isRunning).map(\.task), api, nowNs: nowNs)
        for (arn, record) in fresh { fresh[arn]?.publicIPv4 = interfaces.publicIPv4(of: record.task) }
    }

    /// Services and the cluster itself, when a job wants their labels. On a failure they stay as they are.
    private mutating func readTags(
        _ api: ECSAPI, _ needs: ECSNeeds, _ nowNs: UInt64, _ faults: inout [ECSFault]
    ) async {
        func isOld(_ atNs: UInt64?) -> Bool { atNs.map { nowNs - $0 >= Self.tagsAgeNs } ?? true }
        do throws(AWSError) {
            if needs.contains(.services), isOld(servicesAtNs) {
                var found: [String: ECSService] = [:]
                let arns = try await api.ecs.listServices(cluster: cluster)
                for start in stride(from: 0, to: arns.count, by: ECSClient.describeServicesLimit) {
                    let end = min(arns.count, start + ECSClient.describeServicesLimit)
                    let page = try await api.ecs.describeServices(
                        cluster: cluster, services: Array(arns[start..<end]))
                    for service in page { found[service.name] = service }
                }
                services = found
                servicesAtNs = nowNs
            }
            if needs.contains(.clusters), isOld(descriptionAtNs) {
                description = try await api.ecs.describeClusters([cluster]).first
                descriptionAtNs = nowNs
            }
        } catch {
            if error.code != .cancelled { faults.append(ECSFault(error)) }
        }
    }
}
