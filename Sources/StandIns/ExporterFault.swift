/// What an exporter does wrong on cue.
public enum ExporterFault: Sendable, Equatable {
    case status(Int)
    case hang
    /// Closes without an answer.
    case close
    /// Promises the whole page, sends this many bytes, closes.
    case truncate(bytes: Int)
    /// Answers 200 with text that is no exposition.
    case garbage
    /// Answers rightly, but late.
    case delay(ms: Int64)
}
