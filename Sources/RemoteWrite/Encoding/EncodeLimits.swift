/// Where encoding a request stops, and which of its samples are not written.
struct EncodeLimits: Equatable {
    /// Samples of the whole request.
    var samples: Int
    /// Bytes of the whole request before compression. One sample is always let in.
    var bytes: Int
    /// A sample with a timestamp of its own that is this much older than its frame is dropped; nil: none
    /// is.
    var ownAgeMs: Int64?
    /// `send_native_histograms`.
    var sendsHistograms = false
    /// `send_exemplars`.
    var sendsExemplars = false
    /// `send_custom_bucket_histograms`.
    var sendsCustomBuckets = false
}
