/// Why the buffer itself drops samples; destinations add reasons of their own.
public enum BufferDropReason {
    /// The disk did not take the frame.
    public static let appendFailed = "append_failed"
    /// A damaged record, or one whose base is lost with a damaged record.
    public static let damaged = "damaged"
    /// The buffer was above its bytes.
    public static let retentionSize = "retention_size"
    /// The samples were above their age.
    public static let retentionAge = "retention_age"
}
