import MetricModel

/// What a body came to, whatever its format.
struct ReadBody {
    /// The templates that it is made of, in order.
    var chunks: [TemplateChunk]
    /// Samples that the target exposes, those included that rules drop.
    var lineCount: Int
    /// A value for each line that is kept.
    var values: [Double]
    /// The timestamps that lines carry, ascending by line.
    var timestamps: [Frame.ExplicitTimestamp]
    /// Lines that were not as the scrape before had them.
    var parsedLines: Int
    /// Lines of a body of text that are not in the format and were skipped.
    var skippedLines = 0
    /// Samples that are left out because memory is short.
    var shedCount = 0
    /// Whether it was read by the chunks of another target, although the target had chunks of its own.
    var isByOthers = false
    /// Exemplars of a body of text, still in it.
    var scrapedExemplars: [ScrapedExemplar] = []
    /// Series of classic histograms that could not be converted: they have no sample. Ascending.
    var unconverted: [UInt32] = []
    /// Native histograms, those made of classic ones among them.
    var histograms: [Frame.Histogram] = []
    /// Exemplars of a protobuf body.
    var exemplars: [Frame.SeriesExemplar] = []
    /// When series began: of a protobuf body, and of OpenMetrics where its `_created` lines are read as such.
    var startTimestamps: [Frame.StartTimestamp] = []
    /// For each series of a protobuf body, what makes it that series.
    var keys: [UInt64] = []
    var isProtobuf = false
    /// What the page means by its order, where it was read by that.
    var page: PageChange?
    /// What an order of the page is made of, where one is wanted.
    var record: PageRecord?
    /// Whether one was wanted: there is no record where lines were passed over.
    var wantsOrder = false
    /// Whether there was an order and the page could not be read by it.
    var hasDefiedOrder = false

    init(_ page: consuming PageChange) {
        chunks = page.chunks
        lineCount = page.order.lineCount
        parsedLines = page.work.parsedLines
        timestamps = page.timestamps
        scrapedExemplars = page.exemplars
        values = page.takeValues()
        self.page = page
    }

    /// A protobuf body that was read by its order. `keepsKeys` where exemplars are kept.
    init(_ page: PageChange, _ series: ScrapedSeries, keepsKeys: Bool) {
        self.init(page)
        let ordinals = page.order.ordinals
        histograms = Self.moved(series.histograms, \.series, to: ordinals) {
            Frame.Histogram(series: $1, histogram: $0.histogram)
        }
        if keepsKeys {
            keys = Array(repeating: 0, count: values.count)
            for (line, ordinal) in ordinals.enumerated() where ordinal != PageOrder.noSeries {
                keys[Int(ordinal)] = series.keys[line]
            }
            exemplars = Self.moved(series.exemplars, \.series, to: ordinals) {
                Frame.SeriesExemplar(series: $1, exemplar: $0.exemplar)
            }
        }
    }

    /// What stands beside lines, beside the lines' series; ascending again, those of one series in their
    /// order. What rules drop is left out.
    private static func moved<Entry>(
        _ entries: [Entry], _ line: KeyPath<Entry, UInt32>, to ordinals: [UInt32],
        _ make: (Entry, UInt32) -> Entry
    ) -> [Entry] {
        let kept = entries.filter { ordinals[Int($0[keyPath: line])] != PageOrder.noSeries }
        let places = kept.map { ordinals[Int($0[keyPath: line])] }
        let order = places.indices.sorted { (places[$0], $0) < (places[$1], $1) }
        return order.map { make(kept[$0], places[$0]) }
    }

    /// Samples that rules leave.
    var keptCount: Int { page?.keptCount ?? values.count - unconverted.count }

    init(_ reader: consuming BodyReader) {
        chunks = reader.chunks
        lineCount = reader.sampleCount
        parsedLines = reader.parsedLines
        timestamps = reader.timestamps
        histograms = reader.outcome.histograms
        unconverted = reader.outcome.unconverted
        scrapedExemplars = reader.exemplars
        startTimestamps = reader.starts
        skippedLines = reader.skippedLines
        shedCount = reader.passedOverCount
        record = reader.record
        values = reader.takeValues()
    }

    init(_ reader: consuming ProtobufBodyReader) {
        chunks = reader.chunks
        parsedLines = reader.parsedLines
        var series = reader.takeSeries()
        timestamps = series.timestamps
        histograms = series.histograms
        exemplars = series.exemplars
        startTimestamps = series.starts
        keys = series.keys
        record = reader.record
        isProtobuf = true
        values = series.takeValues()
        lineCount = values.count
        shedCount = reader.passedOverCount
        // Before those of chunks, which do not count them.
        let passedOver = reader.passedOver
        if !passedOver.isEmpty { remove(passedOver) }
        let dropped = DroppedLines.of(chunks)
        if !dropped.isEmpty { remove(dropped) }
    }

    /// Takes out the series of a protobuf body that rules drop: ordinals of lines, ascending.
    private mutating func remove(_ dropped: [UInt32]) {
        DroppedLines.remove(dropped, from: &values)
        DroppedLines.remove(dropped, from: &keys)
        timestamps = DroppedLines.renumbered(timestamps, without: dropped, \.series) {
            Frame.ExplicitTimestamp(series: $1, timestampMs: $0.timestampMs)
        }
        histograms = DroppedLines.renumbered(histograms, without: dropped, \.series) {
            Frame.Histogram(series: $1, histogram: $0.histogram)
        }
        exemplars = DroppedLines.renumbered(exemplars, without: dropped, \.series) {
            Frame.SeriesExemplar(series: $1, exemplar: $0.exemplar)
        }
        startTimestamps = DroppedLines.renumbered(startTimestamps, without: dropped, \.series) {
            Frame.StartTimestamp(series: $1, timestampMs: $0.timestampMs)
        }
    }

    /// Whether no line differs from `before`'s, and none is missing.
    func isUnchanged(from before: [TemplateChunk]) -> Bool {
        page?.isUnchanged ?? (parsedLines == 0 && chunks.count == before.count && !isByOthers)
    }

    /// The histograms that `absent` leaves, within the job's limits; throws when one is none, or has too many
    /// buckets: then the scrape fails, as in Prometheus.
    func keptHistograms(
        absent: [UInt32], options: HistogramOptions
    ) throws(ScrapeError) -> [Frame.Histogram] {
        guard !histograms.isEmpty else { return [] }
        var result: [Frame.Histogram] = []
        result.reserveCapacity(histograms.count)
        var next = 0
        for entry in histograms {
            while next < absent.count, absent[next] < entry.series { next += 1 }
            if next < absent.count, absent[next] == entry.series { continue }
            guard
                let histogram = entry.histogram.limited(
                    maxSchema: options.maxSchema, bucketLimit: options.bucketLimit)
            else {
                throw ScrapeError(
                    .bucketLimit,
                    "a native histogram has more than native_histogram_bucket_limit,"
                        + " \(options.bucketLimit) buckets, at the coarsest resolution")
            }
            if let fault = histogram.fault {
                throw ScrapeError(.histogram, "a native histogram is invalid: \(fault)")
            }
            result.append(Frame.Histogram(series: entry.series, histogram: histogram))
        }
        return result
    }
}
