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
    /// Lines at the body's end that are not in the format and were skipped.
    private var skippedAtEnd = 0
    /// Lines with a sample, those included that rules drop.
    private(set) var lineCount = 0
    /// Lines that the parser read.
    private(set) var parsedLines = 0
    /// What the conversion of classic histograms came to.
    private(set) var outcome = ClassicOutcome()

    private let hasher: SegmentHasher
    private let convertsClassic: Bool
    private var builder: TemplateBuilder
    private var parser: ExpositionParser
    /// The hash of the name in the TYPE line in force; 0 unless classic histograms are converted.
    private var family: UInt64 = 0
    /// What there was before the chunk at the end of `chunks`, or the one being built.
    private var mark = Mark()
    /// Whether the chunk at the end of `chunks` was known and nothing has been parsed since.
    private var endsMatched = false

    /// What is to be given back when a chunk is read another way.
    private struct Mark {
        var lists = DroppedLines.Mark(values: 0, timestamps: 0, exemplars: 0)
        var position = 0
        var type = ExpositionParser.FamilyType.other
        var family: UInt64 = 0
        var outcome = (histograms: 0, unconverted: 0, foldedLines: 0)
    }

    init(
        schema: TargetSchema, isOpenMetrics: Bool, histograms: HistogramOptions = HistogramOptions(),
        hasher: SegmentHasher, layouts: LayoutInterner, templates: TemplateInterner
    ) {
        self.hasher = hasher
        convertsClassic = histograms.convertsClassic
        parser = ExpositionParser(
            isOpenMetrics: isOpenMetrics, skipsBadLines: schema.rules.onBadLine == .skip)
        builder = TemplateBuilder(
            encoder: SeriesEncoder(schema: schema, hasher: hasher), isOpenMetrics: isOpenMetrics,
            layouts: layouts, templates: templates, keepsClassic: histograms.alwaysScrapesClassic)
    }

    /// Samples that the lines come to.
    var sampleCount: Int { lineCount - outcome.foldedLines + builder.sampleCount }

    /// Reads `body`, of which `expected` are the chunks of the scrape before, and keeps room for
    /// `extraValues` more values.
    mutating func read(_ body: RawSpan, expected: [TemplateChunk], extraValues: Int) throws(ScrapeError) {
        guard body.byteCount <= Self.maxBodyBytes else {
            throw ScrapeError(.bodyTooLarge, "a body of more than \(Self.maxBodyBytes) bytes is not read")
        }
        // A target that now answers in another format has no line as before.
        let expected = expected.first?.isOpenMetrics == parser.isOpenMetrics ? expected : []
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
            if beginnings == nil { beginnings = Self.beginnings(of: expected) }
            // The chunk at `index` has changed; only later ones are looked for, so this ends.
            (index, done) = try parse(body, until: beginnings ?? [:], after: index, expected)
        }
    }

    private mutating func match(_ chunk: TemplateChunk, _ body: RawSpan) -> Bool {
        let before = mark
        setMark(at: parser.position, parser.type, family)
        guard chunk.typeBefore == parser.type, chunk.familyBefore == family,
            let end = TemplateMatcher.match(
                chunk, body, at: parser.position, hasher: hasher, values: &values, timestamps: &timestamps,
                exemplars: &exemplars)
        else {
            mark = before
            return false
        }
        parser.position = end
        parser.type = chunk.typeAfter
        family = chunk.familyAfter
        endsMatched = true
        append(chunk)
        return true
    }

    private mutating func setMark(
        at position: Int, _ type: ExpositionParser.FamilyType, _ family: UInt64
    ) {
        mark = Mark(
            lists: DroppedLines.Mark(
                values: values.count, timestamps: timestamps.count, exemplars: exemplars.count),
            position: position, type: type, family: family,
            outcome: (outcome.histograms.count, outcome.unconverted.count, outcome.foldedLines))
    }

    /// Takes in a chunk whose lines have been read since `mark`: what each line gave becomes what each series
    /// has.
    private mutating func append(_ chunk: TemplateChunk) {
        chunks.append(chunk)
        lineCount += chunk.lineCount
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
        lineCount -= chunks.removeLast().lineCount
        values.removeLast(values.count - mark.lists.values)
        timestamps.removeLast(timestamps.count - mark.lists.timestamps)
        exemplars.removeLast(exemplars.count - mark.lists.exemplars)
        outcome.histograms.removeLast(outcome.histograms.count - mark.outcome.histograms)
        outcome.unconverted.removeLast(outcome.unconverted.count - mark.outcome.unconverted)
        outcome.foldedLines = mark.outcome.foldedLines
        parser.position = mark.position
        parser.type = mark.type
        family = mark.family
    }

    private mutating func finishChunk(
        typeAfter: ExpositionParser.FamilyType, familyAfter: UInt64
    ) {
        guard builder.lineCount > 0 else { return }
        append(builder.finish(typeAfter: typeAfter, familyAfter: familyAfter))
    }

    /// Parses lines into new chunks until the body ends or a line is met that a later chunk begins with.
    /// Returns that chunk's index and whether the body has ended.
    private mutating func parse(
        _ body: RawSpan, until beginnings: [UInt64: Int], after index: Int, _ expected: [TemplateChunk]
    ) throws(ScrapeError) -> (index: Int, done: Bool) {
        while true {
            let start = parser.position
            let typeBefore = parser.type
            let familyBefore = family
            guard try parser.next(body) else {
                skippedAtEnd = parser.skippedLines
                finishChunk(typeAfter: typeBefore, familyAfter: familyBefore)
                return (expected.count, true)
            }
            let classic = convertsClassic ? classicLine(body) : nil
            let isFirst = builder.lineCount == 0
            let continues = TemplateBuilder.continues(
                classic, parser, open: isFirst ? chunks.last?.openGroup ?? 0 : builder.openGroup)
            if isFirst, continues, endsMatched {
                unmatch()
                continue
            }
            let segment = parser.segment
            let hash = hasher.hash(body, segment.lowerBound, segment.count)
            if !continues, let later = beginnings[hash], later > index,
                expected[later].typeBefore == typeBefore, expected[later].familyBefore == familyBefore,
                Int(expected[later].lengths[0]) == segment.count
            {
                finishChunk(typeAfter: typeBefore, familyAfter: familyBefore)
                parser.position = start
                parser.type = typeBefore
                family = familyBefore
                return (later, false)
            }
            if continues ? builder.isBeyondGroups : builder.endsBefore(hash) {
                finishChunk(typeAfter: typeBefore, familyAfter: familyBefore)
            }
            if builder.lineCount == 0 { setMark(at: start, typeBefore, familyBefore) }
            _ = try builder.append(
                parser, body, hash: hash, typeBefore: typeBefore, familyBefore: familyBefore, classic: classic
            )
            parsedLines += 1
            endsMatched = false
            append(lineOf: parser)
        }
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

    /// Follows TYPE lines; what the line is of a classic histogram.
    private mutating func classicLine(_ body: RawSpan) -> ClassicLine? {
        for line in parser.metadata where line.kind == .type {
            family = hasher.hash(body, line.name.lowerBound, line.name.count)
        }
        guard parser.type == .histogram else { return nil }
        return ClassicLine(parser, body, family: family, hasher: hasher)
    }

    /// The first chunk that begins with each line.
    static func beginnings(of chunks: [TemplateChunk]) -> [UInt64: Int] {
        var result: [UInt64: Int] = [:]
        result.reserveCapacity(chunks.count)
        for index in chunks.indices.reversed() { result[chunks[index].hashes[0]] = index }
        return result
    }

    /// Lines that are not in the format and were skipped.
    var skippedLines: Int { chunks.reduce(skippedAtEnd) { $0 + $1.skippedLines } }

    /// Hands the values over, so that the caller changes them without a copy.
    mutating func takeValues() -> [Double] {
        defer { values = [] }
        return values
    }
}
