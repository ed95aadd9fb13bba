import MetricModel

/// The hot path: reads a scrape against the lines that the scrape before it had. A line costs one hash of
/// known length and one number; nothing is allocated, looked up or counted per sample.
enum TemplateMatcher {
    /// What the careful reading of a line's end found.
    struct LineEnd {
        let value: Double
        let timestampMs: Int64?
        var exemplar: OpenMetricsLineEnd.Exemplar?
        /// The start of the next line.
        let end: Int
    }

    /// Reads the lines of `chunk` from `start` on and appends a value for each, and the timestamps that lines
    /// carry. Returns where the next line begins; nil when a line differs, with `values` and `timestamps` as
    /// they were.
    static func match(
        _ chunk: TemplateChunk, _ body: RawSpan, at start: Int, hasher: SegmentHasher, values: inout [Double],
        timestamps: inout [Frame.ExplicitTimestamp], exemplars: inout [ScrapedExemplar]
    ) -> Int? {
        let firstOrdinal = values.count
        let firstTimestamp = timestamps.count
        let firstExemplar = exemplars.count
        values.append(contentsOf: repeatElement(0, count: chunk.lineCount))
        let lineHashes = chunk.hashes
        let lineLengths = chunk.lengths
        let read = readLines(
            lineHashes.span, lineLengths.span, isOpenMetrics: chunk.isOpenMetrics, body, at: start,
            hasher: hasher, firstOrdinal: firstOrdinal, values: &values, timestamps: &timestamps,
            exemplars: &exemplars)
        if read.count < chunk.lineCount {
            values.removeLast(chunk.lineCount)
            timestamps.removeLast(timestamps.count - firstTimestamp)
            exemplars.removeLast(exemplars.count - firstExemplar)
            return nil
        }
        return read.end
    }

    /// Reads lines from `start` on as long as they have these hashes and lengths. Their values go into
    /// `values` from `firstOrdinal` on, which has room for all of them. Returns how many lines are as
    /// expected and where the next line begins.
    static func readLines(
        _ hashes: Span<UInt64>, _ lengths: Span<UInt32>, isOpenMetrics: Bool, _ body: RawSpan, at start: Int,
        hasher: SegmentHasher, firstOrdinal: Int, values: inout [Double],
        timestamps: inout [Frame.ExplicitTimestamp], exemplars: inout [ScrapedExemplar]
    ) -> (count: Int, end: Int) {
        let count = hashes.count
        precondition(lengths.count == count && values.count - firstOrdinal >= count, "a value for each line")
        var column = values.mutableSpan
        // From here on a value and the separator in front of it may be read without asking for the body's
        // end.
        let fastEnd = body.byteCount &- DecimalFloat.prefixReach &- 1
        var position = start
        for index in 0..<count {
            // Safety: `index` is below the count of both, as checked above.
            let length = Int(unsafe lengths[unchecked: index])
            let hash = unsafe hashes[unchecked: index]
            let segmentEnd = position &+ length
            if segmentEnd <= fastEnd {
                if hasher.hash(body, position, length) != hash { return (index, position) }
                if body.uncheckedByte(segmentEnd) == 0x20 {
                    // Safety: the column has a value for each line after `firstOrdinal`, as checked above.
                    let short = DecimalFloat.parseShortLine(body, segmentEnd &+ 1)
                    if short.next >= 0 {
                        unsafe column[unchecked: firstOrdinal &+ index] = short.value
                        position = short.next
                        continue
                    }
                    let number = DecimalFloat.parsePrefix(body, segmentEnd &+ 1)
                    if number.end >= 0, body.uncheckedByte(number.end) == Byte.newline {
                        unsafe column[unchecked: firstOrdinal &+ index] = number.value
                        position = number.end &+ 1
                        continue
                    }
                }
            } else {
                guard segmentEnd <= body.byteCount, hasher.hash(body, position, length) == hash else {
                    return (index, position)
                }
            }
            guard
                let line = isOpenMetrics
                    ? openMetricsLineEnd(body, segmentEnd) : lineEnd(body, segmentEnd)
            else { return (index, position) }
            column[firstOrdinal &+ index] = line.value
            if let timestampMs = line.timestampMs {
                timestamps.append(
                    Frame.ExplicitTimestamp(series: UInt32(firstOrdinal &+ index), timestampMs: timestampMs))
            }
            if let exemplar = line.exemplar {
                exemplars.append(
                    ScrapedExemplar(series: UInt32(firstOrdinal &+ index), exemplar: exemplar))
            }
            position = line.end
        }
        return (count, position)
    }

    /// The same for OpenMetrics: value, timestamp, exemplar.
    @inline(never)
    private static func openMetricsLineEnd(_ body: RawSpan, _ segmentEnd: Int) -> LineEnd? {
        do throws(ScrapeError) {
            let line = try OpenMetricsLineEnd(body, at: segmentEnd)
            return LineEnd(
                value: line.value, timestampMs: line.timestampMs, exemplar: line.exemplar, end: line.end)
        } catch {
            // The parser meets the same fault and says where.
            return nil
        }
    }

    /// Value, optional timestamp and the line's end after a segment, in any spacing; nil for what the parser
    /// must decide, errors included.
    @inline(never)
    private static func lineEnd(_ body: RawSpan, _ segmentEnd: Int) -> LineEnd? {
        // Without white space in between the name could be longer than the segment.
        var offset = skipBlanks(body, segmentEnd)
        guard offset > segmentEnd else { return nil }
        let value: Double
        if offset + DecimalFloat.prefixReach <= body.byteCount,
            case let (number, end) = DecimalFloat.parsePrefix(body, offset), end >= 0,
            Byte.endsValue(body.uncheckedByte(end))
        {
            value = number
            offset = end
        } else {
            let start = offset
            while offset < body.byteCount, !Byte.endsValue(body.uncheckedByte(offset)) { offset += 1 }
            guard let number = DecimalFloat.parse(body, start..<offset) else { return nil }
            value = ScrapeValue.normalized(number)
        }
        offset = skipBlanks(body, offset)
        var timestampMs: Int64?
        let digits = offset
        while offset < body.byteCount, Byte.isDigit(body.uncheckedByte(offset)) {
            // 18 digits fit 64 bits; longer ones are the parser's.
            guard offset - digits < 18 else { return nil }
            timestampMs = (timestampMs ?? 0) * 10 + Int64(body.uncheckedByte(offset) - 0x30)
            offset += 1
        }
        if timestampMs != nil { offset = skipBlanks(body, offset) }
        if offset < body.byteCount {
            guard body.uncheckedByte(offset) == Byte.newline else { return nil }
            offset += 1
        }
        return LineEnd(value: value, timestampMs: timestampMs, end: offset)
    }

    @inline(__always)
    private static func skipBlanks(_ body: RawSpan, _ start: Int) -> Int {
        var offset = start
        while offset < body.byteCount, Byte.isBlank(body.uncheckedByte(offset)) { offset += 1 }
        return offset
    }
}
