import Configuration
import Discovery
import Platform
import Scrape
import Synchronization

/// One scrape job: what its discovery finds is what its pool scrapes.
final class JobRunner: Sendable {
    private struct State {
        var discovery: DiscoveryManager
        /// Signalled when another discovery takes the place of this one, or none does any more.
        var replaced = Event()
    }

    let name: String
    let pool: ScrapePool
    private let state: Mutex<State>
    private let ended = Event()

    init(name: String, discovery: DiscoveryManager, pool: ScrapePool) {
        self.name = name
        self.pool = pool
        state = Mutex(State(discovery: discovery))
    }

    var discovery: DiscoveryManager { state.withLock { $0.discovery } }

    /// Whether a reload removed the job.
    var isEnded: Bool { ended.isSignalled }

    /// Until cancelled, or ended with every stale marker written. Scraping begins once `ready` has returned.
    func run(scrapingAfter ready: @escaping @Sendable () async -> Void) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.discover() }
            await ended.cancelling(ready)
            await pool.run()
            group.cancelAll()
        }
    }

    /// Scrapes by another plan from the next list of targets on. The list comes from `fresh` where providers
    /// are others, and at once from those there are where it is nil.
    func change(
        _ job: ScrapeConfiguration, _ plan: ScrapePlan, renewsLoops: Bool, discovery fresh: DiscoveryManager?
    ) {
        pool.replan(plan, renewsLoops: renewsLoops)
        guard let fresh else { return discovery.change(job) }
        let replaced = state.withLock { state in
            let before = state.replaced
            state = State(discovery: fresh)
            return before
        }
        replaced.signal()
    }

    /// Ends the job: every target gets its stale markers, and `run` returns.
    func end() {
        pool.end()
        ended.signal()
        state.withLock { $0.replaced }.signal()
    }

    /// One discovery after the other, each until the next takes its place.
    private func discover() async {
        while !Task.isCancelled, !isEnded {
            let (discovery, replaced) = state.withLock { ($0.discovery, $0.replaced) }
            await replaced.cancelling { [pool] in
                await discovery.runMerged { merge in
                    pool.sync(
                        merge.targets.map(ScrapeTarget.init), stopped: merge.stopped.map(ScrapeTarget.init))
                }
            }
        }
    }
}

extension ScrapeTarget {
    init(_ target: DiscoveredTarget) {
        self.init(
            url: target.url, labels: target.labels, intervalMs: target.scrapeIntervalMs,
            timeoutMs: target.scrapeTimeoutMs, unixSocketPath: target.unixSocketPath)
    }
}
