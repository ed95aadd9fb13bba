internal import MetricModel

/// A walk over a frame's start timestamps beside a walk over its series.
struct StartWalk {
    private var next: Int

    /// Stands at the first start timestamp whose series is `ordinal` or behind it.
    init(_ frame: Frame, from ordinal: Int) {
        let starts = frame.startTimestamps
        var low = 0
        var high = starts.count
        while low < high {
            let middle = (low + high) / 2
            if Int(starts[middle].series) < ordinal { low = middle + 1 } else { high = middle }
        }
        next = low
    }

    /// When the series began to count; 0 where that is not known. Ordinals come in ascending order.
    mutating func startMs(of ordinal: Int, in frame: Frame) -> Int64 {
        while next < frame.startTimestamps.count, Int(frame.startTimestamps[next].series) < ordinal {
            next += 1
        }
        guard next < frame.startTimestamps.count, Int(frame.startTimestamps[next].series) == ordinal else {
            return 0
        }
        return frame.startTimestamps[next].timestampMs
    }
}
