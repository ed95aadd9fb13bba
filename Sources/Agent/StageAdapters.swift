import MetricModel
import RemoteWrite
import Scrape
import WriteAheadBuffer

// Stages do not import stages: here the buffer is fitted to what scraping and shipping ask for.

/// The buffer as the end of a scrape.
struct BufferAppender: FrameAppending {
    let buffer: WriteAheadBuffer

    func append(_ frame: Frame) throws { try buffer.append(frame) }
}

/// A destination's cursor as the beginning of its lanes.
struct BufferLaneSource: LaneSource {
    let buffer: WriteAheadBuffer
    let destination: BufferDestination

    var laneCount: Int { destination.laneCount }
    var highestTimestampMs: Int64 { buffer.appendedHighestTimestampMs }

    func lane(_ index: Int) -> any SourceLane { BufferSourceLane(lane: destination.lane(index)) }
}

/// One lane of a cursor.
final class BufferSourceLane: SourceLane {
    private let lane: BufferLane

    init(lane: BufferLane) { self.lane = lane }

    var inFlightEnd: LanePosition? { lane.inFlightEnd.map { LanePosition($0) } }

    var inFlightOmissions: [LaneOmission] {
        lane.inFlightOmissions.map {
            LaneOmission(start: LanePosition($0.start), count: $0.count, reason: $0.reason)
        }
    }

    func next() throws -> LaneFrame? {
        try lane.next().map {
            LaneFrame(frame: $0.frame, start: LanePosition($0.start), end: LanePosition($0.end))
        }
    }

    func waitForMore(until deadlineNs: UInt64) async { await lane.waitForMore(until: deadlineNs) }

    /// True always: retention in this buffer leaves what was handed out to the sender.
    func willSend(upTo end: LanePosition, leavingOut omissions: [LaneOmission]) throws -> Bool {
        try lane.willSend(
            upTo: BufferPosition(end),
            leavingOut: omissions.map {
                BufferOmission(start: BufferPosition($0.start), count: $0.count, reason: $0.reason)
            })
        return true
    }

    func rewind() { lane.rewind() }

    func answered(upTo end: LanePosition, outcome: [LaneOutcome]) throws {
        try lane.answered(
            upTo: BufferPosition(end),
            outcome: outcome.map { outcome in
                JobOutcome(
                    job: outcome.job, delivered: outcome.delivered,
                    dropped: outcome.dropped.map { ($0.reason, $0.count) })
            })
    }
}

extension LanePosition {
    init(_ position: BufferPosition) {
        self.init(segment: position.segment, offset: position.offset, sample: position.sample)
    }
}

extension BufferPosition {
    init(_ position: LanePosition) {
        self.init(segment: position.segment, offset: position.offset, sample: position.sample)
    }
}
