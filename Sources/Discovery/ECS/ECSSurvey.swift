import AWS
import Configuration
import MetricModel

/// One configuration's view of its clusters, round by round. What did not change is not made again.
struct ECSSurvey {
    /// Clusters read at a time.
    static let concurrency = 4

    struct Round {
        var groups: [TargetGroup] = []
        var leftOut: [ECSTaskTargets.LeftOut] = []
        /// By cluster; the list of clusters itself goes by the name "".
        var faults: [(cluster: String, fault: ECSFault)] = []
        /// By cluster, when everything of it was last read without a failure.
        var wholeAtNs: [String: UInt64] = [:]
        /// Every cluster was read in full at least once, now or before: what is missing is not there.
        var isComplete = false

        var hasFailed: Bool { faults.contains { $0.fault.isFailure } }
        var isThrottled: Bool { faults.contains { $0.fault.isThrottling } }
    }

    private struct Made {
        var snapshot: ECSClusterSnapshot
        var byTask: [String: ECSTaskTargets]
        var group: TargetGroup
        /// It was read without a failure at least once.
        var isKnown: Bool
    }

    private let configuration: ECSSDConfiguration
    private let inventory: ECSInventory
    private let targets: ECSTargets
    private let ownCluster: ECSOwnCluster
    private var made: [String: Made] = [:]
    /// As last listed or found.
    private var clusters: [String]?
    /// The clusters that are asked for are not where the agent's own is.
    private var isElsewhere = false

    init(_ configuration: ECSSDConfiguration, inventory: ECSInventory, ownCluster: ECSOwnCluster) {
        self.configuration = configuration
        self.inventory = inventory
        self.ownCluster = ownCluster
        targets = ECSTargets(configuration: configuration, region: inventory.region)
    }

    /// What this configuration needs to have read.
    var needs: ECSNeeds {
        var needs: ECSNeeds = configuration.port == nil ? .definitions : []
        if configuration.describesServices ?? false { needs.insert(.services) }
        if configuration.describesClusters ?? false { needs.insert(.clusters) }
        if configuration.describesInterfaces ?? false { needs.insert(.interfaces) }
        return needs
    }

    /// Reads every cluster unless another job did so at most `freshNs` ago. In the first round `progress`
    /// gets the groups so far after each cluster.
    mutating func round(
        freshNs: UInt64, progress: @Sendable ([TargetGroup]) async -> Void
    ) async -> Round {
        await inventory.require(needs)
        var round = Round()
        let names = await inventory.distinct(await clusterNames(freshNs: freshNs, &round))
        made = made.filter { names.contains($0.key) }
        let isFirst = made.isEmpty && names.count > 1
        await withTaskGroup(of: (String, ECSInventory.Reading).self) { group in
            var remaining = names[...]
            func next() {
                guard let name = remaining.popFirst() else { return }
                group.addTask { [inventory] in (name, await inventory.read(name, freshNs: freshNs)) }
            }
            for _ in 0..<Self.concurrency { next() }
            while let (name, reading) = await group.next() {
                next()
                take(reading, of: name, &round)
                if isFirst, !remaining.isEmpty { await progress(groups) }
            }
        }
        round.groups = groups
        round.isComplete = clusters != nil && names.allSatisfy { made[$0]?.isKnown ?? false }
        round.leftOut = names.flatMap { name in
            (made[name]?.byTask ?? [:]).sorted { $0.key < $1.key }.flatMap(\.value.leftOut)
        }
        return round
    }

    /// A cluster that is named by its ARN too, which shows when it was read, counts by that.
    private var groups: [TargetGroup] {
        made.sorted { $0.key < $1.key }.compactMap { name, made in
            let arn = made.snapshot.arn
            return arn != name && arn.map({ self.made[$0] != nil }) ?? false ? nil : made.group
        }
    }

    private mutating func clusterNames(freshNs: UInt64, _ round: inout Round) async -> [String] {
        if !configuration.clusters.isEmpty, configuration.clusters != [ECSSDConfiguration.allClusters] {
            clusters = configuration.clusters
            return configuration.clusters
        }
        // Prometheus' form and teralytics' tool mean all clusters when they name none.
        let mayBeOwn =
            configuration.clusters.isEmpty && configuration.port == nil && configuration.compatibility == nil
        if mayBeOwn, ownCluster.isInTask, !isElsewhere {
            if let clusters { return clusters }
            do {
                let own = try await ownCluster.read()
                isElsewhere = asksElsewhere(than: own)
                if !isElsewhere { clusters = [own] }
            } catch {
                round.faults.append(("", ECSFault(message: error.description, isFailure: true)))
            }
            if !isElsewhere { return clusters ?? [] }
        }
        let answer = await inventory.allClusters(freshNs: freshNs)
        if let fault = answer.fault { round.faults.append(("", fault)) }
        clusters = answer.clusters ?? clusters
        return clusters ?? []
    }

    /// The agent's own cluster cannot be seen with a role of another account, nor from another region. Where
    /// its ARN is not known, it is taken to be there, unless a role is assumed: nobody knows whose.
    private func asksElsewhere(than own: String) -> Bool {
        func parts(_ arn: String) -> [Substring] {
            let parts = arn.split(separator: ":", maxSplits: 5, omittingEmptySubsequences: false)
            return parts.count == 6 ? parts : []
        }
        let cluster = parts(own)
        if cluster.isEmpty { return configuration.roleARN != nil }
        let role = parts(configuration.roleARN ?? "")
        return cluster[3] != inventory.region || !role.isEmpty && role[4] != cluster[4]
    }

    private mutating func take(_ reading: ECSInventory.Reading, of name: String, _ round: inout Round) {
        round.faults += reading.faults.map { (name, $0) }
        guard let snapshot = reading.snapshot else { return }
        if let wholeAtNs = snapshot.wholeAtNs { round.wholeAtNs[name] = wholeAtNs }
        made[name] = make(
            snapshot, name, before: made[name], isWhole: !reading.faults.contains(where: \.isFailure))
    }

    private func make(
        _ snapshot: ECSClusterSnapshot, _ name: String, before: Made?, isWhole: Bool
    ) -> Made {
        let isSame =
            before.map {
                $0.snapshot.services == snapshot.services && $0.snapshot.description == snapshot.description
            } ?? false
        var records: [String: ECSTaskRecord] = [:]
        if let before, isSame { for record in before.snapshot.records { records[record.task.arn] = record } }
        var byTask: [String: ECSTaskTargets] = [:]
        byTask.reserveCapacity(snapshot.records.count)
        var all: [LabelSet] = []
        var stopped: [LabelSet] = []
        for record in snapshot.records {
            let arn = record.task.arn
            let kept = records[arn] == record ? before?.byTask[arn] : nil
            let result = kept ?? targets.targets(of: record, in: snapshot)
            byTask[arn] = result
            all += result.targets
            stopped += result.stopped
        }
        for record in snapshot.stopped { stopped += targets.targets(of: record, in: snapshot).targets }
        return Made(
            snapshot: snapshot, byTask: byTask,
            group: TargetGroup(source: "ecs/\(name)", targets: all, stopped: stopped),
            isKnown: isWhole || before?.isKnown ?? false)
    }
}
