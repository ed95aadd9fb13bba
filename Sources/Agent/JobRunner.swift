import Configuration
import Discovery
import Platform
import Scrape

/// One scrape job: what its discovery finds is what its pool scrapes.
final class JobRunner: Sendable {
    let name: String
    let pool: ScrapePool
    let discovery: DiscoveryManager
    private let ended = Event()

    init(name: String, discovery: DiscoveryManager, pool: ScrapePool) {
        self.name = name
        self.pool = pool
        self.discovery = discovery
    }

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

    /// Scrapes by another plan from the next list of targets on, which comes at once from what is known.
    /// `providers` find targets from now on, unless nil, when those there are go on.
    func change(
        _ job: ScrapeConfiguration, _ plan: ScrapePlan, renewsLoops: Bool, providers: [any TargetProvider]?
    ) {
        pool.replan(plan, renewsLoops: renewsLoops)
        guard let providers else { return discovery.change(job) }
        discovery.change(job, providers: providers, waitMs: Self.providerWaitMs)
    }

    /// How long the targets of former providers are scraped on while new ones have not all answered: many
    /// answers of ECS and of slow web servers fit in, and one that hangs holds up the others no longer.
    private static let providerWaitMs: Int64 = 30_000

    /// Ends the job: every target gets its stale markers, and `run` returns.
    func end() {
        pool.end()
        ended.signal()
    }

    private func discover() async {
        await ended.cancelling { [discovery, pool] in
            await discovery.runMerged { merge in
                pool.sync(
                    merge.targets.map(ScrapeTarget.init), stopped: merge.stopped.map(ScrapeTarget.init))
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
