/// What stands behind a sample's name and labels in OpenMetrics: a value, and as may be a timestamp in
/// seconds and an exemplar, with exactly one space in front of each, and the newline. Read for lines that
/// are known and lines that are not, so both follow one rule: that of Prometheus' parser.
struct OpenMetricsLineEnd {
    /// An exemplar as it stands in the body.
    struct Exemplar: Equatable {
        /// Between the braces.
        var labels: Range<Int>
        var value: Double
        var timestampMs: Int64?
    }

    /// Bytes of one exemplar's labels; a bound against lines made to exhaust time. What an exemplar may hold
    /// beyond 128 characters is left out later on.
    static let maxExemplarBytes = 1 << 16

    private(set) var value = 0.0
    private(set) var timestampMs: Int64?
    private(set) var exemplar: Exemplar?
    /// The start of the next line.
    private(set) var end: Int

    init(_ body: RawSpan, at start: Int) throws(ScrapeError) {
        end = start
        // A target's own NaN must not look like a stale marker.
        value = ScrapeValue.normalized(try number(body, "a value is expected after the metric"))
        guard let separator = byte(body) else { throw unfinished() }
        if separator == Byte.newline {
            end += 1
            return
        }
        if !beginsExemplar(body) {
            timestampMs = try timestamp(body)
            if byte(body) == Byte.newline {
                end += 1
                return
            }
        }
        guard beginsExemplar(body) else {
            if byte(body) == nil { throw unfinished() }
            throw unexpected(body, "a timestamp, an exemplar or the end of the line is expected")
        }
        try readExemplar(body)
    }

    private func beginsExemplar(_ body: RawSpan) -> Bool { body.hasPrefix(" # {", at: end) }

    private mutating func readExemplar(_ body: RawSpan) throws(ScrapeError) {
        let start = end + 4
        var labels = OpenMetricsLabels(body, at: start, limit: Self.maxExemplarBytes)
        while let label = try labels.next(body, isExemplar: true) {
            guard label.value != nil else {
                throw ScrapeError("= is expected after an exemplar's label name", offset: labels.position)
            }
        }
        end = labels.position
        let value = try number(body, "a value is expected after the exemplar's labels")
        var found = Exemplar(
            labels: start..<labels.position - 1, value: ScrapeValue.normalized(value), timestampMs: nil)
        if byte(body) == 0x20 { found.timestampMs = try timestamp(body) }
        guard let last = byte(body) else { throw unfinished() }
        guard last == Byte.newline else {
            throw unexpected(body, "a timestamp or the end of the line is expected after the exemplar")
        }
        end += 1
        exemplar = found
    }

    /// A space and a number up to the next space or newline.
    private mutating func number(_ body: RawSpan, _ expectation: String) throws(ScrapeError) -> Double {
        guard byte(body) == 0x20 else {
            if byte(body) == nil { throw unfinished() }
            throw unexpected(body, expectation)
        }
        end += 1
        if end + DecimalFloat.prefixReach <= body.byteCount {
            let short = DecimalFloat.parsePrefix(body, end)
            if short.end >= 0, Self.endsNumber(body.uncheckedByte(short.end)) {
                end = short.end
                return short.value
            }
        }
        let start = end
        while end < body.byteCount, !Self.endsNumber(body.uncheckedByte(end)) { end += 1 }
        guard end > start else { throw unexpected(body, expectation) }
        guard let result = DecimalFloat.parse(body, start..<end) else {
            throw ScrapeError("\"\(body.excerpt(start..<end))\" is no number", offset: start)
        }
        return result
    }

    /// Seconds to milliseconds, what is left of them cut off. What 64 bits do not hold becomes the smallest
    /// number, as on Prometheus' most common processors: such a sample is out of order.
    private mutating func timestamp(_ body: RawSpan) throws(ScrapeError) -> Int64 {
        let start = end
        let seconds = try number(body, "a timestamp is expected")
        guard seconds.isFinite else {
            throw ScrapeError("\"\(body.excerpt(start + 1..<end))\" is no timestamp", offset: start)
        }
        return Int64(exactly: (seconds * 1_000).rounded(.towardZero)) ?? Int64.min
    }

    private func byte(_ body: RawSpan) -> UInt8? {
        end < body.byteCount ? body.uncheckedByte(end) : nil
    }

    @inline(__always)
    private static func endsNumber(_ byte: UInt8) -> Bool { byte == 0x20 || byte == Byte.newline }

    private func unfinished() -> ScrapeError { .missingEOF(offset: end) }

    private func unexpected(_ body: RawSpan, _ reason: String) -> ScrapeError {
        ScrapeError(
            "\(reason), found \"\(body.excerpt(end..<min(end + 16, body.byteCount)))\"", offset: end)
    }
}

extension ScrapeError {
    /// A body that breaks off: an OpenMetrics exporter that died half way must not look like one that lost
    /// series.
    static func missingEOF(offset: Int) -> ScrapeError {
        ScrapeError(missingEOFMessage, offset: offset)
    }

    var isMissingEOF: Bool { code == .exposition && message == Self.missingEOFMessage }

    private static let missingEOFMessage = "the body does not end with # EOF"
}
