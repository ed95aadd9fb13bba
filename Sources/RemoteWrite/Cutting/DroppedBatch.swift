internal import WriteAheadBuffer

/// Samples at the head of a claim that are not sent.
struct DroppedBatch: Sendable {
    let slices: [FrameSlice]
    let outcome: Outcomes
    /// Of the samples that `outcome` drops, the histograms, by reason.
    let droppedHistograms: [String: Int]

    /// The parts of the log that are answered for with them.
    var covers: [Range<BufferPosition>] { FrameSlice.covers(slices[...]) }
}
