/// One scrape: a target, its layout, a timestamp and a column of values. What rarely occurs stands in side
/// lists.
///
/// A frame of a failed scrape holds the layout of the scrape before it with every value a stale marker, and
/// the report series.
public struct Frame: Sendable {
    /// A sample with a timestamp of its own.
    public struct ExplicitTimestamp: Sendable, Equatable {
        /// The series' ordinal in the layout.
        public let series: UInt32
        public let timestampMs: Int64

        public init(series: UInt32, timestampMs: Int64) {
            self.series = series
            self.timestampMs = timestampMs
        }
    }

    /// Series of an earlier layout that are not in this one: each gets a stale marker at the frame's
    /// timestamp.
    public struct Departed: Sendable {
        public let chunk: LayoutChunk
        /// Ordinals in the chunk, ascending, each once.
        public let series: [UInt32]

        public init(chunk: LayoutChunk, series: [UInt32]) {
            self.chunk = chunk
            self.series = series
        }
    }

    /// The sample of a series that is a native histogram. Its sum stands in the column, too.
    public struct Histogram: Sendable, Equatable {
        /// The series' ordinal in the layout, which says that it is a histogram.
        public let series: UInt32
        public let histogram: NativeHistogram

        public init(series: UInt32, histogram: NativeHistogram) {
            self.series = series
            self.histogram = histogram
        }
    }

    /// An exemplar beside a sample. It goes with the sample and is no sample of its own.
    public struct SeriesExemplar: Sendable, Equatable {
        /// The series' ordinal in the layout.
        public let series: UInt32
        public let exemplar: Exemplar

        public init(series: UInt32, exemplar: Exemplar) {
            self.series = series
            self.exemplar = exemplar
        }
    }

    /// When a cumulative series began to count.
    public struct StartTimestamp: Sendable, Equatable {
        /// The series' ordinal in the layout.
        public let series: UInt32
        public let timestampMs: Int64

        public init(series: UInt32, timestampMs: Int64) {
            self.series = series
            self.timestampMs = timestampMs
        }
    }

    public let target: Target
    public let layout: Layout
    /// Milliseconds since 1970.
    public let timestampMs: Int64
    /// A value for each series of the layout, absent ones included (their value has no meaning; use 0).
    public let values: [Double]
    /// Ascending by series, each once.
    public let explicitTimestamps: [ExplicitTimestamp]
    /// Series of the layout without a sample in this frame: ordinals, ascending, each once.
    public let absent: [UInt32]
    public let departed: [Departed]
    /// One for each series of the layout that is a histogram, has a sample and is not a stale marker (the
    /// marker alone in the column ends a histogram). Ascending by series, each once.
    public let histograms: [Histogram]
    /// Ascending by series; a histogram may have several. Those of an absent series mean nothing.
    public let exemplars: [SeriesExemplar]
    /// Ascending by series, each once. The same array scrape after scrape where nothing restarted, so that
    /// it is not kept twice.
    public let startTimestamps: [StartTimestamp]
    /// Whether it is known that the layout states no series twice. False where nobody has looked.
    public let statesEachOnce: Bool

    public init(
        target: Target, layout: Layout, timestampMs: Int64, values: [Double],
        explicitTimestamps: [ExplicitTimestamp] = [], absent: [UInt32] = [], departed: [Departed] = [],
        histograms: [Histogram] = [], exemplars: [SeriesExemplar] = [],
        startTimestamps: [StartTimestamp] = [], statesEachOnce: Bool = false
    ) {
        precondition(values.count == layout.seriesCount, "a frame has a value for each series of its layout")
        self.target = target
        self.layout = layout
        self.timestampMs = timestampMs
        self.values = values
        self.explicitTimestamps = explicitTimestamps
        self.absent = absent
        self.departed = departed
        self.histograms = histograms
        self.exemplars = exemplars
        self.startTimestamps = startTimestamps
        self.statesEachOnce = statesEachOnce
    }

    /// Samples this frame stands for, histograms among them: what is appended, delivered or dropped with it.
    public var sampleCount: Int {
        values.count - absent.count + departed.reduce(0) { $0 + $1.series.count }
    }
}
