internal import MetricModel

extension Frame {
    /// What in the frame contradicts itself, so that no reader would take it; nil when nothing does.
    var contradiction: String? {
        if layout.seriesCount > StatementCoding.maxSeries {
            return "it has more than \(StatementCoding.maxSeries) series"
        }
        if layout.chunks.contains(where: { $0.targetLabelBound > target.labels.count }) {
            return "its layout uses a label that the target has not"
        }
        if !Self.ascends(absent, below: layout.seriesCount) {
            return "its absent series are out of order or range"
        }
        if !Self.ascends(explicitTimestamps.lazy.map(\.series), below: layout.seriesCount) {
            return "its explicit timestamps are out of order or range"
        }
        for group in departed {
            if group.chunk.targetLabelBound > target.labels.count {
                return "its departed series use a label that the target has not"
            }
            if !Self.ascends(group.series, below: group.chunk.seriesCount) {
                return "its departed series are out of order or range"
            }
        }
        return sidesContradiction
    }

    private var sidesContradiction: String? {
        if !hasHistogramsOfLayout { return "its histograms are not those that its layout and column tell of" }
        if !histograms.allSatisfy(\.histogram.isWellFormed) {
            return "a histogram has not the buckets that its spans tell of"
        }
        if !Self.ascends(startTimestamps.lazy.map(\.series), below: layout.seriesCount) {
            return "its start timestamps are out of order or range"
        }
        var last: UInt32 = 0
        for entry in exemplars {
            guard entry.series >= last, Int(entry.series) < layout.seriesCount else {
                return "its exemplars are out of order or range"
            }
            last = entry.series
        }
        return nil
    }

    /// Whether exactly those series have a histogram that the layout says are histograms and that have a
    /// sample other than a stale marker, each with its sum in the column.
    var hasHistogramsOfLayout: Bool {
        guard !layout.histogramSeries.isEmpty || !histograms.isEmpty else { return true }
        var next = 0
        var nextAbsent = 0
        for series in layout.histogramSeries {
            while nextAbsent < absent.count, absent[nextAbsent] < series { nextAbsent += 1 }
            let isAbsent = nextAbsent < absent.count && absent[nextAbsent] == series
            let value = values[Int(series)]
            if isAbsent || StaleMarker.isStale(value) { continue }
            guard next < histograms.count, histograms[next].series == series,
                histograms[next].histogram.sum.bitPattern == value.bitPattern
            else { return false }
            next += 1
        }
        return next == histograms.count
    }

    private static func ascends(_ ordinals: some Sequence<UInt32>, below bound: Int) -> Bool {
        var next: UInt32 = 0
        for ordinal in ordinals {
            guard ordinal >= next, Int(ordinal) < bound else { return false }
            next = ordinal + 1  // No overflow: the bound is far below.
        }
        return true
    }
}
