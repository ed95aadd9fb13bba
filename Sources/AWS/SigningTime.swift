internal import Platform

/// One reading of the clock, as the date header and the scope tell it: two readings would differ around
/// midnight.
struct SigningTime {
    /// `YYYYMMDDTHHMMSSZ`.
    let text: String
    /// `YYYYMMDD`.
    let date: String

    init(_ timestampMs: Int64) {
        text = Timestamp.basic(ms: timestampMs)
        date = String(text.prefix(8))
    }
}
