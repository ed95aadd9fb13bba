internal import MetricModel

/// A walk over the series of a frame's layout that knows where the next series out of the ordinary stands:
/// an absent one, one with a timestamp of its own, a histogram or one with exemplars.
struct FrameWalk {
    enum Special: Equatable {
        case absent
        /// A plain sample of this timestamp.
        case at(Int64)
        /// A sample of this timestamp that is a histogram or has exemplars.
        case rich(Int64)
        case tooOld
        /// Of a series that `write_relabel_configs` drop.
        case unwanted
    }

    /// The series the walk stands at.
    var ordinal: Int
    /// Samples still to pass.
    var remaining: Int
    /// The next ordinal that is out of the ordinary; `Int.max` when none is left.
    private(set) var nextSpecial: Int
    /// Series that are dropped, ascending.
    private let dropped: [UInt32]
    private var droppedIndex = 0
    private var absentIndex = 0
    private var explicitIndex = 0
    private var histogramIndex = 0
    private var bodyIndex = 0
    private var exemplarIndex = 0

    /// Stands at the layout's sample `from` (absent series not counted). `dropped` are ordinals of series
    /// that `write_relabel_configs` drop, ascending.
    init(_ frame: Frame, from: Int, count: Int, dropped: [UInt32] = []) {
        self.dropped = dropped
        // Every absent series at or before the ordinal moves it on by one.
        var ordinal = from
        while absentIndex < frame.absent.count, Int(frame.absent[absentIndex]) <= ordinal {
            ordinal += 1
            absentIndex += 1
        }
        while explicitIndex < frame.explicitTimestamps.count,
            Int(frame.explicitTimestamps[explicitIndex].series) < ordinal
        {
            explicitIndex += 1
        }
        let histograms = frame.layout.histogramSeries
        while histogramIndex < histograms.count, Int(histograms[histogramIndex]) < ordinal {
            histogramIndex += 1
        }
        while droppedIndex < dropped.count, Int(dropped[droppedIndex]) < ordinal { droppedIndex += 1 }
        self.ordinal = ordinal
        remaining = count
        nextSpecial = Int.max
        findNext(frame)
    }

    /// What is out of the ordinary at `ordinal`, which is `nextSpecial`. An absent series' timestamp means
    /// nothing.
    func special(at ordinal: Int, of frame: Frame, ownAgeMs: Int64?) -> Special {
        if absentIndex < frame.absent.count, Int(frame.absent[absentIndex]) == ordinal { return .absent }
        if droppedIndex < dropped.count, Int(dropped[droppedIndex]) == ordinal { return .unwanted }
        var timestampMs = frame.timestampMs
        if explicitIndex < frame.explicitTimestamps.count,
            Int(frame.explicitTimestamps[explicitIndex].series) == ordinal
        {
            timestampMs = frame.explicitTimestamps[explicitIndex].timestampMs
            if let ownAgeMs, SampleAge.isOlder(timestampMs, than: frame.timestampMs, byMs: ownAgeMs) {
                return .tooOld
            }
        }
        return isHistogram(frame) || hasExemplars(frame) ? .rich(timestampMs) : .at(timestampMs)
    }

    /// Whether the series at `ordinal` is a histogram, a stale one included.
    func isHistogram(_ frame: Frame) -> Bool {
        let histograms = frame.layout.histogramSeries
        return histogramIndex < histograms.count && Int(histograms[histogramIndex]) == ordinal
    }

    /// The histogram of the series at `ordinal`; nil for a stale marker.
    mutating func histogram(_ frame: Frame) -> NativeHistogram? {
        while bodyIndex < frame.histograms.count, Int(frame.histograms[bodyIndex].series) < ordinal {
            bodyIndex += 1
        }
        guard bodyIndex < frame.histograms.count, Int(frame.histograms[bodyIndex].series) == ordinal else {
            return nil
        }
        return frame.histograms[bodyIndex].histogram
    }

    /// The exemplars of the series at `ordinal`.
    func exemplars(_ frame: Frame) -> ArraySlice<Frame.SeriesExemplar> {
        var end = exemplarIndex
        while end < frame.exemplars.count, Int(frame.exemplars[end].series) == ordinal { end += 1 }
        return frame.exemplars[exemplarIndex..<end]
    }

    private func hasExemplars(_ frame: Frame) -> Bool {
        exemplarIndex < frame.exemplars.count && Int(frame.exemplars[exemplarIndex].series) == ordinal
    }

    /// Goes past `nextSpecial`, where the walk stands.
    mutating func passSpecial(of frame: Frame) {
        if absentIndex < frame.absent.count, Int(frame.absent[absentIndex]) == ordinal { absentIndex += 1 }
        if explicitIndex < frame.explicitTimestamps.count,
            Int(frame.explicitTimestamps[explicitIndex].series) == ordinal
        {
            explicitIndex += 1
        }
        if isHistogram(frame) { histogramIndex += 1 }
        if droppedIndex < dropped.count, Int(dropped[droppedIndex]) == ordinal { droppedIndex += 1 }
        ordinal += 1
        findNext(frame)
    }

    private mutating func findNext(_ frame: Frame) {
        let absent = absentIndex < frame.absent.count ? Int(frame.absent[absentIndex]) : Int.max
        let explicit =
            explicitIndex < frame.explicitTimestamps.count
            ? Int(frame.explicitTimestamps[explicitIndex].series) : Int.max
        let histograms = frame.layout.histogramSeries
        let histogram = histogramIndex < histograms.count ? Int(histograms[histogramIndex]) : Int.max
        while exemplarIndex < frame.exemplars.count, Int(frame.exemplars[exemplarIndex].series) < ordinal {
            exemplarIndex += 1
        }
        let exemplar =
            exemplarIndex < frame.exemplars.count ? Int(frame.exemplars[exemplarIndex].series) : Int.max
        let unwanted = droppedIndex < dropped.count ? Int(dropped[droppedIndex]) : Int.max
        nextSpecial = min(min(absent, explicit), min(histogram, exemplar), unwanted)
    }
}

extension Layout {
    /// The chunk that holds series `ordinal`; `chunks.count` when there is no such series.
    func chunkIndex(ofSeries ordinal: Int) -> Int {
        var low = 0
        var high = chunks.count
        while low < high {
            let middle = (low + high) / 2
            if Int(starts[middle + 1]) <= ordinal { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
