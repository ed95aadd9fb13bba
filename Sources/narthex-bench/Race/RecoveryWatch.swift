import StandIns

/// Whether an agent that had too much to do is on time again: each exporter is scraped when it is due, and
/// samples come as soon as they came before.
struct RecoveryWatch {
    private let intervalMs: Int64
    /// When the last page of each exporter was asked for; nil for one that was never scraped.
    private var lastScrapeMs: [Int64?]
    /// When the last scrape began that came more than half an interval late; 0 when none has.
    private(set) var lateScrapeMs: Int64 = 0
    /// The greatest lag of 99 % of a second's samples at which they are not late.
    private var lagBoundMs = Int64.max
    /// The last second of which more than one sample in a hundred came late; 0 when there is none.
    private(set) var lateSamplesMs: Int64 = 0
    /// As the endpoint had counted them at the last look.
    private(set) var ages: SampleAges
    private let firstAges: SampleAges

    /// How much longer the lag may be before it counts as late: other programs can delay a single second.
    private static let lagSlackMs: Int64 = 1_000

    /// Watches so many exporters, those with the lowest numbers. `ages` is what the endpoint has counted so
    /// far.
    init(exporters: Int, intervalMs: Int64, ages: SampleAges) {
        self.intervalMs = intervalMs
        lastScrapeMs = Array(repeating: nil, count: exporters)
        self.ages = ages
        firstAges = ages
    }

    /// What came so far was on time: from now on samples are late whose lag is a second longer.
    mutating func setBounds() {
        lagBoundMs = ages.since(firstAges).quantile(0.99) + Self.lagSlackMs
    }

    /// Takes pages that went out, in any order of exporters.
    mutating func note(_ pages: [ServedPage]) {
        for page in pages where lastScrapeMs.indices.contains(page.exporter) {
            if let last = lastScrapeMs[page.exporter], page.startMs - last > lateMs {
                lateScrapeMs = max(lateScrapeMs, page.startMs)
            }
            lastScrapeMs[page.exporter] = max(page.startMs, lastScrapeMs[page.exporter] ?? 0)
        }
    }

    /// Takes the ages of all samples so far.
    mutating func note(_ now: SampleAges, nowMs: Int64) {
        let second = now.since(ages)
        if second.samples > 0, second.quantile(0.99) > lagBoundMs { lateSamplesMs = nowMs }
        ages = now
    }

    /// Whether each exporter has been scraped within the last one and a half intervals.
    func isPunctual(nowMs: Int64) -> Bool {
        lastScrapeMs.allSatisfy { last in last.map { nowMs - $0 <= lateMs } ?? false }
    }

    /// Whether no samples have come late for an interval, in which every exporter has had its turn.
    func isLagBack(nowMs: Int64) -> Bool { nowMs - lateSamplesMs >= intervalMs }

    /// Whether nothing has been late for two intervals.
    func hasRecovered(nowMs: Int64) -> Bool {
        isPunctual(nowMs: nowMs) && nowMs - max(lateScrapeMs, lateSamplesMs) >= intervalMs * 2
    }

    private var lateMs: Int64 { intervalMs * 3 / 2 }
}
