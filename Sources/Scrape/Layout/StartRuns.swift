import MetricModel

/// Series of a chunk that follow each other and began to count when one line says.
struct StartRun: Equatable {
    /// The `_created` line, by its index in the chunk.
    let line: UInt32
    /// Ordinals in the chunk.
    let series: Range<UInt32>
}

/// Finds runs while lines are gathered: neighbours of one metric, without a comment in between. The first
/// `_created` line behind the first of them holds for all.
struct StartRuns {
    /// The metric that the next line may belong to; 0 for none.
    private(set) var key: UInt64 = 0
    private(set) var runs: [StartRun] = []
    /// Lines that have no series because they tell of others.
    private(set) var createdLines = 0
    private var firstSeries: UInt32 = 0
    private var createdLine: UInt32?
    private var hasLines = false

    /// Whether the line of `start` belongs to the metric `key`.
    static func continues(_ start: StartLine?, _ parser: ExpositionParser, key: UInt64) -> Bool {
        key != 0 && start?.key == key && !parser.hasComment
    }

    /// Notes the line with this index, in front of which the chunk has `seriesCount` series.
    mutating func note(_ start: StartLine?, _ parser: ExpositionParser, line: UInt32, seriesCount: UInt32) {
        if !Self.continues(start, parser, key: key) {
            close(seriesCount: seriesCount)
            guard let start else { return }
            key = start.key
            firstSeries = seriesCount
        }
        guard start?.isCreated == true else {
            hasLines = true
            return
        }
        createdLines += 1
        if hasLines, createdLine == nil { createdLine = line }
    }

    /// Whether the metric has a series so far, of a chunk that has `seriesCount`.
    func hasSeries(_ seriesCount: Int) -> Bool { key != 0 && seriesCount > Int(firstSeries) }

    /// The `_created` line that was noted last, with this index, is not in the chunk.
    mutating func passOver(line: UInt32) {
        createdLines -= 1
        if createdLine == line { createdLine = nil }
    }

    /// Ends the metric at the chunk's end.
    mutating func close(seriesCount: UInt32) {
        if let createdLine, seriesCount > firstSeries {
            runs.append(StartRun(line: createdLine, series: firstSeries..<seriesCount))
        }
        key = 0
        createdLine = nil
        hasLines = false
    }
}

extension StartRun {
    /// Adds the start timestamps of a chunk whose lines' values, one for each line, begin at `first`: its
    /// series are numbered from there.
    static func collect(
        _ runs: [StartRun], _ values: [Double], from first: Int, into starts: inout [Frame.StartTimestamp]
    ) {
        for run in runs {
            guard let startMs = milliseconds(values[first + Int(run.line)]) else { continue }
            for series in run.series {
                starts.append(Frame.StartTimestamp(series: UInt32(first) + series, timestampMs: startMs))
            }
        }
    }

    /// Seconds to milliseconds, what is left of them cut off; nil for what is no time after 1970.
    static func milliseconds(_ seconds: Double) -> Int64? {
        Int64(exactly: (seconds * 1_000).rounded(.towardZero)).flatMap { $0 > 0 ? $0 : nil }
    }
}
