public import MetricModel

/// A frame as a lane hands it out.
public struct LaneFrame: Sendable {
    public let frame: Frame
    /// The record's start; `sample` is more than 0 when part of the frame was consumed before.
    public let start: LanePosition
    /// Where the next record starts.
    public let end: LanePosition

    public init(frame: Frame, start: LanePosition, end: LanePosition) {
        self.frame = frame
        self.start = start
        self.end = end
    }
}
