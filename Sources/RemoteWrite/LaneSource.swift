public import MetricModel

/// A place in a lane of the buffer: the start of a record, and how many of its samples are consumed
/// already.
///
/// Samples of a frame are counted in the order of the layout, absent series left out, then the departed
/// ones.
public struct LanePosition: Sendable, Hashable, Comparable {
    public let segment: UInt64
    /// Bytes from the segment's start to the record's.
    public let offset: UInt64
    public let sample: UInt32

    public init(segment: UInt64, offset: UInt64, sample: UInt32 = 0) {
        self.segment = segment
        self.offset = offset
        self.sample = sample
    }

    public static func < (left: LanePosition, right: LanePosition) -> Bool {
        (left.segment, left.offset, left.sample) < (right.segment, right.offset, right.sample)
    }
}

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

/// Samples of one frame that a request leaves out, although they lie within the range that it covers.
public struct LaneOmission: Sendable, Equatable {
    /// The frame's record, and the first sample left out.
    public let start: LanePosition
    /// How many samples from there on.
    public let count: UInt32
    /// What they are booked as once the request is answered.
    public let reason: String

    public init(start: LanePosition, count: UInt32, reason: String) {
        self.start = start
        self.count = count
        self.reason = reason
    }
}

/// What became of one job's samples: the ledger's unit.
public struct LaneOutcome: Sendable, Equatable {
    /// Samples let go for one reason.
    public struct Dropped: Sendable, Equatable {
        public let reason: String
        public let count: UInt64

        public init(reason: String, count: UInt64) {
            self.reason = reason
            self.count = count
        }
    }

    public let job: String
    public let delivered: UInt64
    public let dropped: [Dropped]

    public init(job: String, delivered: UInt64, dropped: [Dropped] = []) {
        self.job = job
        self.delivered = delivered
        self.dropped = dropped
    }
}

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
