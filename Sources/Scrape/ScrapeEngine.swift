import Configuration
import MetricModel
import Platform

/// Makes frames of a target's scrapes. Knows the rules and holds no state of its own: each call takes the
/// target's state and gives the one that follows, which holds once the frame was appended.
struct ScrapeEngine: Sendable {
    /// A frame that waits to be appended.
    struct Prepared: Sendable {
        let frame: Frame
        /// Samples of 0 where series began: to be appended before the frame.
        var zeros: Frame?
        /// The target's state from then on.
        let next: ScrapeState
        let report: ReportSeries.Values
        /// Samples that were left out for their timestamps or as repetitions.
        var leftOut = LeftOutSamples()
        /// Lines that are not in the format and were skipped.
        var skippedLines = 0
        /// Samples of new series that were left out because memory is short.
        var memoryShedCount = 0
        /// Lines that were not as the scrape before had them.
        var parsedLines = 0
        /// Series that end with the frame and keep their places in the chunks: ordinals, ascending.
        var ended: [UInt32] = []
        /// What the reading cost, where the page was read by the order of its lines.
        var pageWork: PageWalk.Work?
    }

    let target: Target
    let honorTimestamps: Bool
    /// Whether exemplars go into frames; without a destination that sends them they would fill the disk.
    var keepsExemplars: Bool { exemplarSwitch.isOn }
    private let exemplarSwitch: FrameSwitch
    /// Whether start timestamps and metadata go into frames, which remote write 2.0 has a place for.
    let detailSwitch: FrameSwitch
    /// Whether `_created` lines of OpenMetrics tell when series began and are none themselves.
    let readsStarts: Bool
    /// Whether a series gets a sample of 0 at the time at which it began, where its target tells when.
    let addsStartSamples: Bool
    private let startFloorMs: Int64
    let histograms: HistogramOptions
    private let tracksStaleness: Bool
    private let outOfOrderWindowMs: Int64
    private let timeoutMs: Int64
    /// What is wrong with the target's own labels by the job's limits.
    private let ownLabelFault: ScrapeError?
    let report: ReportSeries
    /// Whether a page that changes often is read by the order of its lines; tests compare both ways.
    let readsByOrder: Bool
    let schema: TargetSchema
    let hasher: SegmentHasher
    let layouts: LayoutInterner
    let templates: TemplateInterner
    /// Whether series that are new come in.
    let gate: SeriesGate

    init(
        target: Target, honorLabels: Bool, honorTimestamps: Bool,
        exemplars: FrameSwitch = FrameSwitch(false), details: FrameSwitch = FrameSwitch(false),
        readsStarts: Bool = false, addsStartSamples: Bool = false, startFloorMs: Int64 = Int64.min,
        histograms: HistogramOptions = HistogramOptions(), rules: SeriesRules = SeriesRules(),
        tracksStaleness: Bool = false, reportsExtra: Bool = false,
        timeoutMs: Int64 = 0, relabelling: MetricRelabelling = MetricRelabelling(),
        readsByOrder: Bool = true, gate: SeriesGate = SeriesGate(),
        layouts: LayoutInterner, templates: TemplateInterner, hasher: SegmentHasher = .process
    ) {
        self.gate = gate
        self.readsByOrder = readsByOrder
        self.target = target
        self.honorTimestamps = honorTimestamps
        exemplarSwitch = exemplars
        detailSwitch = details
        self.readsStarts = readsStarts
        self.addsStartSamples = addsStartSamples
        self.startFloorMs = startFloorMs
        self.histograms = histograms
        self.layouts = layouts
        self.templates = templates
        self.hasher = hasher
        self.tracksStaleness = tracksStaleness
        outOfOrderWindowMs = rules.outOfOrderWindowMs
        self.timeoutMs = timeoutMs
        schema = TargetSchema(
            target, honorLabels: honorLabels, relabelling: relabelling, hasher: hasher, rules: rules)
        report = ReportSeries(schema: schema, hasher: hasher, layouts: layouts, hasExtra: reportsExtra)
        ownLabelFault =
            zip(target.labels.labels, target.isExternal).lazy.filter { !$1 }.compactMap {
                rules.fault(name: Array($0.0.name.utf8), value: Array($0.0.value.utf8), metric: [], offset: 0)
            }.first
    }

    func makeState() -> ScrapeState {
        ScrapeState(
            report: detailSwitch.isOn ? report.describedChunk : report.chunk,
            starts: StartMemory(floorMs: startFloorMs))
    }

    /// The frame of a body. Throws when the body is not in the format: then nothing of it counts, and
    /// `failed` makes the frame. `elder` are the series of the target that this one takes over from, for its
    /// first page, and `memory` bounds what a protobuf body unfolds to. `durationSeconds` is asked once, when
    /// the body has been read.
    func scraped(
        _ body: RawSpan, format: ExpositionFormat = .text, at timestampMs: Int64, after state: ScrapeState,
        elder: KnownSeries? = nil, memory: PageMemory? = nil, durationSeconds: () -> Double
    ) throws(ScrapeError) -> Prepared {
        try checkClock(timestampMs, state)
        let keepsDetails = detailSwitch.isOn
        var reader = try readPage(
            body, format, at: timestampMs, after: state, keepsMetadata: keepsDetails, elder: elder,
            memory: memory)
        let keptCount = reader.keptCount
        var values = reader.values
        // The only copy, so that it is changed in its place.
        reader.values = []
        let lineCount = reader.lineCount
        if let ownLabelFault, keptCount > 0 { throw ownLabelFault.after(samples: 1, kept: 0) }
        var next = state
        next.chunks = reader.chunks
        var departed: [Frame.Departed] = []
        var addedCount = 0
        let isUnchanged = reader.isUnchanged(from: state.chunks)
        if let page = reader.page {
            departed = page.departed
            addedCount = page.addedCount
            if !isUnchanged { next.layout = layout(of: page.chunks, keepsDetails: keepsDetails) }
        } else if !isUnchanged {
            let old = LayoutComparison.Side(
                chunks: state.chunks, silent: withoutMarker(state, timestampMs), isLive: state.isLive,
                hasDuplicates: !state.duplicates.isEmpty)
            let comparison = LayoutComparison(
                old: old, new: reader.chunks, report: report.hashes, schema: schema)
            if reader.shedCount == 0 { templates.note(reader.chunks, of: schema) }
            next.layout = layout(of: reader.chunks, keepsDetails: keepsDetails)
            next.duplicates = comparison.duplicates
            departed = comparison.departed
            addedCount = comparison.addedCount + returnedCount(state, reader.chunks)
            let limits = schema.rules.limits
            next.shed = ShedPlan(
                reader.chunks, duplicates: comparison.duplicates, before: state.chunks,
                leftOutBefore: PageChange.merged(state.shed.leftOut, state.holes), limit: limits.samples,
                sheds: schema.rules.onLimit == .shed, target: target, schema: schema)
            // The comparison takes a line that was left out before for a series that was there.
            if !next.shed.leftOut.isEmpty || !state.shed.leftOut.isEmpty {
                addedCount = next.shed.addedCount
            }
            if limits.samples > 0, next.shed.countedSamples > limits.samples, next.shed.shedCount == 0 {
                throw ScrapeError(
                    .sampleLimit,
                    "the target exposes \(next.shed.countedSamples) samples;"
                        + " sample_limit is \(limits.samples)"
                ).after(samples: lineCount, kept: keptCount)
            }
        }
        var rules = rules(reader, state, next, timestampMs, isUnchanged: isUnchanged)
        rules.leaveOut(next.shed.leftOut)
        if let page = reader.page {
            rules.leaveOut(page.absent)
            rules.keepSilent(page.ending)
        }
        next.order = order(of: reader, next)
        // A target's first page has not changed, nor has one that was read anew for its order and comes to
        // the very same chunks.
        if !state.chunks.isEmpty {
            let isSame = isUnchanged || reader.record != nil && next.hasChunks(of: state)
            next.changes.note(reader, hasOrder: next.order != nil, isUnchanged: isSame)
        }
        endUnconverted(reader, state, timestampMs, isUnchanged: isUnchanged, &rules, &values)
        for ordinal in rules.absent { values[Int(ordinal)] = 0 }
        let kept: [Frame.Histogram]
        do throws(ScrapeError) {
            kept = try reader.keptHistograms(absent: rules.absent, options: histograms)
        } catch {
            throw error.after(samples: lineCount, kept: keptCount)
        }
        next.silent = rules.silent
        next.lastSampleMs = rules.lastSampleMs
        if !keepsDetails, !addsStartSamples {
            next.startTimestamps = []
        } else if !isUnchanged || next.startTimestamps != reader.startTimestamps {
            next.startTimestamps = reader.startTimestamps.exactCopy
        }
        next.isLive = true
        next.hasReported = true
        next.lastTimestampMs = timestampMs
        next.lastSeriesMs = timestampMs
        // While the chunks are the same, so are the series that are known.
        let exemplars = exemplars(
            reader, body, &next, absent: rules.absent, isUnchanged: isUnchanged || next.hasChunks(of: state))
        let reported = ReportSeries.Values(
            isUp: true, durationSeconds: durationSeconds(), samplesScraped: lineCount,
            samplesPostMetricRelabeling: keptCount, seriesAdded: addedCount,
            timeoutSeconds: Double(timeoutMs) / 1_000, sampleLimit: schema.rules.limits.samples,
            bodySizeBytes: body.byteCount)
        values.append(contentsOf: reported.column(extra: report.hasExtra))
        let frame = Frame(
            target: target, layout: next.layout, timestampMs: timestampMs, values: values,
            explicitTimestamps: rules.kept, absent: rules.absent, departed: departed, histograms: kept,
            exemplars: exemplars, startTimestamps: keepsDetails ? next.startTimestamps : [],
            statesEachOnce: next.statesEachOnce)
        let zeros = zeros(before: frame, reader, state, &next, isUnchanged: isUnchanged)
        return Prepared(
            frame: frame, zeros: zeros, next: next, report: reported, leftOut: rules.leftOut,
            skippedLines: reader.skippedLines, memoryShedCount: reader.shedCount,
            parsedLines: reader.parsedLines, ended: reader.page?.ending ?? [], pageWork: reader.page?.work)
    }

    private func exemplars(
        _ reader: ReadBody, _ body: RawSpan, _ next: inout ScrapeState, absent: [UInt32], isUnchanged: Bool
    ) -> [Frame.SeriesExemplar] {
        guard keepsExemplars else { return [] }
        if !reader.keys.isEmpty {
            return next.exemplars.take(reader.exemplars, keys: reader.keys, absent: absent, hasher: hasher)
        }
        guard !(reader.scrapedExemplars.isEmpty && isUnchanged) else { return [] }
        return next.exemplars.take(
            reader.scrapedExemplars, body, chunks: reader.chunks, schema: schema, absent: absent,
            layoutChanged: !isUnchanged, hasher: hasher)
    }

    /// The frame of a scrape that failed: every series of the scrape before ends, once, and the report says
    /// 0. `bodySizeBytes` is what was received, or -1 when that reached its limit.
    func failed(
        at timestampMs: Int64, after state: ScrapeState, durationSeconds: Double,
        error: ScrapeError? = nil, bodySizeBytes: Int = 0
    ) throws(ScrapeError) -> Prepared {
        try checkClock(timestampMs, state)
        var next = state
        next.isLive = false
        next.hasReported = true
        next.lastTimestampMs = timestampMs
        if state.isLive { next.lastSeriesMs = timestampMs }
        if state.order != nil, !state.isLive, error?.code == .sampleLimit || error?.code == .labelLimit {
            next.changes.noteBrokenLimit()
        }
        let reported = ReportSeries.Values(
            isUp: false, durationSeconds: durationSeconds, samplesScraped: error?.samplesScraped ?? 0,
            samplesPostMetricRelabeling: error?.samplesKept ?? 0, seriesAdded: 0,
            timeoutSeconds: Double(timeoutMs) / 1_000,
            sampleLimit: schema.rules.limits.samples, bodySizeBytes: bodySizeBytes)
        return Prepared(
            frame: ending(state, timestampMs, report: reported.column(extra: report.hasExtra)), next: next,
            report: reported)
    }

    /// The series that get no marker at this time: the silent ones, and those whose last sample's own
    /// timestamp is not before it, for the marker would be out of order.
    func withoutMarker(_ state: ScrapeState, _ timestampMs: Int64) -> [UInt32] {
        guard tracksStaleness, !state.lastSampleMs.isEmpty else { return state.silent }
        var result: [UInt32] = []
        var next = 0
        for (index, lastMs) in state.lastSampleMs.enumerated() {
            let isSilent = next < state.silent.count && state.silent[next] == UInt32(index)
            if isSilent { next += 1 }
            if isSilent || lastMs >= timestampMs { result.append(UInt32(index)) }
        }
        return result
    }

    func seriesHashes(of chunk: TemplateChunk) -> [UInt64] { chunk.seriesHashes(of: schema) }

    func seriesTable(of chunks: [TemplateChunk]) -> SeriesTable { SeriesTable(of: chunks, schema) }

    private func layout(of chunks: [TemplateChunk], keepsDetails: Bool) -> Layout {
        // A chunk of which rules keep nothing has nothing to state.
        Layout(
            chunks.filter { $0.seriesCount > 0 }.map(\.layout)
                + [keepsDetails ? report.describedChunk : report.chunk])
    }

    private func rules(
        _ reader: ReadBody, _ state: ScrapeState, _ next: ScrapeState, _ timestampMs: Int64,
        isUnchanged: Bool
    ) -> TimestampRules {
        let timestamps = honorTimestamps ? reader.timestamps : []
        if timestamps.isEmpty, state.lastSampleMs.isEmpty {
            return TimestampRules(duplicates: next.duplicates)
        }
        let before = history(state)
        return TimestampRules(
            duplicates: next.duplicates, timestamps: timestamps,
            before: isUnchanged
                ? before
                : reader.page?.carried(before, nothing: Int64.min)
                    ?? carried(before, from: state.chunks, to: reader.chunks),
            scrapedAtMs: timestampMs, tracksStaleness: tracksStaleness, windowMs: outOfOrderWindowMs)
    }

    /// The timestamp of each line's series' last sample.
    func history(_ state: ScrapeState) -> [Int64] {
        if !state.lastSampleMs.isEmpty { return state.lastSampleMs }
        var result = Array(repeating: state.lastTimestampMs, count: state.seriesCount)
        for ordinal in state.silent { result[Int(ordinal)] = Int64.min }
        return result
    }

    /// The same for another layout's lines, by series.
    func carried(_ before: [Int64], from old: [TemplateChunk], to new: [TemplateChunk]) -> [Int64] {
        var table = SeriesTable(capacity: before.count)
        var latest = before
        var ordinal = 0
        for chunk in old {
            for hash in chunk.seriesHashes(of: schema) {
                if let first = table.insert(hash, UInt32(ordinal)) {
                    latest[Int(first)] = max(latest[Int(first)], before[ordinal])
                }
                ordinal += 1
            }
        }
        return new.flatMap { chunk in
            chunk.seriesHashes(of: schema).map { hash in
                table.number(of: hash).map { latest[Int($0)] } ?? Int64.min
            }
        }
    }

    func checkClock(_ timestampMs: Int64, _ state: ScrapeState) throws(ScrapeError) {
        let lastMs = state.lastTimestampMs
        guard timestampMs <= lastMs else { return }
        // Receivers have taken what lies less far ahead: they would refuse older samples.
        let isRefused = lastMs - timestampMs > TimestampRules.maxAheadMs
        let advice =
            isRefused
            ? ". If the last scrape's time was wrong, receivers have refused its samples, as most do beyond"
                + " 10m ahead, and a restart of the agent ends this at once"
            : ""
        throw ScrapeError(
            .clock,
            "the wall clock shows \(Timestamp.text(ms: timestampMs)),"
                + " \(ScrapeMetrics.goDuration(lastMs - timestampMs)) before the last scrape of this target:"
                + " its samples are left out for as long, until the clock has passed"
                + " \(Timestamp.text(ms: lastMs)); look at what sets this machine's clock\(advice)")
    }
}
