import MetricModel

/// Reads exemplars and times of a protobuf body.
enum ProtobufExemplar {
    /// Nil for one with more labels than an exemplar may have, or a label twice: it is left out, and the
    /// scrape goes on (prometheus/tsdb/agent, AppendExemplar).
    static func exemplar(_ body: RawSpan, _ range: Range<Int>) throws(ScrapeError) -> Exemplar? {
        var cursor = WireCursor(body, range)
        var labels = LabelSet()
        var characters = 0
        var isGood = true
        var value = 0.0
        var timestampMs: Int64?
        while let field = try cursor.next(body) {
            switch field.number {
            case 1:
                let pair = try label(body, try cursor.message(field, body))
                guard isGood, !pair.value.isEmpty else { continue }
                guard pair.name.count + pair.value.count <= Exemplar.maxLabelCharacters * 4,
                    UTF8Check.isValid(body, pair.name), UTF8Check.isValid(body, pair.value)
                else {
                    isGood = false
                    continue
                }
                let name = string(body, pair.name)
                let text = string(body, pair.value)
                characters += name.unicodeScalars.count + text.unicodeScalars.count
                isGood = characters <= Exemplar.maxLabelCharacters && labels[name] == nil && !name.isEmpty
                if isGood { labels[name] = text }
            case 2: value = try cursor.double(field, body)
            case 3: timestampMs = try self.timestampMs(body, try cursor.message(field, body))
            default: try cursor.skip(field.type, body)
            }
        }
        return isGood
            ? Exemplar(labels: labels, value: ScrapeValue.normalized(value), timestampMs: timestampMs) : nil
    }

    /// A LabelPair's two texts.
    static func label(
        _ body: RawSpan, _ range: Range<Int>
    ) throws(ScrapeError) -> (name: Range<Int>, value: Range<Int>) {
        var cursor = WireCursor(body, range)
        var result = (name: range.upperBound..<range.upperBound, value: range.upperBound..<range.upperBound)
        while let field = try cursor.next(body) {
            switch field.number {
            case 1: result.name = try cursor.message(field, body)
            case 2: result.value = try cursor.message(field, body)
            default: try cursor.skip(field.type, body)
            }
        }
        return result
    }

    /// A google.protobuf.Timestamp in whole milliseconds; wraps where Go does.
    static func timestampMs(_ body: RawSpan, _ range: Range<Int>) throws(ScrapeError) -> Int64 {
        var cursor = WireCursor(body, range)
        var seconds: Int64 = 0
        var nanoseconds: Int32 = 0
        while let field = try cursor.next(body) {
            switch field.number {
            case 1: seconds = Int64(bitPattern: try cursor.integer(field, body))
            case 2: nanoseconds = Int32(truncatingIfNeeded: try cursor.integer(field, body))
            default: try cursor.skip(field.type, body)
            }
        }
        return seconds &* 1_000 &+ Int64(nanoseconds / 1_000_000)
    }

    private static func string(_ body: RawSpan, _ range: Range<Int>) -> String {
        var bytes: [UInt8] = []
        body.append(range, to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }
}
