/// What became of one sample that is a histogram or has exemplars.
struct RichSample: Equatable {
    var isHistogram = false
    var isSent = false
    /// Why it is not sent, where it is not for `send_native_histograms`.
    var hasCustomBuckets = false
    var exemplars = 0
    var exemplarsOff = 0
}
