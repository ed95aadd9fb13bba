/// Why this module itself drops samples. Why receivers refuse them is in `RefusalReason`.
enum DropReason {
    static let tooOld = "too_old"
    /// Labels in the buffer that are not labels, which a request of remote write 2.0 cannot refer to.
    static let malformed = "malformed_frame"
    /// `write_relabel_configs` drop the series, or leave it without a name.
    static let writeRelabel = "write_relabel"
    /// `limits.bytes_per_day` is used up for the job's class.
    static let dailyBudget = "daily_budget"
    /// The receiver answered a request of remote write 2.0 with success, and said that it has not written
    /// them.
    static let unwritten = "unwritten"
    /// With its names escaped for the receiver the series would be another one.
    static let nameCollision = "name_collision"
    /// `send_native_histograms` is off.
    static let histogramsOff = "native_histograms_off"
    /// A histogram of custom buckets, which remote write 1.0 has no place for.
    static let customBuckets = "custom_buckets"
    /// `send_exemplars` is off: of exemplars, which are no samples.
    static let exemplarsOff = "exemplars_off"
}
