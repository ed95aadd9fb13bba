/// One lane of a destination: frames in order, and the durable cursor. Used by one task at a time.
public protocol SourceLane: AnyObject, Sendable {
    /// The next frame; nil when caught up. Reads files, so it is called on a worker thread.
    func next() throws -> LaneFrame?
    /// Returns when there may be more, at `deadlineNs` of the monotonic clock, or when the task is
    /// cancelled.
    func waitForMore(until deadlineNs: UInt64) async
    /// After a crash the end of the request that was in flight; nil once it is answered.
    var inFlightEnd: LanePosition? { get }
    /// What that request left out, in order.
    var inFlightOmissions: [LaneOmission] { get }
    /// Makes it durable that everything up to `end`, but for `omissions`, is about to be sent, or dropped, as
    /// one batch; from then on retention leaves the batch alone. False when retention has moved the cursor
    /// since the frames were read: they are booked already, nothing may be sent, and `rewind` comes next.
    func willSend(upTo end: LanePosition, leavingOut omissions: [LaneOmission]) throws -> Bool
    /// `next` begins again at the cursor.
    func rewind()
    /// Moves the cursor to `end` and books what became of the samples up to there.
    func answered(upTo end: LanePosition, outcome: [LaneOutcome]) throws
}

/// A destination's view of the buffer. The Agent adapts the buffer's own types to it: stages do not import
/// stages.
public protocol LaneSource: Sendable {
    /// Lanes, each with the targets whose `id % laneCount` is its index.
    var laneCount: Int { get }
    func lane(_ index: Int) -> any SourceLane
    /// The newest timestamp appended to the buffer for any lane; 0 before the first.
    var highestTimestampMs: Int64 { get }
}
