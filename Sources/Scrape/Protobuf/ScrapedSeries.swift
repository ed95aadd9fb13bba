import MetricModel

/// The series of a protobuf body in their order, as columns: enough to know each again, its value, and where
/// its labels are. 24 bytes a series, whatever the labels take.
struct ScrapedSeries {
    /// Which of the series of a metric one is.
    enum Part: UInt32 {
        /// The metric itself: a counter, a gauge, an untyped one.
        case plain
        case count, sum
        /// A quantile of a summary, a bucket of a histogram.
        case quantile, bucket
        /// The bucket that a histogram ends with when it does not show it.
        case infinity
        /// A native histogram, or a classic one made into one.
        case native
    }

    /// Where the metric is found again.
    struct Place {
        /// Where the length of the metric's message stands.
        let metricStart: UInt32
        /// Three bits of part, the rest the index of the quantile or bucket.
        private let code: UInt32

        init(metricStart: Int, part: Part, index: Int) {
            self.metricStart = UInt32(metricStart)
            code = UInt32(index) << 3 | part.rawValue
        }

        var part: Part { Part(rawValue: code & 7) ?? .plain }
        var index: Int { Int(code >> 3) }
    }

    /// Series of one body at most: as many as a layout may have in the buffer.
    static let maxSeries = 1 << 24
    /// Bytes of a series in the columns.
    static let seriesBytes = 24

    /// Keyed hashes of what makes a series: family, labels, part and bound.
    private(set) var keys: [UInt64] = []
    private(set) var values: [Double] = []
    private(set) var places: [Place] = []
    private(set) var families: [MetricFamilyHeader] = []
    private(set) var timestamps: [Frame.ExplicitTimestamp] = []
    private(set) var histograms: [Frame.Histogram] = []
    private(set) var exemplars: [Frame.SeriesExemplar] = []
    private(set) var starts: [Frame.StartTimestamp] = []
    /// Bytes of the arrays of `histograms` and `exemplars`.
    private var ownBytes = 0

    /// `expected` is how many there were the last time.
    init(expected: Int) {
        keys.reserveCapacity(expected)
        values.reserveCapacity(expected)
        places.reserveCapacity(expected)
    }

    var count: Int { keys.count }

    /// Bytes that the columns take, without their room to grow, which is not resident.
    var heldBytes: Int {
        func bytes<Element>(_ column: [Element]) -> Int { MemoryLayout<Element>.stride * column.count }
        return Self.seriesBytes * count + bytes(families) + bytes(timestamps) + bytes(histograms)
            + bytes(exemplars) + bytes(starts) + ownBytes
    }

    mutating func begin(_ family: MetricFamilyHeader) {
        var family = family
        family.firstSeries = count
        families.append(family)
    }

    /// What holds for every series of one metric.
    struct Metric {
        /// Where the length of its message stands.
        var start = 0
        var key: UInt64 = 0
        /// 0 is none: proto3 as Go reads it knows no other absence.
        var timestampMs: Int64 = 0
        var startMs: Int64?
    }

    @inline(__always)
    mutating func append(_ value: Double, key: UInt64, _ part: Part, index: Int = 0, _ metric: Metric) {
        let ordinal = UInt32(truncatingIfNeeded: keys.count)
        if metric.timestampMs != 0 {
            timestamps.append(.init(series: ordinal, timestampMs: metric.timestampMs))
        }
        if let startMs = metric.startMs { starts.append(.init(series: ordinal, timestampMs: startMs)) }
        keys.append(key)
        values.append(ScrapeValue.normalized(value))
        places.append(Place(metricStart: metric.start, part: part, index: index))
    }

    /// Beside the last series.
    mutating func append(_ exemplar: Exemplar) {
        ownBytes += Self.arrayBytes + exemplar.encodedLabels.count
        exemplars.append(.init(series: UInt32(keys.count - 1), exemplar: exemplar))
    }

    /// The last series is this histogram.
    mutating func append(_ histogram: NativeHistogram) {
        ownBytes += 4 * Self.arrayBytes + 8 * histogram.partCount
        var histogram = histogram
        histogram.sum = values[values.count - 1]
        histograms.append(.init(series: UInt32(keys.count - 1), histogram: histogram))
    }

    /// What an array takes beside its elements.
    private static let arrayBytes = 32

    /// The values and what follows them, handed over.
    mutating func takeValues() -> [Double] {
        defer { values = [] }
        return values
    }
}

extension NativeHistogram {
    /// Spans, buckets and bounds, each of which is eight bytes.
    fileprivate var partCount: Int {
        let buckets =
            switch counts {
            case .integer(_, _, let positive, let negative): positive.count + negative.count
            case .float(_, _, let positive, let negative): positive.count + negative.count
            }
        return buckets + positiveSpans.count + negativeSpans.count + customValues.count
    }
}
