import Configuration
import Discovery
import Scrape

/// One scrape job: what its discovery finds is what its pool scrapes.
struct JobRunner: Sendable {
    let name: String
    let discovery: DiscoveryManager
    let pool: ScrapePool

    /// Until cancelled.
    func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask { await pool.run() }
            group.addTask {
                await discovery.run { targets in
                    pool.sync(
                        targets.map {
                            ScrapeTarget(
                                url: $0.url, labels: $0.labels, intervalMs: $0.scrapeIntervalMs,
                                timeoutMs: $0.scrapeTimeoutMs)
                        })
                }
            }
        }
    }
}
