import Configuration
import Discovery
import Scrape

/// One scrape job: what its discovery finds is what its pool scrapes.
struct JobRunner: Sendable {
    let name: String
    let discovery: DiscoveryManager
    let pool: ScrapePool

    /// Until cancelled. Scraping begins once `ready` has returned.
    func run(scrapingAfter ready: @escaping @Sendable () async -> Void) async {
        await withDiscardingTaskGroup { group in
            group.addTask {
                await ready()
                await pool.run()
            }
            group.addTask {
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
