internal import MetricModel

/// What one frame added to a request.
struct FrameEncoding: Equatable {
    /// Samples passed over, those dropped included: where the next request goes on.
    var consumed = 0
    /// Samples in the request.
    var written = 0
    /// Samples whose own timestamp is too old, seen from the frame's.
    var tooOld = 0
    /// Oldest and newest timestamp written; `Int64.max` and `Int64.min` without one.
    var oldestMs = Int64.max
    var newestMs = Int64.min

    mutating func cover(_ timestampMs: Int64) {
        oldestMs = min(oldestMs, timestampMs)
        newestMs = max(newestMs, timestampMs)
    }
}

/// Where to stop.
struct EncodeLimits: Equatable {
    /// Samples of the whole request.
    var samples: Int
    /// Bytes of the whole request before compression. One sample is always let in.
    var bytes: Int
    /// A sample with a timestamp of its own that is this much older than its frame is dropped; nil: none
    /// is.
    var ownAgeMs: Int64?
}

/// A walk over the series of a frame's layout that knows where the next series out of the ordinary stands:
/// an absent one or one with a timestamp of its own.
struct FrameWalk {
    enum Special: Equatable {
        case absent
        /// A sample of this timestamp.
        case at(Int64)
        case tooOld
    }

    /// The series the walk stands at.
    var ordinal: Int
    /// Samples still to pass.
    var remaining: Int
    /// The next ordinal that is out of the ordinary; `Int.max` when none is left.
    private(set) var nextSpecial: Int
    private var absentIndex = 0
    private var explicitIndex = 0

    /// Stands at the layout's sample `from` (absent series not counted).
    init(_ frame: Frame, from: Int, count: Int) {
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
        self.ordinal = ordinal
        remaining = count
        nextSpecial = Int.max
        findNext(frame)
    }

    /// What is out of the ordinary at `ordinal`, which is `nextSpecial`. An absent series' timestamp means
    /// nothing.
    func special(at ordinal: Int, of frame: Frame, ownAgeMs: Int64?) -> Special {
        if absentIndex < frame.absent.count, Int(frame.absent[absentIndex]) == ordinal { return .absent }
        let ownMs = frame.explicitTimestamps[explicitIndex].timestampMs
        if let ownAgeMs, SampleAge.isOlder(ownMs, than: frame.timestampMs, byMs: ownAgeMs) { return .tooOld }
        return .at(ownMs)
    }

    /// Goes past `nextSpecial`, where the walk stands.
    mutating func passSpecial(of frame: Frame) {
        if absentIndex < frame.absent.count, Int(frame.absent[absentIndex]) == ordinal { absentIndex += 1 }
        if explicitIndex < frame.explicitTimestamps.count,
            Int(frame.explicitTimestamps[explicitIndex].series) == ordinal
        {
            explicitIndex += 1
        }
        ordinal += 1
        findNext(frame)
    }

    private mutating func findNext(_ frame: Frame) {
        let absent = absentIndex < frame.absent.count ? Int(frame.absent[absentIndex]) : Int.max
        let explicit =
            explicitIndex < frame.explicitTimestamps.count
            ? Int(frame.explicitTimestamps[explicitIndex].series) : Int.max
        nextSpecial = min(absent, explicit)
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
