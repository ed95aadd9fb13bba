public import MetricModel

/// Where frames go: the Agent puts the write-ahead buffer behind it.
public protocol FrameAppending: Sendable {
    /// Returns once the frame is written. Called on a worker thread; may block.
    func append(_ frame: Frame) throws
}
