/// What a MetricFamily says once for all its metrics.
struct MetricFamilyHeader {
    /// io.prometheus.client.MetricType.
    enum Kind: UInt64 {
        case counter = 0
        case gauge, summary, untyped, histogram, gaugeHistogram

        /// Prometheus' word for it.
        var word: String {
            switch self {
            case .counter: "counter"
            case .gauge: "gauge"
            case .summary: "summary"
            case .untyped: "unknown"
            case .histogram: "histogram"
            case .gaugeHistogram: "gaugehistogram"
            }
        }
    }

    var name = 0..<0
    var help = 0..<0
    var unit = 0..<0
    var kind = Kind.counter
    var metricCount = 0
    /// The ordinal of its first series in the body.
    var firstSeries = 0

    /// Reads everything but the metrics, which may stand between.
    init(_ body: RawSpan, _ range: Range<Int>) throws(ScrapeError) {
        var cursor = WireCursor(body, range)
        var kindNumber: UInt64 = 0
        while let field = try cursor.next(body) {
            switch field.number {
            case 1: name = try cursor.message(field, body)
            case 2: help = try cursor.message(field, body)
            case 3: kindNumber = try cursor.integer(field, body)
            case 4:
                _ = try cursor.message(field, body)
                metricCount += 1
            case 5: unit = try cursor.message(field, body)
            default: try cursor.skip(field.type, body)
            }
        }
        // A family without metrics says nothing, whatever else is wrong with it.
        guard metricCount > 0 else { return }
        guard !name.isEmpty, UTF8Check.isValid(body, name) else {
            throw WireCursor.malformed(
                "\"\(body.excerpt(name))\" is no metric name: it must be UTF-8 and not empty",
                range.lowerBound)
        }
        guard let kind = Kind(rawValue: kindNumber) else {
            throw WireCursor.malformed(
                "metric family \(body.excerpt(name)): \(kindNumber) is no metric type", range.lowerBound)
        }
        self.kind = kind
        guard UTF8Check.isValid(body, help) else {
            throw WireCursor.malformed(
                "metric family \(body.excerpt(name)): the help text is not UTF-8", range.lowerBound)
        }
        guard unit.isEmpty || hasUnitSuffix(body) else {
            throw WireCursor.malformed(
                "metric family \(body.excerpt(name)): the unit \"\(body.excerpt(unit))\" is no suffix of it",
                range.lowerBound)
        }
    }

    /// What it says beside its metrics, as text formats say it in comments.
    var comments: [FamilyMetadata.Kind] {
        var kinds: [FamilyMetadata.Kind] = [.type]
        if !help.isEmpty { kinds.append(.help) }
        if !unit.isEmpty { kinds.append(.unit) }
        return kinds
    }

    /// The text of one of `comments`, a long one as far as it is kept.
    func text(_ comment: FamilyMetadata.Kind, _ body: RawSpan) -> [UInt8] {
        switch comment {
        case .type: Array(kind.word.utf8)
        // What is cut is told from what ends there by the bytes behind.
        case .help: body.copy(help.prefix(PackedMetadata.maxTextBytes + 4))
        case .unit: body.copy(unit)
        }
    }

    /// `_unit` at the name's end; of a counter before its `_total`.
    private func hasUnitSuffix(_ body: RawSpan) -> Bool {
        var end = name.upperBound
        if kind == .counter, name.count >= 6, body.hasPrefix("_total", at: end - 6) { end -= 6 }
        let start = end - unit.count
        guard start > name.lowerBound, body.byte(start - 1) == UInt8(ascii: "_") else { return false }
        return unit.indices.allSatisfy { body.byte($0) == body.byte(start + $0 - unit.lowerBound) }
    }
}
