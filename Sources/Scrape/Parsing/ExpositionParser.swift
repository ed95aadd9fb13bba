import MetricModel

/// Reads a text exposition format sample by sample, to the rules of Prometheus' own parsers: the text format
/// 0.0.4 and 1.0.0 here, OpenMetrics in `ExpositionParser+OpenMetrics.swift`. It knows nothing of templates:
/// it is what reads lines that have not been seen before, and what decides about every error.
struct ExpositionParser {
    /// What the last TYPE line said, as far as it changes how samples are read. It holds for every line up to
    /// the next TYPE line, whatever the metric's name.
    enum FamilyType: UInt8, Sendable {
        /// `counter` in OpenMetrics only: it says something there.
        case other, summary, histogram, counter
    }

    /// A label's name and value between their quotes.
    struct LabelRange {
        var name: Range<Int>
        var value: Range<Int>
        /// Whether a backslash stands in either.
        var hasEscapes: Bool
    }

    /// Bytes of one series' name and labels; a bound against lines made to exhaust memory. Every receiver's
    /// limits are far below.
    static let maxSeriesBytes = 1 << 20
    /// HELP, TYPE and UNIT comments in front of one sample; a bound against bodies that are little else. Each
    /// takes 48 bytes until the sample has been read, and is nine bytes of the body at the least.
    static let maxComments = 1 << 16

    let isOpenMetrics: Bool
    /// The next byte to read: after a sample, the beginning of the next line.
    var position = 0
    /// The type in force at `position`.
    var type = FamilyType.other

    /// The last sample's segment: from where the line before its comments began to the end of its name or
    /// labels.
    private(set) var segment = 0..<0
    /// Where the sample's line begins.
    private(set) var lineStart = 0
    private(set) var name = 0..<0
    private(set) var nameHasEscapes = false
    /// In the order of the line.
    private(set) var labels: [LabelRange] = []
    private(set) var value = 0.0
    private(set) var timestampMs: Int64?
    private(set) var exemplar: OpenMetricsLineEnd.Exemplar?
    /// The HELP, TYPE and UNIT comments in front of the last sample, or behind the last of all.
    private(set) var metadata: [FamilyMetadata.Line] = []

    /// Whether any comment stands in front of the last sample.
    private(set) var hasComment = false

    /// Whether a line that is not in the format is passed over like a comment.
    let skipsBadLines: Bool
    /// Lines passed over in front of the last sample, or behind the last of all, and what was wrong with the
    /// first.
    private(set) var skippedLines = 0
    private(set) var skippedReason: String?

    init(isOpenMetrics: Bool = false, skipsBadLines: Bool = false) {
        self.isOpenMetrics = isOpenMetrics
        self.skipsBadLines = skipsBadLines
    }

    /// Moves on to the next sample; false at the end of the body.
    mutating func next(_ body: RawSpan) throws(ScrapeError) -> Bool {
        metadata.removeAll(keepingCapacity: true)
        exemplar = nil
        hasComment = false
        let segmentStart = position
        guard skipsBadLines else { return try next(body, segmentStart: segmentStart) }
        skippedLines = 0
        skippedReason = nil
        while true {
            do throws(ScrapeError) {
                return try next(body, segmentStart: segmentStart)
            } catch {
                // A body that breaks off has lost more than a line, and one of endless comments would be
                // skipped comment by comment.
                guard error.code == .exposition, !error.isMissingEOF, !error.hasTooManyComments else {
                    throw error
                }
                skippedLines += 1
                skippedReason = skippedReason ?? error.message
                position = lineStart
                _ = restOfLine(body)
            }
        }
    }

    private mutating func next(_ body: RawSpan, segmentStart: Int) throws(ScrapeError) -> Bool {
        isOpenMetrics
            ? try nextOpenMetrics(body, segmentStart: segmentStart)
            : try nextText(body, segmentStart: segmentStart)
    }

    private mutating func nextText(_ body: RawSpan, segmentStart: Int) throws(ScrapeError) -> Bool {
        while true {
            lineStart = position
            skipBlanks(body)
            guard let byte = peek(body) else { return false }
            switch byte {
            case Byte.newline: position += 1
            // Prometheus' lexer takes a NUL at the start of a line for the end of the body.
            case 0: return false
            case Byte.hash: try comment(body)
            default:
                try sample(body, segmentStart: segmentStart)
                return true
            }
        }
    }

    private mutating func sample(_ body: RawSpan, segmentStart: Int) throws(ScrapeError) {
        beginSample()
        var segmentEnd = position
        var hasName = false
        if let byte = peek(body), Byte.isNameStart(byte) || byte == Byte.colon {
            name = nameToken(body)
            hasName = true
            segmentEnd = position
            skipBlanks(body)
        } else if peek(body) != Byte.openBrace {
            throw unexpected(body, "a metric name or a comment is expected at the start of a line")
        }
        if peek(body) == Byte.openBrace {
            position += 1
            try labelList(body, hasName: &hasName)
            segmentEnd = position
            skipBlanks(body)
        }
        guard hasName else { throw ScrapeError("the sample has no metric name", offset: lineStart) }
        guard segmentEnd - lineStart <= Self.maxSeriesBytes else { throw tooLong() }
        segment = segmentStart..<segmentEnd
        try valueAndTimestamp(body)
    }

    private mutating func valueAndTimestamp(_ body: RawSpan) throws(ScrapeError) {
        let start = position
        if start + DecimalFloat.prefixReach <= body.byteCount,
            case let (number, end) = DecimalFloat.parsePrefix(body, start), end >= 0,
            Byte.endsValue(body.uncheckedByte(end))
        {
            value = number
            position = end
        } else {
            while position < body.byteCount, !Byte.endsValue(body.uncheckedByte(position)) { position += 1 }
            guard position > start else { throw unexpected(body, "a value is expected after the metric") }
            guard let number = DecimalFloat.parse(body, start..<position) else {
                throw ScrapeError("\"\(body.excerpt(start..<position))\" is no value", offset: start)
            }
            // A target's own NaN must not look like a stale marker.
            value = ScrapeValue.normalized(number)
        }
        skipBlanks(body)
        timestampMs = nil
        if let byte = peek(body), Byte.isDigit(byte) {
            timestampMs = try timestamp(body)
            skipBlanks(body)
        }
        guard let byte = peek(body) else { return }
        guard byte == Byte.newline else {
            throw unexpected(
                body,
                timestampMs == nil
                    ? "a timestamp or the end of the line is expected after the value"
                    : "the end of the line is expected after the timestamp")
        }
        position += 1
    }

    private mutating func timestamp(_ body: RawSpan) throws(ScrapeError) -> Int64 {
        let start = position
        var result: Int64 = 0
        while let byte = peek(body), Byte.isDigit(byte) {
            let (product, overflow) = result.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(Int64(byte - 0x30))
            guard !overflow, !carry else {
                throw ScrapeError("the timestamp does not fit 64 bits", offset: start)
            }
            result = sum
            position += 1
        }
        return result
    }

    // MARK: what the other files of the parser use

    /// `[a-zA-Z_:][a-zA-Z0-9_:]*`; the caller has seen the first byte.
    mutating func nameToken(_ body: RawSpan) -> Range<Int> {
        let start = position
        position = Self.endOfName(body, from: start, colons: true)
        return start..<position
    }

    /// Where the letters, digits and underscores end that begin at `start`.
    static func endOfName(_ body: RawSpan, from start: Int, colons: Bool) -> Int {
        var offset = start
        while offset + 8 <= body.byteCount {
            let count = Byte.nameBytes(in: body.uncheckedWord64(offset), colons: colons)
            offset += count
            if count < 8 { return offset }
        }
        while offset < body.byteCount {
            let byte = body.uncheckedByte(offset)
            guard Byte.isNameStart(byte) || Byte.isDigit(byte) || colons && byte == Byte.colon else { break }
            offset += 1
        }
        return offset
    }

    mutating func skipBlanks(_ body: RawSpan) {
        while position < body.byteCount, Byte.isBlank(body.uncheckedByte(position)) { position += 1 }
    }

    /// The byte at `position`; nil at the end of the body.
    func peek(_ body: RawSpan) -> UInt8? {
        position < body.byteCount ? body.uncheckedByte(position) : nil
    }

    mutating func setName(_ range: Range<Int>, hasEscapes: Bool) {
        name = range
        nameHasEscapes = hasEscapes
    }

    mutating func beginLine() { lineStart = position }

    mutating func beginSample() {
        labels.removeAll(keepingCapacity: true)
        name = 0..<0
        nameHasEscapes = false
    }

    mutating func endSample(_ segment: Range<Int>, _ end: OpenMetricsLineEnd) {
        self.segment = segment
        value = end.value
        timestampMs = end.timestampMs
        exemplar = end.exemplar
    }

    mutating func noteMetadata(
        _ kind: FamilyMetadata.Kind, name: Range<Int>, nameHasEscapes: Bool, text: Range<Int>
    ) throws(ScrapeError) {
        guard metadata.count < Self.maxComments else {
            throw .tooManyComments(offset: lineStart)
        }
        metadata.append(
            FamilyMetadata.Line(kind: kind, name: name, nameHasEscapes: nameHasEscapes, text: text))
    }

    /// Moves behind the end of the line; what stood before it.
    mutating func restOfLine(_ body: RawSpan) -> Range<Int> {
        let start = position
        var offset = position
        while offset < body.byteCount, body.uncheckedByte(offset) != Byte.newline { offset += 1 }
        position = min(offset + 1, body.byteCount)
        return start..<offset
    }

    mutating func addLabel(_ label: LabelRange) { labels.append(label) }

    mutating func removeLabels(where isRemoved: (LabelRange) -> Bool) { labels.removeAll(where: isRemoved) }

    mutating func noteComment() { hasComment = true }

    func unexpected(_ body: RawSpan, _ reason: String) -> ScrapeError {
        let found =
            position < body.byteCount
            ? "\"\(body.excerpt(position..<min(position + 16, body.byteCount)))\"" : "the end"
        return ScrapeError("\(reason), found \(found)", offset: position)
    }

    func tooLong() -> ScrapeError {
        ScrapeError(
            "name and labels of a series take more than \(Self.maxSeriesBytes) bytes", offset: lineStart)
    }
}

extension ScrapeError {
    /// No page has as many: the body as a whole is not read.
    static func tooManyComments(offset: Int) -> ScrapeError {
        ScrapeError(tooManyCommentsMessage, offset: offset)
    }

    var hasTooManyComments: Bool { code == .exposition && message == Self.tooManyCommentsMessage }

    private static let tooManyCommentsMessage =
        "more than \(ExpositionParser.maxComments) HELP, TYPE and UNIT comments stand in front of one sample"
}
