import MetricModel

/// Reads a body of delimited io.prometheus.client.MetricFamily messages
/// (Protos/io/prometheus/client/metrics.proto) into series, as Prometheus' own parser makes them of it: a
/// summary and a classic histogram are their `_count`, `_sum`, then quantiles or buckets; a native histogram
/// is one series.
struct ProtobufDecoder {
    let options: HistogramOptions
    let hasher: SegmentHasher
    let keepsExemplars: Bool
    private(set) var series: ScrapedSeries
    /// Of the family being read: its key, and that of its first metric, into which all that it says goes.
    private var familyKey: UInt64 = 0
    private var headerKey: UInt64 = 0
    private var histogram = HistogramMessage()
    /// What the columns may take; nil without a bound.
    private let memory: PageMemory?
    /// The place in the body at which they are measured next, so that it is not done for each series.
    private var nextCheck = ProtobufDecoder.checkedBytes

    /// The columns grow by 2 MiB at most over so much of a body: a series is two bytes of it at the least.
    private static let checkedBytes = 64 << 10
    /// The same of one message, in series.
    private static let checkedSeries = 16_384

    init(
        options: HistogramOptions, keepsExemplars: Bool, hasher: SegmentHasher, expected: Int,
        memory: PageMemory? = nil
    ) {
        self.memory = memory
        self.options = options
        self.keepsExemplars = keepsExemplars
        self.hasher = hasher
        series = ScrapedSeries(expected: expected)
    }

    /// The series read, handed over.
    mutating func takeSeries() -> ScrapedSeries {
        defer { series = ScrapedSeries(expected: 0) }
        return series
    }

    /// Reads the whole body.
    mutating func read(_ body: RawSpan) throws(ScrapeError) {
        var cursor = WireCursor(body, 0..<body.byteCount)
        while !cursor.isAtEnd {
            let range = try cursor.bytes(body)
            let family = try MetricFamilyHeader(body, range)
            if family.metricCount > 0 { try read(family, body, range) }
        }
        // What the last message came to.
        try memory?.check(series.heldBytes)
    }

    private mutating func read(
        _ family: MetricFamilyHeader, _ body: RawSpan, _ range: Range<Int>
    ) throws(ScrapeError) {
        series.begin(family)
        familyKey = hasher.combine(
            hasher.hash(body, family.name.lowerBound, family.name.count), family.kind.rawValue)
        // Metadata that changes makes the family's first series another: they are kept beside it.
        headerKey = hasher.combine(
            hasher.hash(body, family.help.lowerBound, family.help.count),
            hasher.hash(body, family.unit.lowerBound, family.unit.count))
        var cursor = WireCursor(body, range)
        while let field = try cursor.next(body) {
            guard field.number == 4 else {
                try cursor.skip(field.type, body)
                continue
            }
            let start = cursor.position
            if start >= nextCheck {
                nextCheck = start + Self.checkedBytes
                try memory?.check(series.heldBytes)
            }
            try readMetric(family, body, start, try cursor.message(field, body))
            guard series.count <= ScrapedSeries.maxSeries else {
                throw WireCursor.malformed("there are more than \(ScrapedSeries.maxSeries) series", start)
            }
        }
    }

    private mutating func readMetric(
        _ family: MetricFamilyHeader, _ body: RawSpan, _ start: Int, _ range: Range<Int>
    ) throws(ScrapeError) {
        var cursor = WireCursor(body, range)
        var labelStart = range.lowerBound
        var labelEnd = range.lowerBound
        var labelKey: UInt64 = 0
        var content: Range<Int>?
        var metric = ScrapedSeries.Metric()
        metric.start = start
        let wanted = Self.contentField(family.kind)
        while true {
            let fieldStart = cursor.position
            guard let field = try cursor.next(body) else { break }
            switch field.number {
            case 1:
                _ = try cursor.message(field, body)
                // A run of labels is hashed as one; elsewhere in the message another run goes in.
                if fieldStart != labelEnd {
                    labelKey = runKey(body, labelStart..<labelEnd, labelKey)
                    labelStart = fieldStart
                }
                labelEnd = cursor.position
            case 2, 3, 4, 5, 7:
                let message = try cursor.message(field, body)
                if field.number == wanted { content = message }
            case 6: metric.timestampMs = Int64(bitPattern: try cursor.integer(field, body))
            default: try cursor.skip(field.type, body)
            }
        }
        metric.key = hasher.combine(familyKey, runKey(body, labelStart..<labelEnd, labelKey))
        if headerKey != 0 {
            metric.key = hasher.combine(metric.key, headerKey)
            headerKey = 0
        }
        let message = content ?? range.upperBound..<range.upperBound
        switch family.kind {
        case .counter, .gauge, .untyped: try readSimple(family.kind, body, message, &metric)
        case .summary: try readSummary(body, message, &metric)
        case .histogram, .gaugeHistogram: try readHistogram(family, body, message, &metric)
        }
    }

    private static func contentField(_ kind: MetricFamilyHeader.Kind) -> Int {
        switch kind {
        case .gauge: 2
        case .counter: 3
        case .summary: 4
        case .untyped: 5
        case .histogram, .gaugeHistogram: 7
        }
    }

    @inline(__always)
    private func runKey(_ body: RawSpan, _ run: Range<Int>, _ before: UInt64) -> UInt64 {
        run.isEmpty ? before : hasher.combine(before, hasher.hash(body, run.lowerBound, run.count))
    }

    @inline(__always)
    private func key(
        _ metric: ScrapedSeries.Metric, _ part: ScrapedSeries.Part, bound: Double = 0
    ) -> UInt64 {
        // A bucket of no bound shown and one of +Inf are the same series.
        let number = part == .infinity ? ScrapedSeries.Part.bucket.rawValue : part.rawValue
        return hasher.combine(metric.key &+ UInt64(number), bound.bitPattern)
    }

    private mutating func readSimple(
        _ kind: MetricFamilyHeader.Kind, _ body: RawSpan, _ range: Range<Int>,
        _ metric: inout ScrapedSeries.Metric
    ) throws(ScrapeError) {
        var cursor = WireCursor(body, range)
        var value = 0.0
        var exemplar: Range<Int>?
        while let field = try cursor.next(body) {
            switch (field.number, kind) {
            case (1, _): value = try cursor.double(field, body)
            case (2, .counter): exemplar = try cursor.message(field, body)
            case (3, .counter):
                metric.startMs = try ProtobufExemplar.timestampMs(body, try cursor.message(field, body))
            default: try cursor.skip(field.type, body)
            }
        }
        series.append(value, key: key(metric, .plain), .plain, metric)
        if keepsExemplars, let exemplar { try append(exemplar, body, needsTime: false) }
    }

    private mutating func readSummary(
        _ body: RawSpan, _ range: Range<Int>, _ metric: inout ScrapedSeries.Metric
    ) throws(ScrapeError) {
        var cursor = WireCursor(body, range)
        var count: UInt64 = 0
        var sum = 0.0
        // The quantiles stand behind count and sum, and what holds for all of them may stand behind: twice.
        while let field = try cursor.next(body) {
            switch field.number {
            case 1: count = try cursor.integer(field, body)
            case 2: sum = try cursor.double(field, body)
            case 4: metric.startMs = try ProtobufExemplar.timestampMs(body, try cursor.message(field, body))
            default: try cursor.skip(field.type, body)
            }
        }
        series.append(Double(count), key: key(metric, .count), .count, metric)
        series.append(sum, key: key(metric, .sum), .sum, metric)
        cursor = WireCursor(body, range)
        var index = 0
        while let field = try cursor.next(body) {
            guard field.number == 3 else {
                try cursor.skip(field.type, body)
                continue
            }
            let (quantile, value) = try Self.quantile(body, try cursor.message(field, body))
            series.append(
                value, key: key(metric, .quantile, bound: quantile), .quantile, index: index, metric)
            index += 1
            if index % Self.checkedSeries == 0 { try memory?.check(series.heldBytes) }
        }
    }

    /// A Quantile's two numbers.
    static func quantile(
        _ body: RawSpan, _ range: Range<Int>
    ) throws(ScrapeError) -> (quantile: Double, value: Double) {
        var cursor = WireCursor(body, range)
        var result = (quantile: 0.0, value: 0.0)
        while let field = try cursor.next(body) {
            switch field.number {
            case 1: result.quantile = try cursor.double(field, body)
            case 2: result.value = try cursor.double(field, body)
            default: try cursor.skip(field.type, body)
            }
        }
        return result
    }

    // MARK: histograms

    private mutating func readHistogram(
        _ family: MetricFamilyHeader, _ body: RawSpan, _ range: Range<Int>,
        _ metric: inout ScrapedSeries.Metric
    ) throws(ScrapeError) {
        let hasNative = try histogram.read(body, range, memory: memory, pageBytes: series.heldBytes)
        let isNative = hasNative && options.scrapesNative
        if histogram.buckets.count >= Self.checkedSeries {
            // Each bucket becomes a series. Where a native histogram is made of the buckets, they are held a
            // second time meanwhile.
            let bucketBytes = ScrapedSeries.seriesBytes + (options.convertsClassic ? 48 : 0)
            try memory?.check(
                series.heldBytes + histogram.heldBytes + bucketBytes * histogram.buckets.count)
        }
        metric.startMs = histogram.startMs
        let hint: NativeHistogram.ResetHint = family.kind == .gaugeHistogram ? .gauge : .unknown
        if isNative {
            series.append(histogram.sum, key: key(metric, .native), .native, metric)
            series.append(try histogram.native(body, hint: hint))
        } else if options.convertsClassic {
            var classic = ClassicHistogram()
            classic.set(count: histogram.count)
            classic.set(sum: histogram.sum)
            for bucket in histogram.buckets { classic.add(bound: bucket.bound, count: bucket.count) }
            guard let converted = classic.converted(hint: hint) else {
                throw WireCursor.malformed(
                    "histogram \(body.excerpt(family.name)) cannot become a native one: "
                        + (classic.fault ?? ""), range.lowerBound)
            }
            series.append(histogram.sum, key: key(metric, .native), .native, metric)
            series.append(converted)
        }
        if isNative || options.convertsClassic {
            if keepsExemplars { try appendNativeExemplars(body) }
            guard options.alwaysScrapesClassic, !histogram.buckets.isEmpty else { return }
        }
        try appendClassic(body, metric)
    }

    private mutating func appendClassic(
        _ body: RawSpan, _ metric: ScrapedSeries.Metric
    ) throws(ScrapeError) {
        series.append(histogram.count, key: key(metric, .count), .count, metric)
        series.append(histogram.sum, key: key(metric, .sum), .sum, metric)
        for (index, bucket) in histogram.buckets.enumerated() {
            series.append(
                bucket.count, key: key(metric, .bucket, bound: bucket.bound), .bucket, index: index, metric)
            if keepsExemplars, let exemplar = bucket.exemplar {
                try append(exemplar, body, needsTime: false)
            }
            if bucket.bound == .infinity { return }
        }
        series.append(
            histogram.count, key: key(metric, .infinity, bound: .infinity), .infinity, metric)
    }

    /// A native histogram's own exemplars, or where it has none those of its buckets; without a time they are
    /// left out.
    private mutating func appendNativeExemplars(_ body: RawSpan) throws(ScrapeError) {
        if histogram.exemplars.isEmpty {
            for bucket in histogram.buckets {
                if let exemplar = bucket.exemplar { try append(exemplar, body, needsTime: true) }
            }
        } else {
            for exemplar in histogram.exemplars { try append(exemplar, body, needsTime: true) }
        }
    }

    private mutating func append(
        _ range: Range<Int>, _ body: RawSpan, needsTime: Bool
    ) throws(ScrapeError) {
        guard let exemplar = try ProtobufExemplar.exemplar(body, range),
            !needsTime || exemplar.timestampMs != nil
        else { return }
        // A message may have an exemplar for each of a million buckets.
        if series.exemplars.count % 4_096 == 0 { try memory?.check(series.heldBytes + histogram.heldBytes) }
        series.append(exemplar)
    }
}
