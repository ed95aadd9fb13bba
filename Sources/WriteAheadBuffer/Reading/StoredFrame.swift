public import MetricModel

/// A frame read back from the buffer, and where it stands.
public struct StoredFrame: Sendable {
    public let frame: Frame
    /// Its record; `sample` is above 0 when a part of it was consumed before.
    public let start: BufferPosition
    /// The start of the record after it: the position once all of it is consumed.
    public let end: BufferPosition

    public init(frame: Frame, start: BufferPosition, end: BufferPosition) {
        self.frame = frame
        self.start = start
        self.end = end
    }
}
