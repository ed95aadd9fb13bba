import Synchronization
import Telemetry

/// How long it really was from scrape to scrape, by the interval that targets of one job ask for. That is
/// text from discovery (`__scrape_interval__`), so only so many intervals have a label of their own; the
/// others are measured with the job's.
final class IntervalLengths: Sendable {
    /// More intervals than people give to the targets of one job.
    static let most = 32

    private let known = Mutex<[Int64: DurationMetric]>([:])
    private let metrics: ScrapeMetrics
    private let jobMs: Int64

    /// `jobMs` is the job's own interval in milliseconds.
    init(_ metrics: ScrapeMetrics, jobMs: Int64) {
        self.metrics = metrics
        self.jobMs = jobMs
    }

    /// Of the targets with an interval of `intervalMs` milliseconds.
    func length(ofMs intervalMs: Int64) -> DurationMetric {
        known.withLock { known in
            let isOneTooMany = known[intervalMs] == nil && known.count >= Self.most
            let labelMs = isOneTooMany ? jobMs : intervalMs
            let metric = known[labelMs] ?? metrics.intervalLength(ofMs: labelMs)
            known[labelMs] = metric
            return metric
        }
    }
}
