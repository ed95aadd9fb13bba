import Configuration
import MetricModel
import Platform
import Relabel

/// Reads the body of a trial twice: as the loop does, which decides what is kept and whether the scrape is,
/// and series by series, which tells why the others are not.
struct TrialReading {
    private(set) var lines: [ScrapeTrial.Line] = []
    var refusal: ScrapeError?
    private(set) var skippedLines = 0
    private(set) var skippedReason: String?

    private let configuration: ScrapeConfiguration
    private let target: Target
    private let schema: TargetSchema
    private let options: HistogramOptions
    private let scrape: TargetScrape
    /// What the loop would store, by labels; nil when it refuses the scrape.
    private var kept: [LabelSet: Kept]?
    private var seen: Set<LabelSet> = []
    private var encoder: SeriesEncoder

    private struct Kept {
        var value: Double
        var histogram: NativeHistogram?
    }

    private let nowMs: Int64

    init(
        _ target: Target, configuration: ScrapeConfiguration, externalLabels: LabelSet,
        nowMs: Int64 = SystemClock().wallMs
    ) {
        self.target = target
        self.configuration = configuration
        self.nowMs = nowMs
        options = HistogramOptions(configuration.histograms)
        let rules = SeriesRules(configuration)
        let relabelling = MetricRelabelling(
            rules: configuration.metricRelabelRules, externalLabels: externalLabels)
        schema = TargetSchema(
            target, honorLabels: configuration.honorLabels, relabelling: relabelling, hasher: .process,
            rules: rules)
        scrape = TargetScrape(
            target: target, honorLabels: configuration.honorLabels,
            honorTimestamps: configuration.honorTimestamps,
            readsStarts: configuration.readsStartTimestamps, histograms: configuration.histograms,
            rules: rules, relabelling: relabelling)
        encoder = SeriesEncoder(schema: schema, hasher: .process)
    }

    /// Of the body, as the loop keeps it.
    var metadata: [MetricFamilyMetadata] { scrape.metadata }

    mutating func read(_ body: RawSpan, _ format: ExpositionFormat) {
        store(body, format)
        do throws(ScrapeError) {
            if format == .protobuf {
                try walkProtobuf(body)
            } else {
                try walkText(body, isOpenMetrics: format == .openMetrics)
            }
        } catch {
            // The loop has met the same, or a limit before it.
            refusal = refusal ?? (format == .protobuf ? error : error.located(in: body))
        }
    }

    /// Reads as the loop does.
    private mutating func store(_ body: RawSpan, _ format: ExpositionFormat) {
        let frame: Frame
        do throws(ScrapeError) {
            frame =
                format == .protobuf
                ? try scrape.consume(protobuf: body, at: nowMs)
                : try scrape.consume(body, isOpenMetrics: format == .openMetrics, at: nowMs)
        } catch {
            refusal = error
            return
        }
        var result: [LabelSet: Kept] = [:]
        let absent = Set(frame.absent)
        let histograms = Dictionary(uniqueKeysWithValues: frame.histograms.map { ($0.series, $0.histogram) })
        for index in 0..<frame.layout.seriesCount - ReportSeries.names.count
        where !absent.contains(UInt32(index)) {
            guard let labels = frame.layout.labels(ofSeries: index, target: target) else { continue }
            result[labels] = Kept(value: frame.values[index], histogram: histograms[UInt32(index)])
        }
        kept = result
    }

    private mutating func walkText(_ body: RawSpan, isOpenMetrics: Bool) throws(ScrapeError) {
        guard body.byteCount <= BodyReader.maxBodyBytes else { return }
        var parser = ExpositionParser(
            isOpenMetrics: isOpenMetrics, skipsBadLines: configuration.onBadLine == .skip)
        var family: UInt64 = 0
        var open: UInt64 = 0
        while true {
            let isSample = try parser.next(body)
            skippedLines += parser.skippedLines
            skippedReason = skippedReason ?? parser.skippedReason
            guard isSample else { return }
            if configuration.readsStartTimestamps, isOpenMetrics {
                // All that matters here is whether the line has a series.
                let start = StartLine(parser, body, nameLength: 0, hasher: .process)
                if start?.isCreated == true {
                    if parser.hasComment { open = 0 }
                    continue
                }
            }
            if options.convertsClassic {
                for line in parser.metadata where line.kind == .type {
                    family = schemaHash(body, line.name)
                }
                let classic =
                    parser.type == .histogram
                    ? ClassicLine(parser, body, family: family, hasher: .process) : nil
                if let classic, classic.role != .none {
                    if !TemplateBuilder.continues(classic, parser, open: open) {
                        open = classic.key
                        var histogram = parser
                        histogram.becomeHistogram(classic, body)
                        try add(histogram, body, value: nil, timestampMs: nil)
                    }
                    if !options.alwaysScrapesClassic { continue }
                } else if classic?.key != open || parser.hasComment {
                    open = 0
                }
            }
            try add(parser, body, value: parser.value, timestampMs: parser.timestampMs)
        }
    }

    private func schemaHash(_ body: RawSpan, _ range: Range<Int>) -> UInt64 {
        SegmentHasher.process.hash(body, range.lowerBound, range.count)
    }

    private mutating func walkProtobuf(_ body: RawSpan) throws(ScrapeError) {
        guard body.byteCount <= BodyReader.maxBodyBytes else { return }
        var decoder = ProtobufDecoder(
            options: options, keepsExemplars: false, hasher: .process, expected: 0)
        try decoder.read(body)
        let series = decoder.takeSeries()
        let times = Dictionary(uniqueKeysWithValues: series.timestamps.map { ($0.series, $0.timestampMs) })
        var line = SeriesLine()
        for index in 0..<series.count {
            let place = series.places[index]
            try line.write(body, series.families[series.familyIndex(of: index)], place)
            var parser = ExpositionParser(isOpenMetrics: false)
            let bytes = line.bytes
            // Safety: bytes have no padding.
            let text = unsafe bytes.span.bytes
            guard try parser.next(text) else { continue }
            let isHistogram = place.part == .native
            try add(
                parser, text, value: isHistogram ? nil : series.values[index],
                timestampMs: times[UInt32(index)])
        }
    }

    /// Tells what becomes of the series that `parser` stands on; a histogram has no value but its own.
    private mutating func add(
        _ parser: ExpositionParser, _ body: RawSpan, value: Double?, timestampMs: Int64?
    ) throws(ScrapeError) {
        var fate = ScrapeTrial.Line.Fate.kept
        var exposed = LabelSet()
        var stored: LabelSet?
        do throws(ScrapeError) {
            let explanation = try encoder.explain(parser, body)
            exposed = explanation.exposed
            stored = explanation.stored
            if let rule = explanation.droppedByRule {
                fate = .dropped(byRule: rule)
            } else if let found = explanation.stored {
                fate = self.fate(of: found, isHistogram: value == nil, timestampMs: timestampMs)
            } else {
                fate = .emptied
            }
        } catch {
            guard schema.rules.leavesOut(error) else { throw error }
            exposed = encoder.explainedLabels
            fate = .refused(error.message)
        }
        let found = fate == .kept ? stored.flatMap { kept?[$0] } : nil
        lines.append(
            ScrapeTrial.Line(
                fate: fate, exposed: exposed, stored: stored, value: value ?? found?.value ?? .nan,
                timestampMs: timestampMs, isHistogram: value == nil,
                histogram: value == nil ? found?.histogram : nil))
    }

    private mutating func fate(
        of stored: LabelSet, isHistogram: Bool, timestampMs: Int64?
    ) -> ScrapeTrial.Line.Fate {
        let timestampMs = configuration.honorTimestamps ? timestampMs : nil
        let isNew = seen.insert(stored).inserted
        if !isNew, timestampMs == nil { return .duplicate }
        // A scrape that is refused as a whole has no series by which to tell more.
        guard let kept, kept[stored] == nil else { return .kept }
        let sheds = scrape.shed.shedCount > 0
        // In a first scrape nothing but a time far ahead or behind keeps all samples of a series out.
        if let timestampMs,
            !sheds || TimestampRules.fault(timestampMs, scrapedAtMs: nowMs) != nil
        {
            return .timestamp
        }
        if isHistogram, !sheds { return .contradictory }
        return .shed
    }
}
