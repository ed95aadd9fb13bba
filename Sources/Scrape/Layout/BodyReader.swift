import Configuration
import MetricModel

/// An exemplar with the ordinal of its line.
struct ScrapedExemplar: Equatable {
    let series: UInt32
    let exemplar: OpenMetricsLineEnd.Exemplar
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

    private let hasher: SegmentHasher
    private var builder: TemplateBuilder
    private var parser: ExpositionParser

    init(
        schema: TargetSchema, isOpenMetrics: Bool, hasher: SegmentHasher, layouts: LayoutInterner,
        templates: TemplateInterner
    ) {
        self.hasher = hasher
        parser = ExpositionParser(
            isOpenMetrics: isOpenMetrics, skipsBadLines: schema.rules.onBadLine == .skip)
        builder = TemplateBuilder(
            encoder: SeriesEncoder(schema: schema, hasher: hasher), isOpenMetrics: isOpenMetrics,
            layouts: layouts, templates: templates)
    }

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
        let before = DroppedLines.Mark(
            values: values.count, timestamps: timestamps.count, exemplars: exemplars.count)
        guard chunk.typeBefore == parser.type,
            let end = TemplateMatcher.match(
                chunk, body, at: parser.position, hasher: hasher, values: &values, timestamps: &timestamps,
                exemplars: &exemplars)
        else { return false }
        parser.position = end
        parser.type = chunk.typeAfter
        chunks.append(chunk)
        lineCount += chunk.lineCount
        if !chunk.droppedLines.isEmpty {
            DroppedLines.remove(
                chunk.droppedLines, since: before, values: &values, timestamps: &timestamps,
                exemplars: &exemplars)
        }
        return true
    }

    /// Parses lines into new chunks until the body ends or a line is met that a later chunk begins with.
    /// Returns that chunk's index and whether the body has ended.
    private mutating func parse(
        _ body: RawSpan, until beginnings: [UInt64: Int], after index: Int, _ expected: [TemplateChunk]
    ) throws(ScrapeError) -> (index: Int, done: Bool) {
        while true {
            let start = parser.position
            let typeBefore = parser.type
            guard try parser.next(body) else {
                skippedAtEnd = parser.skippedLines
                if builder.lineCount > 0 { chunks.append(builder.finish(typeAfter: typeBefore)) }
                return (expected.count, true)
            }
            let segment = parser.segment
            let hash = hasher.hash(body, segment.lowerBound, segment.count)
            if let later = beginnings[hash], later > index, expected[later].typeBefore == typeBefore,
                Int(expected[later].lengths[0]) == segment.count
            {
                if builder.lineCount > 0 { chunks.append(builder.finish(typeAfter: typeBefore)) }
                parser.position = start
                parser.type = typeBefore
                return (later, false)
            }
            if builder.endsBefore(hash) { chunks.append(builder.finish(typeAfter: typeBefore)) }
            let isKept = try builder.append(parser, body, hash: hash, typeBefore: typeBefore)
            parsedLines += 1
            lineCount += 1
            guard isKept else { continue }
            if let timestampMs = parser.timestampMs {
                timestamps.append(
                    Frame.ExplicitTimestamp(series: UInt32(values.count), timestampMs: timestampMs))
            }
            if let exemplar = parser.exemplar {
                exemplars.append(ScrapedExemplar(series: UInt32(values.count), exemplar: exemplar))
            }
            values.append(parser.value)
        }
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
