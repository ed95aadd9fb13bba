import AWS
import MetricModel

/// One cluster's last good targets and how they are made anew.
struct ECSCluster {
    /// What was wrong in a round.
    struct Fault: Equatable {
        let message: String
        /// The API failed; else a task or container is at fault.
        let isFailure: Bool
    }

    let cluster: String
    /// Nil until the cluster was read once.
    private(set) var group: TargetGroup?
    private let targets: ECSTargets
    /// By task ARN, for tasks whose definition cannot be had for the moment.
    private var targetsByTask: [String: [LabelSet]] = [:]
    private var saidNs: [String: UInt64] = [:]

    init(cluster: String, region: String) {
        self.cluster = cluster
        targets = ECSTargets(region: region, cluster: cluster)
    }

    /// Asks the API. On a failure the group stays as it is.
    mutating func refresh(_ ecs: any ECSDescribing, _ definitions: inout ECSDefinitions) async -> [Fault] {
        var faults: [Fault] = []
        do throws(AWSError) {
            let tasks = try await tasks(ecs, &faults)
            var made: [String: [LabelSet]] = [:]
            for task in tasks where ECSTargets.isEligible(task) {
                guard let arn = task.definitionARN else {
                    faults.append(
                        Fault(message: "task \(task.arn) names no task definition", isFailure: false))
                    continue
                }
                switch try await definitions.definition(arn, ecs) {
                case .success(let definition):
                    let result = targets.targets(of: task, definition)
                    made[task.arn] = result.targets
                    faults += result.faults.map { Fault(message: $0, isFailure: false) }
                case .failure(let error):
                    made[task.arn] = targetsByTask[task.arn]
                    let fault = Fault(message: error.description, isFailure: true)
                    if !faults.contains(fault) { faults.append(fault) }
                }
            }
            targetsByTask = made
            group = TargetGroup(
                source: "ecs/\(cluster)", targets: made.sorted { $0.key < $1.key }.flatMap(\.value))
        } catch {
            if error.code != .cancelled { faults.append(Fault(message: error.description, isFailure: true)) }
        }
        return faults
    }

    private func tasks(_ ecs: any ECSDescribing, _ faults: inout [Fault]) async throws(AWSError) -> [ECSTask]
    {
        let arns = try await ecs.listTasks(cluster: cluster)
        var tasks: [ECSTask] = []
        var unreadable = 0
        for start in stride(from: 0, to: arns.count, by: ECSClient.describeLimit) {
            let batch = Array(arns[start..<min(arns.count, start + ECSClient.describeLimit)])
            let page = try await ecs.describeTasks(cluster: cluster, arns: batch)
            tasks += page.tasks
            unreadable += page.unreadable
        }
        if unreadable > 0 {
            faults.append(
                Fault(message: "\(unreadable) tasks are not what the API documents", isFailure: false))
        }
        return tasks
    }

    /// True when a fault is new, or was last said long enough ago; then it counts as said.
    mutating func isDue(_ fault: Fault, nowNs: UInt64) -> Bool {
        let repeatNs = UInt64(ECSProvider.repeatMs) * 1_000_000
        saidNs = saidNs.filter { nowNs - $0.value < repeatNs }
        guard saidNs[fault.message] == nil else { return false }
        saidNs[fault.message] = nowNs
        return true
    }
}
