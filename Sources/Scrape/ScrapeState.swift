import MetricModel

/// What a target's scrapes leave for the next one: a value, replaced only once the frame that goes with it
/// was appended.
struct ScrapeState: Sendable {
    /// The chunks of the last scrape that succeeded; kept through failures, so that lines are known when it
    /// returns.
    var chunks: [TemplateChunk] = []
    /// Their layouts and the report series'.
    var layout: Layout
    /// Ordinals of lines that repeat a series, with the line that has it first.
    var duplicates: [LayoutComparison.Duplicate] = []
    /// Ordinals that staleness does not look after: no sample in the last frame, or one with a timestamp of
    /// its own. Ascending.
    var silent: [UInt32] = []
    /// Whether the last scrape's series have had no stale marker yet.
    var isLive = false
    /// Whether any frame has been appended: the report series then await a marker too.
    var hasReported = false
    /// Of the last frame appended.
    var lastTimestampMs = Int64.min
    /// Of the last frame with samples or markers of the target's series, the report's not among them.
    var lastSeriesMs = Int64.min
    /// For each line of `chunks`, the timestamp of its series' last sample. Only while a target exposes
    /// timestamps; empty otherwise.
    var lastSampleMs: [Int64] = []

    /// When series began, where the target says so: the last frame's, so that the next one shares them.
    var startTimestamps: [Frame.StartTimestamp] = []
    /// What earlier layouts leave of such series.
    var starts: StartMemory

    /// Lines without a sample by the job's rules, duplicates not among them.
    var shed = ShedPlan()
    /// The order of the page's lines, once they change often; nil while each chunk has its lines.
    var order: PageOrder?
    /// How often the page changes.
    var changes = PageChanges()
    private let reportCount: Int
    /// Only while exemplars are kept.
    var exemplars = ExemplarHistory()

    /// The state of a target that was never scraped.
    init(report: LayoutChunk, starts: StartMemory = StartMemory()) {
        self.starts = starts
        layout = Layout([report])
        reportCount = report.seriesCount
    }

    /// Series that the last frame gave: none of the target's own after a scrape that failed.
    var activeSeriesCount: Int {
        guard hasReported else { return 0 }
        guard isLive else { return reportCount }
        return max(reportCount, layout.seriesCount - duplicates.count - shed.leftOut.count - holes.count)
    }

    /// Whether no series stands twice in the layout. Those that broke a rule all stand there without labels.
    var statesEachOnce: Bool { duplicates.isEmpty && shed.refusedCount == 0 }

    /// Ordinals of series that have left and keep their places in `chunks`, ascending.
    var holes: [UInt32] { order?.holes ?? [] }

    /// Whether both have the very same chunks.
    func hasChunks(of other: ScrapeState) -> Bool {
        chunks.count == other.chunks.count && zip(chunks, other.chunks).allSatisfy { $0 === $1 }
    }

    /// Series of the last successful scrape.
    var seriesCount: Int { layout.seriesCount - reportCount }
}
