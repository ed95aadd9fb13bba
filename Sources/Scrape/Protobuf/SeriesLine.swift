/// Writes a series of a protobuf body as a line of the text format, for the parser and the encoder that make
/// series of new lines: so both formats have one set of rules for what a name is, which labels win and what
/// is relabelled. Only series that have not been seen before come here.
struct SeriesLine {
    /// The line last written.
    private(set) var bytes: [UInt8] = []

    /// Where the bucket after the last one written begins, so that a histogram's buckets are passed over once
    /// and not once for each.
    private var resume = (metricStart: UInt32.max, index: 0, position: 0)

    init() {}

    private static let countSuffix = Array("_count".utf8)
    private static let sumSuffix = Array("_sum".utf8)
    private static let bucketSuffix = Array("_bucket".utf8)
    private static let end = Array("} 0\n".utf8)

    /// Writes `{"name",label="value",…} 0`.
    mutating func write(
        _ body: RawSpan, _ family: MetricFamilyHeader, _ place: ScrapedSeries.Place
    ) throws(ScrapeError) {
        bytes.removeAll(keepingCapacity: true)
        bytes.append(Byte.openBrace)
        bytes.append(Byte.quote)
        escape(body, family.name)
        let isHistogram = family.kind == .histogram || family.kind == .gaugeHistogram
        switch place.part {
        case .plain, .quantile, .native: break
        case .count: bytes += Self.countSuffix
        case .sum: bytes += Self.sumSuffix
        case .bucket, .infinity: bytes += Self.bucketSuffix
        }
        bytes.append(Byte.quote)
        var outer = WireCursor(body, Int(place.metricStart)..<body.byteCount)
        var cursor = WireCursor(body, try outer.bytes(body))
        var content: Range<Int>?
        while let field = try cursor.next(body) {
            switch field.number {
            case 1: try label(body, try cursor.message(field, body))
            case 4 where family.kind == .summary: content = try cursor.message(field, body)
            case 7 where isHistogram: content = try cursor.message(field, body)
            default: try cursor.skip(field.type, body)
            }
        }
        switch place.part {
        case .quantile:
            if let range = try message(body, content, place) {
                append(name: "quantile", try ProtobufDecoder.quantile(body, range).quantile)
            }
        case .bucket:
            if let range = try message(body, content, place) {
                append(name: "le", try HistogramMessage.bucket(body, range).bound)
            }
        case .infinity: append(name: "le", .infinity)
        case .plain, .count, .sum, .native: break
        }
        bytes += Self.end
    }

    /// The field 3 of a summary or histogram that a place means.
    private mutating func message(
        _ body: RawSpan, _ content: Range<Int>?, _ place: ScrapedSeries.Place
    ) throws(ScrapeError) -> Range<Int>? {
        guard let content else { return nil }
        var number = 0
        var start = content.lowerBound
        if resume.metricStart == place.metricStart, resume.index <= place.index {
            number = resume.index
            start = resume.position
        }
        var cursor = WireCursor(body, start..<content.upperBound)
        while let field = try cursor.next(body) {
            guard field.number == 3 else {
                try cursor.skip(field.type, body)
                continue
            }
            let range = try cursor.message(field, body)
            number += 1
            if number > place.index {
                resume = (place.metricStart, number, cursor.position)
                return range
            }
        }
        return nil
    }

    private mutating func label(_ body: RawSpan, _ range: Range<Int>) throws(ScrapeError) {
        let pair = try ProtobufExemplar.label(body, range)
        bytes.append(Byte.comma)
        // A name in quotes is the same label, and takes the parser twice as long.
        if Self.isPlain(body, pair.name) {
            body.append(pair.name, to: &bytes)
        } else {
            bytes.append(Byte.quote)
            escape(body, pair.name)
            bytes.append(Byte.quote)
        }
        bytes.append(Byte.equals)
        bytes.append(Byte.quote)
        escape(body, pair.value)
        bytes.append(Byte.quote)
    }

    private mutating func append(name: String, _ bound: Double) {
        bytes += Array(",\"\(name)\"=\"\(OpenMetricsFloat.text(bound))\"".utf8)
    }

    /// Whether it is letters, digits and underscores, no digit first.
    private static func isPlain(_ body: RawSpan, _ name: Range<Int>) -> Bool {
        !name.isEmpty && Byte.isNameStart(body.byte(name.lowerBound))
            && ExpositionParser.endOfName(body, from: name.lowerBound, colons: false) >= name.upperBound
    }

    private mutating func escape(_ body: RawSpan, _ range: Range<Int>) {
        var start = range.lowerBound
        var plain = start
        while plain < range.upperBound, plain + 8 <= body.byteCount {
            let count = Byte.quotedBytes(in: body.uncheckedWord64(plain), lines: true)
            plain += count
            if count < 8 { break }
        }
        for offset in min(plain, range.upperBound)..<range.upperBound {
            let byte = body.byte(offset)
            guard byte == Byte.quote || byte == Byte.backslash || byte == Byte.newline else { continue }
            body.append(start..<offset, to: &bytes)
            bytes.append(Byte.backslash)
            bytes.append(byte == Byte.newline ? UInt8(ascii: "n") : byte)
            start = offset + 1
        }
        body.append(start..<range.upperBound, to: &bytes)
    }
}
