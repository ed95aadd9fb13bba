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

    /// Writes `{"name","label"="value",…} 0`.
    mutating func write(
        _ body: RawSpan, _ family: MetricFamilyHeader, _ place: ScrapedSeries.Place
    ) throws(ScrapeError) {
        bytes.removeAll(keepingCapacity: true)
        bytes += Array("{\"".utf8)
        escape(body, family.name)
        let isHistogram = family.kind == .histogram || family.kind == .gaugeHistogram
        switch place.part {
        case .plain, .quantile, .native: break
        case .count: bytes += Array("_count".utf8)
        case .sum: bytes += Array("_sum".utf8)
        case .bucket, .infinity: bytes += Array("_bucket".utf8)
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
        bytes += Array("} 0\n".utf8)
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
        bytes += Array(",\"".utf8)
        escape(body, pair.name)
        bytes += Array("\"=\"".utf8)
        escape(body, pair.value)
        bytes.append(Byte.quote)
    }

    private mutating func append(name: String, _ bound: Double) {
        bytes += Array(",\"\(name)\"=\"\(OpenMetricsFloat.text(bound))\"".utf8)
    }

    private mutating func escape(_ body: RawSpan, _ range: Range<Int>) {
        var start = range.lowerBound
        for offset in range {
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
