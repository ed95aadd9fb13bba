/// What one frame added to a request.
struct FrameEncoding: Equatable {
    /// Samples passed over, those dropped included: where the next request goes on.
    var consumed = 0
    /// Samples in the request.
    var written = 0
    /// Samples whose own timestamp is too old, seen from the frame's.
    var tooOld = 0
    /// Samples of series that `write_relabel_configs` drop.
    var unwanted = 0
    /// Samples of series whose labels cannot be read.
    var malformed = 0
    /// Histograms that the destination does not take.
    var histogramsOff = 0
    /// Histograms of custom buckets, which this protocol has no place for.
    var customBuckets = 0
    /// Of `written`, the histograms.
    var histograms = 0
    /// Of `tooOld`, the histograms.
    var tooOldHistograms = 0
    /// Of `unwanted`, the histograms.
    var unwantedHistograms = 0
    /// Exemplars in the request, beside samples.
    var exemplars = 0
    /// Exemplars of samples in the request that the destination does not take.
    var exemplarsOff = 0
    /// The oldest and the newest timestamp in the request, in milliseconds; `Int64.max` and `Int64.min` where
    /// it has none.
    var oldestMs = Int64.max
    var newestMs = Int64.min

    /// Counts one sample that is a histogram or has exemplars.
    mutating func add(_ rich: RichSample) {
        consumed += 1
        guard rich.isSent else {
            if rich.hasCustomBuckets { customBuckets += 1 } else { histogramsOff += 1 }
            return
        }
        written += 1
        histograms += rich.isHistogram ? 1 : 0
        exemplars += rich.exemplars
        exemplarsOff += rich.exemplarsOff
    }

    /// Counts one sample that is passed over: its own timestamp is too old, or `write_relabel_configs` drop
    /// its series.
    mutating func pass(tooOld isTooOld: Bool, isHistogram: Bool) {
        consumed += 1
        if isTooOld {
            tooOld += 1
            tooOldHistograms += isHistogram ? 1 : 0
        } else {
            unwanted += 1
            unwantedHistograms += isHistogram ? 1 : 0
        }
    }

    mutating func cover(_ timestampMs: Int64) {
        oldestMs = min(oldestMs, timestampMs)
        newestMs = max(newestMs, timestampMs)
    }
}
