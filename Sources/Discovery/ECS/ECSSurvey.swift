import AWS
import Configuration
import MetricModel
import Platform

/// One configuration's view of its clusters. What did not change is not made again.
actor ECSSurvey {
    /// How long tasks wait whose service, or cluster, cannot be described.
    enum Patience: Sendable {
        /// As long as it takes where rules look at what is missing, and not at all elsewhere.
        case asRulesNeed
        /// The rules are not known here; nothing waits longer.
        case atMostMs(Int64)
    }

    /// All clusters as of one look.
    struct Round: Sendable {
        var groups: [TargetGroup] = []
        var leftOut: [ECSTaskTargets.LeftOut] = []
        /// By cluster; the list of clusters itself goes by the name "".
        var faults: [(cluster: String, fault: ECSFault)] = []
        /// Every cluster was read in full at least once, now or before: what is missing is not there.
        var isComplete = false
        /// The same, or what is missing is what a call that is refused for good would tell of some tasks.
        var isWorthWriting = false

        var hasFailed: Bool { faults.contains { $0.fault.isFailure } }
    }

    /// One cluster as of now.
    struct Outcome: Sendable {
        var faults: [ECSFault] = []
        var leftOut: [ECSTaskTargets.LeftOut] = []
        /// When all that its targets need was last read.
        var wholeAtNs: UInt64?
        var targetCount = 0

        var hasFailed: Bool { faults.contains(where: \.isFailure) }
        var isThrottled: Bool { faults.contains(where: \.isThrottling) }
    }

    nonisolated let configuration: ECSSDConfiguration
    private let inventory: ECSInventory
    private let maker: ECSGroupMaker
    private let ownCluster: ECSOwnCluster
    private let patience: Patience
    /// The number of what it wants to know among the wants of all.
    private let want: Int
    private var made: [String: ECSMadeGroup] = [:]
    private var followed: Set<String> = []
    /// As last listed or found.
    private var clusters: [String]?
    /// The clusters that are asked for are not where the agent's own is.
    private var isElsewhere = false

    init(
        _ configuration: ECSSDConfiguration, metricsPath: String = "/metrics", inventory: ECSInventory,
        ownCluster: ECSOwnCluster, patience: Patience = .asRulesNeed
    ) {
        self.configuration = configuration
        self.inventory = inventory
        self.ownCluster = ownCluster
        self.patience = patience
        maker = ECSGroupMaker(
            targets: ECSTargets(
                configuration: configuration, region: inventory.region, metricsPath: metricsPath),
            patience: patience)
        want = inventory.require(Self.needs(of: configuration), for: maker.targets)
    }

    deinit { inventory.withdraw(want) }

    /// What a configuration needs to have read.
    private static func needs(of configuration: ECSSDConfiguration) -> ECSNeeds {
        var needs: ECSNeeds = configuration.port == nil ? .definitions : []
        if configuration.describesServices ?? false { needs.insert(.services) }
        if configuration.describesClusters ?? false { needs.insert(.clusters) }
        if configuration.describesInterfaces ?? false { needs.insert(.interfaces) }
        return needs
    }

    /// Reads every cluster, each by itself, unless another job did so at most `freshNs` ago.
    func round(freshNs: UInt64) async -> Round {
        var round = Round()
        let list = await clusterNames(freshNs: freshNs)
        if let fault = list.fault { round.faults.append(("", fault)) }
        await withTaskGroup(of: (String, Outcome).self) { group in
            for name in list.names {
                group.addTask { (name, await self.read(name, freshNs: freshNs) {}) }
            }
            for await (name, outcome) in group { round.faults += outcome.faults.map { (name, $0) } }
        }
        round.faults.sort { $0.cluster < $1.cluster }
        // What is one cluster by two names may have come out meanwhile.
        let names = await inventory.distinct(clusters ?? [])
        made = made.filter { names.contains($0.key) }
        round.groups = groups
        let all = names.map { made[$0] }
        round.isComplete = clusters != nil && all.allSatisfy { $0?.isKnown ?? false }
        round.isWorthWriting = clusters != nil && all.allSatisfy { $0?.isWorthWriting ?? false }
        round.leftOut = names.flatMap { made[$0]?.leftOut ?? [] }
        return round
    }

    /// Reads one cluster; `changed` is called whenever its targets may have changed, also while it is being
    /// read.
    func read(
        _ name: String, freshNs: UInt64, changed: @escaping @Sendable () -> Void
    ) async -> Outcome {
        // The newest is all that counts.
        let (partials, partial) = AsyncStream.makeStream(
            of: ECSClusterSnapshot.self, bufferingPolicy: .bufferingNewest(1))
        async let shown: Void = show(partials, of: name, changed)
        let reading = await inventory.read(name, freshNs: freshNs) { partial.yield($0) }
        partial.finish()
        await shown
        if Task.isCancelled { return Outcome() }
        let outcome = await take(reading, of: name)
        changed()
        return outcome
    }

    /// While the rest is being read: what is known so far.
    private func show(
        _ partials: AsyncStream<ECSClusterSnapshot>, of name: String, _ changed: @Sendable () -> Void
    ) async {
        for await snapshot in partials where !Task.isCancelled {
            guard await wants(name) else { continue }
            made[name] = maker.make(snapshot, before: made[name], nowNs: inventory.clock.monotonicNs)
            changed()
        }
    }

    private func take(_ reading: ECSInventory.Reading, of name: String) async -> Outcome {
        guard await wants(name) else { return Outcome() }
        guard let snapshot = reading.snapshot else {
            let faults = reading.faults.filter { $0.subject == .tasks || $0.subject == .content }
            return Outcome(faults: faults)
        }
        var group = maker.make(snapshot, before: made[name], nowNs: inventory.clock.monotonicNs)
        let faults = maker.judge(reading.faults, of: &group, readAtNs: reading.atNs)
        made[name] = group
        return Outcome(
            faults: faults, leftOut: group.leftOut, wholeAtNs: group.wholeAtNs,
            targetCount: group.group.targets.count)
    }

    /// Every cluster that was read, at least in part. One that is named by its ARN too, which shows when it
    /// was read, counts by that.
    var groups: [TargetGroup] {
        made.sorted { $0.key < $1.key }.compactMap { name, made in
            let arn = made.snapshot.arn
            return arn != name && arn.map({ self.made[$0] != nil }) ?? false ? nil : made.group
        }
    }

    /// Whether the cluster is still one of those to be read, under this name.
    func wants(_ name: String) async -> Bool {
        guard let clusters else { return false }
        return await inventory.distinct(clusters).contains(name)
    }

    /// True when the cluster is to be followed, and was not before.
    func beginFollowing(_ name: String) -> Bool { followed.insert(name).inserted }

    /// Whether to go on with that; false ends it.
    func isFollowing(_ name: String) async -> Bool {
        if await wants(name) { return true }
        followed.remove(name)
        return false
    }

    /// The list of clusters is known, and empty.
    var hasNoCluster: Bool { clusters?.isEmpty ?? false }

    /// The names stand in the configuration, or are the agent's own cluster's: they never change.
    var isListFixed: Bool {
        clusters != nil && (isNamed || isOwn)
    }

    private nonisolated var isNamed: Bool {
        !configuration.clusters.isEmpty && configuration.clusters != [ECSSDConfiguration.allClusters]
    }

    /// Prometheus' form and teralytics' tool mean all clusters when they name none.
    private var isOwn: Bool {
        let mayBe =
            configuration.clusters.isEmpty && configuration.port == nil && configuration.compatibility == nil
        return mayBe && ownCluster.isInTask && !isElsewhere
    }

    /// The clusters to be read, each once; with the last list a fault of this one.
    func clusterNames(freshNs: UInt64) async -> (names: [String], fault: ECSFault?) {
        let fault = await findClusters(freshNs: freshNs)
        let names = await inventory.distinct(clusters ?? [])
        made = made.filter { names.contains($0.key) }
        return (names, fault)
    }

    private func findClusters(freshNs: UInt64) async -> ECSFault? {
        if isNamed {
            clusters = configuration.clusters
            return nil
        }
        if isOwn {
            if clusters != nil { return nil }
            do {
                let own = try await ownCluster.read()
                isElsewhere = asksElsewhere(than: own)
                if !isElsewhere { clusters = [own] }
            } catch {
                return ECSFault(message: error.description, isFailure: true)
            }
            if !isElsewhere { return nil }
        }
        let answer = await inventory.allClusters(freshNs: freshNs)
        clusters = answer.clusters ?? clusters
        return answer.fault
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
}
