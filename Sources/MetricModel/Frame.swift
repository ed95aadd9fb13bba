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

    public init(
        target: Target, layout: Layout, timestampMs: Int64, values: [Double],
        explicitTimestamps: [ExplicitTimestamp] = [], absent: [UInt32] = [], departed: [Departed] = []
    ) {
        precondition(values.count == layout.seriesCount, "a frame has a value for each series of its layout")
        self.target = target
        self.layout = layout
        self.timestampMs = timestampMs
        self.values = values
        self.explicitTimestamps = explicitTimestamps
        self.absent = absent
        self.departed = departed
    }

    /// Samples this frame stands for: what is appended, delivered or dropped with it.
    public var sampleCount: Int {
        values.count - absent.count + departed.reduce(0) { $0 + $1.series.count }
    }
}
