import AWS
public import Platform

/// What ECS says of the clusters of one account and region. Shared by every job that asks with the same
/// credentials: a cluster is read once for all of them.
public actor ECSInventory {
    /// How long jobs that ask at the same time share a failure: less than the shortest wait for a retry.
    static let failureFreshNs: UInt64 = 500_000_000

    /// A cluster as last read, and what was wrong.
    struct Reading: Sendable {
        /// Nil while it was never read.
        var snapshot: ECSClusterSnapshot?
        var faults: [ECSFault]
    }

    private struct Entry {
        var cluster: ECSCluster
        var reading: Reading
        var readAtNs: UInt64?
        var isBeingRead = false
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    /// In targets' labels.
    public nonisolated let region: String
    private let api: ECSAPI
    private let catalogue: ECSCatalogue
    private let clock: any AgentClock
    private var needs: ECSNeeds = []
    private var entries: [String: Entry] = [:]
    private var listed: (clusters: [String], atNs: UInt64)?

    public init(region: String, api: ECSAPI, clock: any AgentClock) {
        self.region = region
        self.api = api
        self.clock = clock
        catalogue = ECSCatalogue(api: api, clock: clock)
    }

    /// What a job wants to know stays wanted.
    func require(_ more: ECSNeeds) { needs.formUnion(more) }

    /// The ARNs of all clusters, listed at most `freshNs` ago; on a failure the last list and the fault.
    func allClusters(freshNs: UInt64) async -> (clusters: [String]?, fault: ECSFault?) {
        let nowNs = clock.monotonicNs
        if let listed, nowNs - listed.atNs <= freshNs { return (listed.clusters, nil) }
        do throws(AWSError) {
            let clusters = try await api.ecs.listClusters()
            forget(gone: Set(listed?.clusters ?? []).subtracting(clusters))
            listed = (clusters, nowNs)
            return (clusters, nil)
        } catch {
            return (listed?.clusters, error.code == .cancelled ? nil : ECSFault(error))
        }
    }

    /// How many clusters are remembered.
    var count: Int { entries.count }

    /// Clusters that were listed and are no more: some accounts make one for each build.
    private func forget(gone: Set<String>) {
        for cluster in gone where entries[cluster]?.isBeingRead == false { entries[cluster] = nil }
    }

    /// The cluster as read at most `freshNs` ago, by this call or another.
    func read(_ cluster: String, freshNs: UInt64) async -> Reading {
        while let entry = entries[cluster] {
            // What failed a moment ago is asked for again sooner than what was read.
            let hasFailed = entry.reading.faults.contains(where: \.isFailure)
            let stillFreshNs = hasFailed ? min(freshNs, Self.failureFreshNs) : freshNs
            if let atNs = entry.readAtNs, clock.monotonicNs - atNs <= stillFreshNs, !entry.isBeingRead {
                return entry.reading
            }
            guard entry.isBeingRead else { break }
            await withCheckedContinuation { entries[cluster]?.waiting.append($0) }
            if Task.isCancelled { return entries[cluster]?.reading ?? entry.reading }
        }
        let first = Entry(cluster: ECSCluster(cluster: cluster), reading: Reading(snapshot: nil, faults: []))
        var entry = entries[cluster] ?? first
        entry.isBeingRead = true
        entries[cluster] = entry
        let startNs = clock.monotonicNs
        // The copy comes back below; nobody else changes the entry's cluster meanwhile.
        let faults = await entry.cluster.refresh(api, catalogue, needs: needs, nowNs: startNs)
        let reading = Reading(
            snapshot: entry.cluster.wasRead ? entry.cluster.snapshot : nil, faults: faults)
        let waiting = entries[cluster]?.waiting ?? []
        // One that was cancelled has not read; whoever waits reads by itself.
        entries[cluster] = Entry(
            cluster: entry.cluster, reading: reading,
            readAtNs: Task.isCancelled ? entry.readAtNs : clock.monotonicNs)
        for waiter in waiting { waiter.resume() }
        return reading
    }
}
