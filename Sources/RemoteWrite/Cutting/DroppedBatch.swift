internal import WriteAheadBuffer

/// Samples at the head of a claim that are not sent.
struct DroppedBatch: Sendable {
    let slices: [FrameSlice]
    let outcome: Outcomes

    /// What of the log is answered for with them.
    var covers: [Range<BufferPosition>] { FrameSlice.covers(slices[...]) }
}
