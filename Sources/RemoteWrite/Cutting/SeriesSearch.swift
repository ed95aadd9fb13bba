internal import WriteAheadBuffer

/// A search for a series that makes the receiver refuse whole requests. The request that was refused is
/// put back, and its first half is sent; when that is refused, its half; when it is stored, half of the
/// rest. So the samples of each series still leave in order.
struct SeriesSearch: Sendable {
    /// The guilty series lies before this position.
    let end: BufferPosition
    /// The guilty series is among this many samples, counted from where the claim stands.
    var samples: Int
    let reason: RefusalReason
    /// It is known to stand in less than the request that the search began with.
    var isNarrowed: Bool
    /// The requests of this minute are used up: the rest is booked as refused without being sent.
    var isGivenUp = false
}
