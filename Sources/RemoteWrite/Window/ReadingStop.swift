/// Why the buffer is not read on for a destination, though there may be more in it.
public enum ReadingStop: String, Sendable, CaseIterable {
    /// As many samples wait for keys that fly as a window may hold.
    case waitingSamples = "waiting_samples"
    /// The cursor has as many answered ranges beyond its mark as it may: an older request has no answer yet.
    case answeredRanges = "answered_ranges"
    /// What was read for the destination and has no answer holds its share of memory. One batch at a time
    /// is still sent.
    case memory

    /// What the status page and the log say: the reason, and what ends it.
    public var sentence: String {
        switch self {
        case .waitingSamples:
            """
            the buffer is not read on for this destination: what comes next is of targets whose earlier \
            samples have no answer yet, and no more samples may wait in memory; it is read on when the \
            receiver has answered for the earlier ones
            """
        case .answeredRanges:
            """
            the buffer is not read on for this destination: an older request has no answer yet, and the \
            cursor can hold no more of what was answered behind it; it is read on when the older request \
            has its answer
            """
        case .memory:
            """
            the buffer is read slowly for this destination, one request at a time: what was read and has no \
            answer takes this destination's share of the memory; it is read faster when the receiver has \
            answered for some of it, or with more memory
            """
        }
    }
}
