/// Why the log is not read on for a destination, though there may be more in it.
public enum ReadingStop: String, Sendable, CaseIterable {
    /// As many samples wait for keys that fly as a window may hold.
    case waitingSamples = "waiting_samples"
    /// The cursor has as many answered ranges beyond its mark as it may: an older request has no answer yet.
    case answeredRanges = "answered_ranges"
    /// What was read for the destination and has no answer holds its share of memory. One batch at a time
    /// is still sent.
    case memory

    /// What the status page and the log say.
    public var sentence: String {
        switch self {
        case .waitingSamples:
            """
            the log is not read on: as many samples as may wait are of targets whose earlier samples have \
            no answer yet
            """
        case .answeredRanges:
            """
            the log is not read on: an older request has no answer yet, and as much is answered for behind \
            it as the cursor may hold
            """
        case .memory:
            """
            the log is read slowly: what was read for this destination and has no answer holds its share of \
            the memory
            """
        }
    }
}
