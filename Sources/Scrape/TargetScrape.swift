public import Configuration
public import MetricModel
public import Relabel

/// One target's scrapes, body by body, without loop and network: for the benchmark and tests. Not
/// thread-safe; the scrape loop does the same with the appending in between.
public final class TargetScrape {
    private let engine: ScrapeEngine
    private var state: ScrapeState
    /// Lines of all scrapes that were not as the scrape before had them.
    public private(set) var parsedLines = 0
    /// Samples of the last scrape that were left out for their timestamps or as repetitions.
    private(set) var leftOut = LeftOutSamples()
    /// Lines of the last scrape that repeat a series and were left out.
    public var duplicateCount: Int { leftOut[.duplicate] }

    /// `target` carries own and external labels; `externalLabels` are for series that `metricRules` take one
    /// of the target's own labels away from.
    public convenience init(
        target: Target, honorLabels: Bool = false, honorTimestamps: Bool = true, keepsExemplars: Bool = false,
        keepsDetails: Bool = false, readsStarts: Bool = false,
        histograms: HistogramConfiguration = HistogramConfiguration(),
        metricRules: RelabelRules = RelabelRules(), externalLabels: LabelSet = LabelSet(),
        interner: LayoutInterner = LayoutInterner()
    ) {
        self.init(
            target: target, honorLabels: honorLabels, honorTimestamps: honorTimestamps,
            keepsExemplars: keepsExemplars, keepsDetails: keepsDetails,
            readsStarts: readsStarts, histograms: histograms, rules: SeriesRules(),
            relabelling: MetricRelabelling(rules: metricRules, externalLabels: externalLabels),
            interner: interner)
    }

    init(
        target: Target, honorLabels: Bool = false, honorTimestamps: Bool = true, keepsExemplars: Bool = false,
        keepsDetails: Bool = false, details: FrameSwitch? = nil, readsStarts: Bool = false,
        addsStartSamples: Bool = true, startFloorMs: Int64 = Int64.min,
        histograms: HistogramConfiguration = HistogramConfiguration(), rules: SeriesRules,
        tracksStaleness: Bool = false, reportsExtra: Bool = false,
        relabelling: MetricRelabelling = MetricRelabelling(), readsByOrder: Bool = true,
        gate: SeriesGate = SeriesGate(), interner: LayoutInterner = LayoutInterner(),
        templates: TemplateInterner = TemplateInterner()
    ) {
        engine = ScrapeEngine(
            target: target, honorLabels: honorLabels, honorTimestamps: honorTimestamps,
            exemplars: FrameSwitch(keepsExemplars), details: details ?? FrameSwitch(keepsDetails),
            readsStarts: readsStarts, addsStartSamples: readsStarts && addsStartSamples,
            startFloorMs: startFloorMs, histograms: HistogramOptions(histograms),
            rules: rules, tracksStaleness: tracksStaleness,
            reportsExtra: reportsExtra, timeoutMs: 10_000, relabelling: relabelling,
            readsByOrder: readsByOrder, gate: gate, layouts: interner, templates: templates)
        state = engine.makeState()
    }

    /// The frame of a body that was scraped at `timestampMs`, taken as appended. After an error the state is
    /// as before.
    public func consume(
        _ body: RawSpan, isOpenMetrics: Bool = false, at timestampMs: Int64
    ) throws(ScrapeError) -> Frame {
        let prepared = try engine.scraped(
            body, format: isOpenMetrics ? .openMetrics : .text, at: timestampMs, after: state
        ) { 0 }
        return take(prepared)
    }

    /// The same for a body of text, the first one of a target that takes over from one of the series `elder`.
    func consume(
        _ body: RawSpan, at timestampMs: Int64, elder: KnownSeries
    ) throws(ScrapeError) -> Frame {
        take(try engine.scraped(body, at: timestampMs, after: state, elder: elder) { 0 })
    }

    /// The same for a body of delimited protobuf messages.
    public func consume(protobuf body: RawSpan, at timestampMs: Int64) throws(ScrapeError) -> Frame {
        take(try engine.scraped(body, format: .protobuf, at: timestampMs, after: state) { 0 })
    }

    /// The frame of a scrape that failed at `timestampMs`.
    public func fail(at timestampMs: Int64, error: ScrapeError? = nil) throws(ScrapeError) -> Frame {
        take(try engine.failed(at: timestampMs, after: state, durationSeconds: 0, error: error))
    }

    /// The frame of the target's end; nil when nothing awaits a marker.
    public func remove(at timestampMs: Int64) throws(ScrapeError) -> Frame? {
        try engine.removed(at: timestampMs, after: state).map { take($0) }
    }

    var shed: ShedPlan { state.shed }
    /// Samples of 0 that the last scrape told of: a frame to be appended before its own.
    public private(set) var zeros: Frame?
    var startTimestamps: [Frame.StartTimestamp] { state.startTimestamps }
    /// Series that have left and are remembered for their start.
    var rememberedStarts: Int { state.starts.count }
    /// What the reading of the last page cost, where it was read by the order of its lines.
    private(set) var pageWork: PageWalk.Work?
    /// Chunks of the last scrape that succeeded, and series in them that have no line.
    var chunkCount: Int { state.chunks.count }
    /// Descriptions of families in them, however often each is there.
    var commentCount: Int { state.chunks.reduce(0) { $0 + PackedMetadata.entries($1.metadata).count } }
    /// Bytes of them.
    var commentBytes: Int { state.chunks.reduce(0) { $0 + $1.metadata.count } }
    var holeCount: Int { state.order?.holes.count ?? 0 }
    /// Lines of the last scrape that were skipped.
    private(set) var skippedLines = 0
    /// Samples of the last scrape that were left out because memory was short.
    private(set) var shedCount = 0
    /// What the next scrape's lines are compared with.
    var lineMemory: ScrapePool.LineMemory {
        var memory = ScrapePool.LineMemory()
        for chunk in state.chunks where chunk.lineCount > 0 { memory.add(chunk) }
        memory.addOwn(state)
        return memory
    }
    /// What a target that takes over from this one counts as known.
    var known: KnownSeries { KnownSeries(state, engine.schema) }

    /// What the lines of the last scrape said about metric families, in their order.
    public var metadata: [MetricFamilyMetadata] { MetricFamilyMetadata.merged(state.chunks) }

    private func take(_ prepared: ScrapeEngine.Prepared) -> Frame {
        state = prepared.next
        parsedLines += prepared.parsedLines
        leftOut = prepared.leftOut
        skippedLines = prepared.skippedLines
        shedCount = prepared.memoryShedCount
        zeros = prepared.zeros
        pageWork = prepared.pageWork
        return prepared.frame
    }
}
