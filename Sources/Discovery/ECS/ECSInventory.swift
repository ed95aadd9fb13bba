import AWS
public import Platform
import Synchronization

/// What ECS says of the clusters of one account and region. Shared by every job that asks with the same
/// credentials: a cluster is read once for all of them.
public actor ECSInventory {
    /// How long jobs that ask at the same time share a failure: less than the shortest wait for a retry.
    static let failureFreshNs: UInt64 = 500_000_000

    /// Clusters that are read at a time; one that takes longer than `patienceMs` holds up no other.
    static let readingsAtOnce = 4
    static let patienceMs: UInt64 = 2_000
    /// The same for clusters that were never read: so that 300 of them whose API hangs do not keep the next
    /// one from its first targets for 2 s. Calls are paced elsewhere, however many clusters make them.
    static let firstReadingsAtOnce = 16
    static let firstPatienceMs: UInt64 = 100
    /// After how many lists in a row that lack a cluster it is let go.
    static let goneAfter = 2

    /// A cluster as last read, and what was wrong.
    struct Reading: Sendable {
        /// Nil while it was never read.
        var snapshot: ECSClusterSnapshot?
        var faults: [ECSFault]
        /// When the reading began.
        var atNs: UInt64
    }

    private struct Entry {
        var cluster: ECSCluster
        var reading: Reading
        var readAtNs: UInt64?
        /// Of what jobs wanted when it was read.
        var wantsVersion = 0
        var isBeingRead = false
        /// What is known so far in the reading that goes on.
        var partial: ECSClusterSnapshot?
        /// Signalled when the reading that goes on has ended.
        var readingEnded = Event()
        /// Those who want to see what is known while the rest is being read.
        var watchers: [Int: @Sendable (ECSClusterSnapshot) -> Void] = [:]
    }

    /// What the jobs that ask here want to know, and of which tasks.
    private struct Wants {
        var needs: ECSNeeds = []
        var selections = ECSSelections()
        /// Grows with them.
        var version = 0
        var all: [Int: (needs: ECSNeeds, targets: ECSTargets)] = [:]
        var count = 0

        /// Makes the union of all.
        mutating func unite() {
            needs = []
            var united = ECSSelections(after: selections)
            for (_, want) in all.sorted(by: { $0.key < $1.key }) {
                needs.formUnion(want.needs)
                united.add(want.targets)
            }
            if !united.means(selections) { selections = united }
        }
    }

    /// In targets' labels.
    public nonisolated let region: String
    private let api: ECSAPI
    private let catalogue: ECSCatalogue
    nonisolated let clock: any AgentClock
    private let turns: ECSTurns
    private let firstTurns: ECSTurns
    private let wants = Mutex(Wants())
    private var watcherCount = 0
    private var entries: [String: Entry] = [:]
    private var listed: (clusters: [String], atNs: UInt64, endNs: UInt64)?
    /// Of those, the ones that the last lists lacked, and how many lists did.
    private var lackingCount: [String: Int] = [:]
    /// Whose clusters these are, as soon as that is known.
    private var account: String?

    /// `account`: whose clusters are asked for, where that is known.
    public init(region: String, account: String? = nil, api: ECSAPI, clock: any AgentClock) {
        self.region = region
        self.account = account
        self.api = api
        self.clock = clock
        catalogue = ECSCatalogue(api: api, clock: clock)
        turns = ECSTurns(limit: Self.readingsAtOnce, patienceMs: Self.patienceMs, clock: clock)
        firstTurns = ECSTurns(
            limit: Self.firstReadingsAtOnce, patienceMs: Self.firstPatienceMs, clock: clock)
    }

    /// What a job wants to know is wanted until it is withdrawn by the number returned. `targets` tells of
    /// which tasks. To be called before anything is read for any job, as what was read without it is read
    /// again.
    nonisolated func require(_ more: ECSNeeds, for targets: ECSTargets) -> Int {
        wants.withLock { wants in
            let before = (wants.needs, wants.selections.all.count)
            wants.count += 1
            wants.all[wants.count] = (more, targets)
            wants.unite()
            if before != (wants.needs, wants.selections.all.count) { wants.version += 1 }
            return wants.count
        }
    }

    /// What was read for it stays good for the others.
    nonisolated func withdraw(_ want: Int) {
        wants.withLock { wants in
            wants.all[want] = nil
            wants.unite()
        }
    }

    /// The ARNs of all clusters, listed at most `freshNs` ago; on a failure the last list and the fault. A
    /// cluster that was listed stays until `goneAfter` lists in a row have lacked it.
    func allClusters(freshNs: UInt64) async -> (clusters: [String]?, fault: ECSFault?) {
        let nowNs = clock.monotonicNs
        if let listed, nowNs - listed.atNs <= freshNs { return (listed.clusters, nil) }
        do throws(AWSError) {
            let clusters = try await api.ecs.listClusters()
            learn(from: clusters.first)
            // Another job's list came while this one was asked for: both are one answer.
            if let listed, nowNs < listed.endNs { return (listed.clusters, nil) }
            let lacking = Set(listed?.clusters ?? []).subtracting(clusters)
            lackingCount = Dictionary(
                uniqueKeysWithValues: lacking.map { ($0, (lackingCount[$0] ?? 0) + 1) })
            let gone = lacking.filter { lackingCount[$0, default: 0] >= Self.goneAfter }
            for cluster in gone { lackingCount[cluster] = nil }
            forget(gone: gone)
            let kept = clusters + lacking.subtracting(gone).sorted()
            listed = (kept, nowNs, clock.monotonicNs)
            return (kept, nil)
        } catch {
            return (listed?.clusters, error.code == .cancelled ? nil : ECSFault(error))
        }
    }

    /// How many clusters are remembered.
    var count: Int { entries.count }

    /// Clusters that were listed and are no more: some accounts make one for each build.
    private func forget(gone: Set<String>) {
        for key in gone.map(key) where entries[key]?.isBeingRead == false { entries[key] = nil }
    }

    /// What a cluster goes by here: an ARN of this account and region is as good as its name.
    private func key(_ cluster: String) -> String {
        guard let account, let arn = Self.parts(cluster), arn.region == region, arn.account == account
        else { return cluster }
        return arn.name
    }

    /// Each cluster once, by its ARN where it is given by name and by ARN.
    func distinct(_ clusters: [String]) -> [String] {
        let arns = Dictionary(
            clusters.filter { Self.parts($0) != nil }.map { (key($0), $0) },
            uniquingKeysWith: { first, _ in first })
        var seen: Set<String> = []
        return clusters.compactMap { cluster in
            let key = key(cluster)
            return seen.insert(key).inserted ? arns[key] ?? cluster : nil
        }
    }

    private func learn(from arn: String?) {
        guard account == nil, let parts = arn.flatMap(Self.parts), parts.region == region else { return }
        account = parts.account
        for known in entries.keys.filter({ key($0) != $0 }) where entries[known]?.isBeingRead == false {
            let entry = entries.removeValue(forKey: known)
            if entries[key(known)] == nil { entries[key(known)] = entry }
        }
    }

    /// Of `arn:aws:ecs:region:account:cluster/name`.
    private static func parts(_ text: String) -> (region: String, account: String, name: String)? {
        let parts = text.split(separator: ":", maxSplits: 5, omittingEmptySubsequences: false).map(
            String.init)
        let kind = "cluster/"
        guard parts.count == 6, parts[0] == "arn", parts[5].hasPrefix(kind) else { return nil }
        return (parts[3], parts[4], String(parts[5].dropFirst(kind.count)))
    }

    /// The cluster as read at most `freshNs` ago, by this call or another. `progress` gets what is known
    /// while the rest is being read, whoever reads.
    func read(
        _ cluster: String, freshNs: UInt64,
        progress: @escaping @Sendable (ECSClusterSnapshot) -> Void = { _ in }
    ) async -> Reading {
        watcherCount += 1
        let watcher = watcherCount
        while let entry = entries[key(cluster)] {
            // What failed a moment ago is asked for again sooner than what was read.
            let hasFailed = entry.reading.faults.contains(where: \.mayPass)
            let stillFreshNs = hasFailed ? min(freshNs, Self.failureFreshNs) : freshNs
            let isWhole = entry.wantsVersion == wants.withLock { $0.version }
            if let atNs = entry.readAtNs, isWhole, !entry.isBeingRead,
                clock.monotonicNs - atNs <= stillFreshNs
            {
                return entry.reading
            }
            guard entry.isBeingRead else { break }
            let key = key(cluster)
            if let partial = entry.partial { progress(partial) }
            entries[key]?.watchers[watcher] = progress
            guard await entry.readingEnded.wait() == .signalled, !Task.isCancelled else {
                entries[key]?.watchers[watcher] = nil
                return entries[self.key(cluster)]?.reading ?? entry.reading
            }
        }
        return await readNow(cluster, watcher, progress)
    }

    private func readNow(
        _ cluster: String, _ watcher: Int, _ progress: @escaping @Sendable (ECSClusterSnapshot) -> Void
    ) async -> Reading {
        let key = key(cluster)
        let none = Reading(snapshot: nil, faults: [], atNs: clock.monotonicNs)
        var entry = entries[key] ?? Entry(cluster: ECSCluster(cluster: cluster), reading: none)
        entry.isBeingRead = true
        entry.readingEnded = Event()
        entry.watchers[watcher] = progress
        entries[key] = entry
        // The copy comes back below; nobody else changes the entry's cluster meanwhile.
        let turns = entry.cluster.wasRead ? turns : firstTurns
        var (refreshed, faults, startNs, version) = await turns.perform(of: key) {
            var read = entry.cluster
            let startNs = clock.monotonicNs
            let (needs, selections, version) = wants.withLock { ($0.needs, $0.selections, $0.version) }
            let faults = await read.refresh(
                api, catalogue, needs: needs, selections: selections, nowNs: startNs
            ) { publish($0, key) }
            return (read, faults, startNs, version)
        }
        if lackingCount[cluster] != nil {
            // The list has said it before.
            for index in faults.indices where faults[index].isMissing { faults[index].isFailure = false }
        }
        let reading = Reading(
            snapshot: refreshed.wasRead ? refreshed.snapshot : nil, faults: faults, atNs: startNs)
        entries[key] = nil
        learn(from: reading.snapshot?.arn)
        // One that was cancelled has not read; whoever waits reads by itself.
        let read = Entry(
            cluster: refreshed, reading: reading,
            readAtNs: Task.isCancelled ? entry.readAtNs : clock.monotonicNs,
            wantsVersion: Task.isCancelled ? entry.wantsVersion : version)
        // Another may have read it by its other name, while nobody knew that it is one.
        if self.key(cluster) == key || entries[self.key(cluster)] == nil { entries[self.key(cluster)] = read }
        entry.readingEnded.signal()
        return reading
    }

    private func publish(_ snapshot: ECSClusterSnapshot, _ key: String) {
        entries[key]?.partial = snapshot
        for watcher in (entries[key]?.watchers ?? [:]).values { watcher(snapshot) }
    }
}
