import AWS
import Platform

/// One cluster's last good facts and how they are made anew: only what the API answered for is replaced, as
/// soon as it has.
struct ECSCluster: Sendable {
    /// Tasks that went missing are asked for once more, to learn whether they have stopped; in a round at
    /// most so many.
    static let stoppedLimit = 500
    /// How long a stopped task is remembered, for jobs that read the snapshot late.
    static let stoppedAgeNs: UInt64 = 300 * 1_000_000_000
    /// After how many answers in a row that the cluster does not exist its tasks are let go.
    static let goneAfter = 2
    /// How long the cluster's tags stand before they are asked for again.
    static let tagsAgeNs: UInt64 = 300 * 1_000_000_000
    /// How often at most what is known is told while the rest is being read.
    static let tellingNs: UInt64 = 500_000_000

    let cluster: String
    private var records: [String: ECSTaskRecord] = [:]
    private var stopped: [String: (record: ECSTaskRecord, atNs: UInt64)] = [:]
    private var interfaces = ECSInterfaces()
    private var services = ECSServices()
    private var description: ECSClusterDescription?
    private var descriptionAtNs: UInt64?
    private var notFoundCount = 0
    /// By task, whether a job makes a target of it; and of how many jobs that holds.
    private var wanted: [String: (definition: String?, isWanted: Bool)] = [:]
    private var wantedBy = 0
    /// Something was answered, so that no tasks means no tasks.
    private(set) var wasRead = false

    init(cluster: String) { self.cluster = cluster }

    var snapshot: ECSClusterSnapshot {
        ECSClusterSnapshot(
            cluster: cluster, records: records.values.sorted { $0.task.arn < $1.task.arn },
            stopped: stopped.values.map(\.record).sorted { $0.task.arn < $1.task.arn },
            services: services.found, absentServices: services.absent, description: description,
            isDescribed: descriptionAtNs != nil)
    }

    /// Asks the API; gives what was wrong. `publish` gets what is known while the rest is being read: at
    /// once in the first reading of all, and then at most every `tellingNs`.
    mutating func refresh(
        _ api: ECSAPI, _ catalogue: ECSCatalogue, needs: ECSNeeds,
        selections: ECSSelections = ECSSelections(), nowNs: UInt64,
        publish: (ECSClusterSnapshot) -> Void = { _ in }
    ) async -> [ECSFault] {
        stopped = stopped.filter { nowNs - $0.value.atNs < Self.stoppedAgeNs }
        if wantedBy != selections.generation { (wanted, wantedBy) = ([:], selections.generation) }
        var reading = ECSClusterReading(
            needs: needs, selections: selections, nowNs: nowNs,
            serviceAgeNs: services.allowedAgeNs(nowNs: nowNs))
        let list = await api.ecs.listTasks(cluster: cluster)
        if let failure = list.failure {
            if failure.code == .cancelled { return [] }
            reading.faults.append(ECSFault(failure))
            noteMissingCluster(failure)
            if list.arns.isEmpty { return reading.faults }
        } else {
            notFoundCount = 0
            let listed = Set(list.arns)
            reading.gone = records.keys.filter { !listed.contains($0) }.sorted()
        }
        reading.plan.tasks.add(list.arns, nowNs: nowNs)
        reading.plan.gone.add(Array(reading.gone.prefix(Self.stoppedLimit)), nowNs: nowNs)
        if needs.contains(.clusters), descriptionAtNs.map({ nowNs - $0 >= Self.tagsAgeNs }) ?? true {
            reading.plan.description.add([cluster], nowNs: nowNs)
        }
        await ask(api, catalogue, &reading, publish)
        end(&reading)
        if !Task.isCancelled { wasRead = wasRead || list.failure == nil || !records.isEmpty }
        return reading.faults
    }

    /// Asks all that the plan has, each thing as soon as it is known to be needed.
    private mutating func ask(
        _ api: ECSAPI, _ catalogue: ECSCatalogue, _ reading: inout ECSClusterReading,
        _ publish: (ECSClusterSnapshot) -> Void
    ) async {
        let (clock, cluster, nowNs) = (catalogue.clock, cluster, reading.nowNs)
        var isPausing = false
        var isFirst = !wasRead
        await withTaskGroup(of: ECSAnswer.self) { group in
            while !Task.isCancelled {
                for question in reading.plan.due(nowNs: clock.monotonicNs) {
                    var tasks: [ECSTask] = []
                    if case .interfaces(let arns) = question {
                        tasks = arns.compactMap { records[$0]?.task }
                    }
                    group.addTask { [interfaces, tasks] in
                        await .to(
                            question, of: cluster, api, catalogue, tasks: tasks, known: interfaces,
                            nowNs: nowNs)
                    }
                }
                guard reading.plan.inFlight > 0 else { break }
                if isFirst, reading.isDirty {
                    isFirst = false
                    tell(&reading, publish)
                }
                if !isPausing, reading.isDirty || reading.plan.holdsBack {
                    isPausing = true
                    group.addTask {
                        // Cancelled: the reading is over, and nobody looks at the answer.
                        try? await clock.sleep(untilNs: clock.monotonicNs + Self.tellingNs)
                        return .pause
                    }
                }
                guard let answer = await group.next() else { break }
                if case .pause = answer {
                    isPausing = false
                    reading.plan.definitions.atOnce = ECSClusterPlan.definitionsAtOnce
                    if reading.isDirty { tell(&reading, publish) }
                } else {
                    take(answer, catalogue, &reading)
                }
            }
            group.cancelAll()
        }
    }

    private func tell(_ reading: inout ECSClusterReading, _ publish: (ECSClusterSnapshot) -> Void) {
        reading.isDirty = false
        publish(snapshot)
    }

    /// What was not answered now will not be in this reading.
    private mutating func end(_ reading: inout ECSClusterReading) {
        if !Task.isCancelled { for arn in reading.gone { records[arn] = nil } }
        for (arn, record) in records where !record.awaited.isEmpty { records[arn]?.awaited = [] }
        interfaces.keep(only: records.values.map(\.task))
        services.keep(only: Set(records.values.compactMap { ECSLabels.service(of: $0.task) }))
        wanted = wanted.filter { records[$0.key] != nil }
        if reading.unreadable > 0 {
            reading.faults.append(
                ECSFault(
                    message: "\(reading.unreadable) tasks are not what the API documents", isFailure: false))
        }
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

    private mutating func setStopped(_ arn: String, _ reading: inout ECSClusterReading) {
        guard let record = records.removeValue(forKey: arn), record.isRunning else { return }
        stopped[arn] = (record, reading.nowNs)
        reading.isDirty = true
    }
}

// What each answer changes.
extension ECSCluster {
    private mutating func take(
        _ answer: ECSAnswer, _ catalogue: ECSCatalogue, _ reading: inout ECSClusterReading
    ) {
        switch answer {
        case .tasks(_, let result):
            reading.plan.tasks.answered()
            takeTasks(result, catalogue, &reading)
        case .gone(let arns, let result):
            reading.plan.gone.answered()
            takeGone(arns, result, &reading)
        case .definition(let arn, let result):
            reading.plan.definitions.answered()
            takeDefinition(arn, result, catalogue, &reading)
        case .instances(let arns, let found, let faults):
            reading.plan.instances.answered()
            if reading.note(faults) { reading.plan.instances.giveUp() }
            for instance in found { reading.instances[instance.arn] = instance }
            for arn in arns { place(arn, catalogue, &reading) }
        case .ec2(let ids, let found, let faults):
            reading.plan.ec2.answered()
            if reading.note(faults) { reading.plan.ec2.giveUp() }
            for instance in found { reading.ec2[instance.id] = instance }
            takeMachines(ids, catalogue, &reading)
        case .systemsManager(let ids, let found, let faults):
            reading.plan.systemsManager.answered()
            if reading.note(faults) { reading.plan.systemsManager.giveUp() }
            for instance in found { reading.systemsManager[instance.id] = instance }
            takeMachines(ids, catalogue, &reading)
        case .services(let names, .success(let found)):
            reading.plan.services.answered()
            services.set(names, found, nowNs: reading.nowNs)
            reading.isDirty = true
        case .services(_, .failure(let error)):
            reading.plan.services.answered()
            if reading.note(error, about: .services) { reading.plan.services.giveUp() }
        case .description(.success(let described)):
            reading.plan.description.answered()
            (description, descriptionAtNs) = (described, reading.nowNs)
            reading.isDirty = true
        case .description(.failure(let error)):
            reading.plan.description.answered()
            _ = reading.note(error, about: .description)
        case .interfaces(let arns, let known, let faults):
            reading.plan.interfaces.answered()
            if reading.note(faults) { reading.plan.interfaces.giveUp() }
            interfaces = known
            for arn in arns {
                change(arn, &reading) { record in
                    record.publicIPv4 = known.publicIPv4(of: record.task)
                    record.awaited.remove(.publicAddress)
                }
            }
        case .pause: break
        }
    }

    /// Tasks of a batch that failed stay as they are.
    private mutating func takeTasks(
        _ result: Result<ECSTaskPage, AWSError>, _ catalogue: ECSCatalogue,
        _ reading: inout ECSClusterReading
    ) {
        switch result {
        case .failure(let error):
            if reading.note(error, about: .tasks) { reading.plan.tasks.giveUp() }
        case .success(let page):
            reading.unreadable += page.unreadable
            for task in page.tasks {
                if ECSTaskRecord.hasStopped(task.lastStatus) {
                    setStopped(task.arn, &reading)
                } else {
                    takeTask(task, catalogue, &reading)
                }
            }
            for failure in page.failures where failure.reason == "MISSING" {
                setStopped(failure.arn, &reading)
            }
        }
    }

    /// With what was known of it before.
    private mutating func takeTask(
        _ task: ECSTask, _ catalogue: ECSCatalogue, _ reading: inout ECSClusterReading
    ) {
        let before = records[task.arn]
        var record = ECSTaskRecord(task: task)
        if record.isRunning {
            record.host = before?.host
            record.publicIPv4 = interfaces.publicIPv4(of: task)
            if before?.task.definitionARN == task.definitionARN { record.definition = before?.definition }
            // A task that had its definition has it still: however many there are, the steady state asks for
            // none.
            if reading.needs.contains(.definitions), record.definition == nil, let arn = task.definitionARN {
                record.definition = catalogue.known(arn)
                if record.definition == nil {
                    record.awaited.insert(.definition)
                    reading.byDefinition[arn, default: []].append(task.arn)
                    reading.plan.definitions.add([arn], nowNs: catalogue.clock.monotonicNs)
                }
            }
        }
        if !record.awaited.contains(.definition) { lookFurther(&record, catalogue, &reading) }
        records[task.arn] = record
        if record != before, !record.awaited.contains(.definition) { reading.isDirty = true }
    }

    /// Tasks that the list has no more. Those that ECS says have stopped are remembered as such.
    private mutating func takeGone(
        _ arns: [String], _ result: Result<ECSTaskPage, AWSError>, _ reading: inout ECSClusterReading
    ) {
        switch result {
        case .failure(let error):
            if error.code == .cancelled { return }
            // They are gone all the same; their series end a moment later than they could.
            _ = reading.note(error, about: .tasks)
            reading.plan.gone.giveUp()
        case .success(let page):
            for task in page.tasks where ECSTaskRecord.hasStopped(task.lastStatus) {
                setStopped(task.arn, &reading)
            }
            for failure in page.failures where failure.reason == "MISSING" {
                setStopped(failure.arn, &reading)
            }
            for arn in arns where records.removeValue(forKey: arn) != nil { reading.isDirty = true }
        }
    }

    /// Takes the answer to DescribeTaskDefinition. A definition that cannot be read leaves out only the tasks
    /// that use it. After an error that may pass, such as throttling, no further definitions are asked for.
    private mutating func takeDefinition(
        _ arn: String, _ result: Result<ECSTaskDefinition, AWSError>, _ catalogue: ECSCatalogue,
        _ reading: inout ECSClusterReading
    ) {
        var definition: ECSTaskDefinition?
        switch result {
        case .success(let found):
            definition = found
            let atOnce = reading.plan.definitions.atOnce * 2
            reading.plan.definitions.atOnce = min(atOnce, ECSClusterPlan.definitionsAtOnce)
        case .failure(let error):
            let isGone = error.isDefinite
            if reading.note(error, about: isGone ? .goneDefinition : .definitions) {
                reading.plan.definitions.giveUp()
            }
        }
        for task in reading.byDefinition.removeValue(forKey: arn) ?? [] {
            guard var record = records[task] else { continue }
            record.definition = definition
            record.awaited.remove(.definition)
            if definition != nil { lookFurther(&record, catalogue, &reading) }
            records[task] = record
            reading.isDirty = true
        }
    }

    /// What EC2 or Systems Manager answered for these ids, or failed to.
    private mutating func takeMachines(
        _ ids: [String], _ catalogue: ECSCatalogue, _ reading: inout ECSClusterReading
    ) {
        reading.answered.formUnion(ids)
        for arn in Set(ids.flatMap { reading.byMachine[$0] ?? [] }).sorted() {
            place(arn, catalogue, &reading)
        }
    }

    /// What is known now of a container instance, for all of its tasks.
    private mutating func place(
        _ instance: String, _ catalogue: ECSCatalogue, _ reading: inout ECSClusterReading
    ) {
        for arn in reading.byInstance[instance] ?? [] {
            guard var record = records[arn] else { continue }
            if reading.instances[instance] == nil {
                // It was asked for and cannot be had.
                record.awaited.remove(.machine)
            } else {
                reading.place(&record, of: cluster, catalogue)
            }
            if records[arn] != record { reading.isDirty = true }
            records[arn] = record
        }
    }

    /// Plans to ask what a target of the task needs beyond its definition, if a job makes one of it.
    private mutating func lookFurther(
        _ record: inout ECSTaskRecord, _ catalogue: ECSCatalogue, _ reading: inout ECSClusterReading
    ) {
        let arn = record.task.arn
        let service = reading.needs.contains(.services) ? ECSLabels.service(of: record.task) : nil
        let hasInterface =
            reading.needs.contains(.interfaces) && ECSAddress.interface(of: record.task) != nil
        let instance = record.task.containerInstanceARN
        guard record.isRunning, service != nil || hasInterface || instance != nil,
            isWanted(record, reading.selections)
        else { return }
        let clockNs = catalogue.clock.monotonicNs
        if let service, services.isDue(service, ageNs: reading.serviceAgeNs, nowNs: reading.nowNs) {
            reading.plan.services.add([service], nowNs: clockNs)
        }
        if hasInterface, interfaces.isDue(record.task, nowNs: reading.nowNs) {
            reading.plan.interfaces.add([arn], nowNs: clockNs)
            if !interfaces.isKnown(of: record.task) { record.awaited.insert(.publicAddress) }
        }
        if let instance {
            reading.byInstance[instance, default: []].append(arn)
            reading.place(&record, of: cluster, catalogue)
        }
    }

    private mutating func isWanted(_ record: ECSTaskRecord, _ selections: ECSSelections) -> Bool {
        let definition = record.task.definitionARN
        if let known = wanted[record.task.arn], known.definition == definition { return known.isWanted }
        let isWanted = selections.wants(record, of: cluster)
        wanted[record.task.arn] = (definition, isWanted)
        return isWanted
    }

    private mutating func change(
        _ arn: String, _ reading: inout ECSClusterReading, _ change: (inout ECSTaskRecord) -> Void
    ) {
        guard let before = records[arn] else { return }
        var record = before
        change(&record)
        records[arn] = record
        if record != before { reading.isDirty = true }
    }
}
