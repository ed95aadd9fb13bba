/// Why the buffer itself drops samples; destinations add reasons of their own.
public enum BufferDropReason {
    /// Neither the disk nor memory took the frame.
    public static let appendFailed = "append_failed"
    /// A damaged record, or one whose base is lost with a damaged record.
    public static let damaged = "damaged"
    /// The disk did not take the samples, and memory was full: the oldest went.
    public static let memoryFull = "memory_full"
    /// The buffer was above its bytes.
    public static let retentionSize = "retention_size"
    /// The samples were above their age.
    public static let retentionAge = "retention_age"
}
