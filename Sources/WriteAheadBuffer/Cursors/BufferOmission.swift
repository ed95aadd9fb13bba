/// Samples of one frame that a request leaves out, although they lie within the range that it covers.
public struct BufferOmission: Sendable, Equatable {
    /// The frame's record, and the first sample left out.
    public let start: BufferPosition
    /// How many samples from there on.
    public let count: UInt32
    /// What they are booked as once the request is answered.
    public let reason: String

    public init(start: BufferPosition, count: UInt32, reason: String) {
        self.start = start
        self.count = count
        self.reason = reason
    }
}
