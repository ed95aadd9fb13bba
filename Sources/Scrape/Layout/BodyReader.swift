import Configuration
import MetricModel

/// An exemplar with the ordinal of its line.
struct ScrapedExemplar: Equatable {
    let series: UInt32
    let exemplar: OpenMetricsLineEnd.Exemplar
    /// Whether the series is a native histogram, which may have several.
    var isOfHistogram = false
}

/// Reads one body from beginning to end: by the templates of the scrape before where its lines are as they
/// were, by the parser elsewhere.
struct BodyReader {
    /// Above this a body is refused whatever the configuration says: 256 MiB of text are millions of series,
    /// and offsets into it fit 32 bits.
    static let maxBodyBytes = 256 << 20

    /// The templates that this body is made of, in order.
    private(set) var chunks: [TemplateChunk] = []
    /// A value for each line that is kept.
    private(set) var values: [Double] = []
    /// The timestamps that lines carry, ascending by line.
    private(set) var timestamps: [Frame.ExplicitTimestamp] = []
    /// The exemplars that lines carry, ascending by line, one a line.
    private(set) var exemplars: [ScrapedExemplar] = []
    /// Lines at the body's end and in front of lines passed over that are not in the format and were skipped.
    private var skippedApart = 0
    /// Lines with a sample, those included that rules drop.
    private(set) var lineCount = 0
    /// Lines that the parser read.
    private(set) var parsedLines = 0
    /// What the conversion of classic histograms came to.
    private(set) var outcome = ClassicOutcome()
    /// When series began, where `_created` lines tell; ascending by series.
    private(set) var starts: [Frame.StartTimestamp] = []
    /// Lines that have no sample because they tell of others.
    private var createdLines = 0
    /// Lines of new series that are in no chunk, because memory is too short even to know them again.
    private(set) var passedOverCount = 0
    /// Lines that rules drop and that are in no chunk for the same reason.
    private var passedOverDrops = 0
    /// What an order of the page is made of, where one is wanted: set before a reading without expected
    /// chunks.
    var record: PageRecord?
    /// Whether the reading ended with a series that a rule of the job refused.
    private var hasRefused = false

    private let hasher: SegmentHasher
    private let convertsClassic: Bool
    private let readsStarts: Bool
    private let admission: SeriesAdmission?
    private let keepsMetadata: Bool
    private var builder: TemplateBuilder
    private var parser: ExpositionParser
    /// What the comments read so far say.
    private var context = FamilyContext()
    /// What there was before the chunk at the end of `chunks`, or the one being built.
    private var mark = Mark()
    /// The lines of the scrape before.
    private var knownLines = LazyKnownLines([])
    /// Whether the chunk at the end of `chunks` was known and nothing has been parsed since.
    private var endsMatched = false

    /// What is to be given back when a chunk is read another way.
    private struct Mark {
        var lists = DroppedLines.Mark(values: 0, timestamps: 0, exemplars: 0)
        var position = 0
        var context = FamilyContext()
        var outcome = (histograms: 0, unconverted: 0, foldedLines: 0)
        var starts = 0
    }

    init(
        schema: TargetSchema, isOpenMetrics: Bool, histograms: HistogramOptions = HistogramOptions(),
        readsStarts: Bool = false, keepsMetadata: Bool = false, hasher: SegmentHasher,
        layouts: LayoutInterner, templates: TemplateInterner, admission: SeriesAdmission? = nil
    ) {
        self.admission = admission
        self.hasher = hasher
        convertsClassic = histograms.convertsClassic
        self.readsStarts = readsStarts && isOpenMetrics
        self.keepsMetadata = keepsMetadata
        parser = ExpositionParser(
            isOpenMetrics: isOpenMetrics, skipsBadLines: schema.rules.onBadLine == .skip)
        builder = TemplateBuilder(
            encoder: SeriesEncoder(schema: schema, hasher: hasher, admission: admission),
            isOpenMetrics: isOpenMetrics,
            layouts: layouts, templates: templates, keepsClassic: histograms.alwaysScrapesClassic,
            statesFamilies: keepsMetadata,
            needsComments: keepsMetadata || histograms.convertsClassic || readsStarts && isOpenMetrics)
    }

    /// Samples that the lines come to, one among them that a rule of the job refused.
    var sampleCount: Int {
        lineCount - createdLines - outcome.foldedLines + builder.sampleCount + passedOverCount
            + passedOverDrops + (hasRefused ? 1 : 0)
    }

    /// Of those, the ones that rules leave.
    var keptCount: Int {
        (builder.lineCount == 0 ? values.count : mark.lists.values + builder.seriesCount)
            - outcome.unconverted.count
    }

    /// Reads `body`, of which `expected` are the chunks of the scrape before, and keeps room for
    /// `extraValues` more values.
    mutating func read(_ body: RawSpan, expected: [TemplateChunk], extraValues: Int) throws(ScrapeError) {
        guard body.byteCount <= Self.maxBodyBytes else {
            throw ScrapeError(.bodyTooLarge, "a body of more than \(Self.maxBodyBytes) bytes is not read")
        }
        // A target that now answers in another format has no line as before, and chunks made without
        // metadata are made anew when they are wanted.
        let isAsBefore =
            expected.first?.isOpenMetrics == parser.isOpenMetrics
            && expected.first?.statesFamilies == keepsMetadata
        let expected = isAsBefore ? expected : []
        values.reserveCapacity(expected.reduce(extraValues) { $0 + $1.lineCount })
        chunks.reserveCapacity(expected.count)
        var beginnings: [UInt64: Int]?
        var index = 0
        var done = false
        while !done {
            if index < expected.count, match(expected[index], body) {
                index += 1
                continue
            }
            if beginnings == nil {
                beginnings = Self.beginnings(of: expected)
                knownLines = LazyKnownLines(expected)
            }
            // The chunk at `index` has changed; only later ones are looked for, so this ends.
            (index, done) = try parse(body, until: beginnings ?? [:], after: index, expected)
        }
    }

    private mutating func match(_ chunk: TemplateChunk, _ body: RawSpan) -> Bool {
        let before = mark
        setMark(at: parser.position, context)
        guard chunk.before == context, admission?.mayTake(chunk) ?? chunk.isWhole,
            let end = TemplateMatcher.match(
                chunk, body, at: parser.position, hasher: hasher, values: &values, timestamps: &timestamps,
                exemplars: &exemplars)
        else {
            mark = before
            return false
        }
        guard admission?.takes(chunk) ?? true else {
            removeLines(behind: mark.lists)
            mark = before
            return false
        }
        parser.position = end
        parser.type = chunk.after.type
        context = chunk.after
        endsMatched = true
        builder.pass(chunk)
        append(chunk)
        return true
    }

    private mutating func setMark(at position: Int, _ context: FamilyContext) {
        mark = Mark(
            lists: DroppedLines.Mark(
                values: values.count, timestamps: timestamps.count, exemplars: exemplars.count),
            position: position, context: context,
            outcome: (outcome.histograms.count, outcome.unconverted.count, outcome.foldedLines),
            starts: starts.count)
    }

    /// Takes in a chunk whose lines have been read since `mark`: what each line gave becomes what each series
    /// has.
    private mutating func append(_ chunk: TemplateChunk) {
        chunks.append(chunk)
        lineCount += chunk.lineCount
        createdLines += chunk.createdLines
        if !chunk.starts.isEmpty {
            StartRun.collect(chunk.starts, values, from: mark.lists.values, into: &starts)
        }
        if !chunk.groups.isEmpty {
            ClassicLines.fold(
                chunk, since: mark.lists, values: &values, timestamps: &timestamps, exemplars: &exemplars,
                into: &outcome)
        } else if !chunk.droppedLines.isEmpty {
            DroppedLines.remove(
                chunk.droppedLines, since: mark.lists, values: &values, timestamps: &timestamps,
                exemplars: &exemplars)
        }
    }

    /// Gives the last chunk back, to be parsed: its last histogram goes on behind it.
    private mutating func unmatch() {
        endsMatched = false
        let chunk = chunks.removeLast()
        builder.pass(chunk, isBack: true)
        admission?.takesBack(chunk)
        lineCount -= chunk.lineCount
        createdLines -= chunk.createdLines
        starts.removeLast(starts.count - mark.starts)
        removeLines(behind: mark.lists)
        outcome.histograms.removeLast(outcome.histograms.count - mark.outcome.histograms)
        outcome.unconverted.removeLast(outcome.unconverted.count - mark.outcome.unconverted)
        outcome.foldedLines = mark.outcome.foldedLines
        parser.position = mark.position
        parser.type = mark.context.type
        context = mark.context
    }

    private mutating func removeLines(behind mark: DroppedLines.Mark) {
        values.removeLast(values.count - mark.values)
        timestamps.removeLast(timestamps.count - mark.timestamps)
        exemplars.removeLast(exemplars.count - mark.exemplars)
    }

    private mutating func finishChunk(after: FamilyContext) {
        guard builder.lineCount > 0 else { return }
        append(builder.finish(after: after))
    }

    /// Parses lines into new chunks until the body ends or a line is met that a later chunk begins with, or
    /// the one at `index` where only lines were passed over. Returns that chunk's index and whether the body
    /// has ended.
    private mutating func parse(
        _ body: RawSpan, until beginnings: [UInt64: Int], after index: Int, _ expected: [TemplateChunk]
    ) throws(ScrapeError) -> (index: Int, done: Bool) {
        var hasPassedOver = false
        var hasLines = false
        while true {
            let start = parser.position
            let before = context
            guard try parser.next(body) else {
                skippedApart += parser.skippedLines
                finishChunk(after: before)
                return (expected.count, true)
            }
            follow(body)
            let classic = convertsClassic ? classicLine(body) : nil
            let started =
                readsStarts
                ? StartLine(parser, body, nameLength: context.nameLength, hasher: hasher) : nil
            let isFirst = builder.lineCount == 0
            let continues =
                TemplateBuilder.continues(
                    classic, parser, open: isFirst ? chunks.last?.openGroup ?? 0 : builder.openGroup)
                || StartRuns.continues(
                    started, parser, key: isFirst ? chunks.last?.openRun ?? 0 : builder.openRun)
            if isFirst, continues, endsMatched {
                unmatch()
                continue
            }
            let segment = parser.segment
            let hash = hasher.hash(body, segment.lowerBound, segment.count)
            if !continues, let later = beginnings[hash],
                later > index || later == index && hasPassedOver && !hasLines,
                expected[later].before == before,
                Int(expected[later].lengths[0]) == segment.count
            {
                finishChunk(after: before)
                parser.position = start
                parser.type = before.type
                context = before
                return (later, false)
            }
            if continues ? builder.isBeyondGroups : builder.endsBefore(hash) {
                finishChunk(after: before)
            }
            if builder.lineCount == 0 {
                setMark(at: start, before)
                if keepsMetadata, parser.metadata.isEmpty { builder.beginFamily(behind: chunks) }
            }
            let known = classic == nil && started == nil ? knownLine(hash, body) : nil
            let added: TemplateBuilder.Added
            do throws(ScrapeError) {
                added = try builder.append(
                    parser, body, hash: hash, before: before, classic: classic, start: started,
                    known: known)
            } catch {
                hasRefused = true
                throw error
            }
            parsedLines += 1
            endsMatched = false
            switch added {
            case .line: break
            case .passedOver(true): passedOverCount += 1
            case .passedOver(false): passedOverDrops += 1
            case .passedOverPart: break
            }
            guard case .line = added else {
                // An order has all lines.
                record = nil
                skippedApart += parser.skippedLines
                hasPassedOver = true
                continue
            }
            hasLines = true
            record?.add(parser, body, hasher)
            append(lineOf: parser)
        }
    }

    /// The line that `parser` stands on, where the scrape before had it. Not one whose labels depend on what
    /// a TYPE line somewhere above says.
    private mutating func knownLine(_ hash: UInt64, _ body: RawSpan) -> KnownLines.Line? {
        // The labels come first: a page of such lines needs no table.
        guard knownLines.pays(parsedLines: parsedLines),
            !parser.labels.contains(where: { SeriesEncoder.mayBeBound(body, $0.name) }),
            let line = knownLines.line(hash, parsedLines: parsedLines),
            Int(line.length) == parser.segment.count
        else { return nil }
        return line
    }

    /// The value of a line and what stands beside it, whether it will have a series or not.
    private mutating func append(lineOf parser: ExpositionParser) {
        let line = UInt32(values.count)
        if let timestampMs = parser.timestampMs {
            timestamps.append(Frame.ExplicitTimestamp(series: line, timestampMs: timestampMs))
        }
        if let exemplar = parser.exemplar {
            exemplars.append(ScrapedExemplar(series: line, exemplar: exemplar))
        }
        values.append(parser.value)
    }

    /// Takes in what the comments in front of the line say.
    private mutating func follow(_ body: RawSpan) {
        context.type = parser.type
        if convertsClassic {
            for line in parser.metadata where line.kind == .type {
                context.family = hasher.hash(body, line.name.lowerBound, line.name.count)
            }
        }
        if readsStarts, let last = parser.metadata.last { context.nameLength = last.name.count }
        if keepsMetadata { context.take(parser.metadata, body, hasher) }
    }

    /// What the line is of a classic histogram.
    private func classicLine(_ body: RawSpan) -> ClassicLine? {
        guard parser.type == .histogram else { return nil }
        return ClassicLine(parser, body, family: context.family, hasher: hasher)
    }

    /// The first chunk that begins with each line.
    static func beginnings(of chunks: [TemplateChunk]) -> [UInt64: Int] {
        var result: [UInt64: Int] = [:]
        result.reserveCapacity(chunks.count)
        for index in chunks.indices.reversed() { result[chunks[index].hashes[0]] = index }
        return result
    }

    /// Lines that are not in the format and were skipped.
    var skippedLines: Int { chunks.reduce(skippedApart) { $0 + $1.skippedLines } }

    /// Hands the values over, so that the caller changes them without a copy.
    mutating func takeValues() -> [Double] {
        defer { values = [] }
        return values
    }
}
