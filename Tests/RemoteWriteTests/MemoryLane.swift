import MetricModel
import Platform
import Synchronization

@testable import RemoteWrite

/// A lane in memory that keeps the buffer's rules: frames in order, a cursor moved by answers, a note of
/// what is sent.
final class MemoryLane: SourceLane {
    struct Failure: Error {}

    private struct State {
        var frames: [LaneFrame] = []
        var nextIndex = 0
        var cursor = LanePosition(segment: 1, offset: 0)
        var inFlightEnd: LanePosition?
        var omissions: [LaneOmission] = []
        var sent: [LanePosition] = []
        var ledger: [String: (delivered: UInt64, dropped: [String: UInt64])] = [:]
        var failsNext = 0
        var retention = 0
        var failsBooking = 0
    }

    private let state = Mutex(State())
    private let appended = Event()
    private let clock: any AgentClock

    init(clock: any AgentClock, inFlightEnd: LanePosition? = nil) {
        self.clock = clock
        state.withLock { $0.inFlightEnd = inFlightEnd }
    }

    /// Appends frames as records of 100 bytes.
    func append(_ frames: [Frame]) {
        state.withLock { state in
            for frame in frames {
                let offset = UInt64(state.frames.count) * 100
                state.frames.append(
                    LaneFrame(
                        frame: frame, start: LanePosition(segment: 1, offset: offset),
                        end: LanePosition(segment: 1, offset: offset + 100)))
            }
        }
        appended.signal()
    }

    /// A lane as it is after a crash now: from the cursor on, with what was in flight.
    func afterCrash() -> MemoryLane {
        let old = state.withLock { $0 }
        let lane = MemoryLane(clock: clock, inFlightEnd: old.inFlightEnd)
        lane.state.withLock { state in
            state.omissions = old.omissions
            state.frames = old.frames
            state.cursor = old.cursor
            state.ledger = old.ledger
            state.nextIndex = old.frames.firstIndex { $0.end > old.cursor } ?? old.frames.count
        }
        return lane
    }

    func fail(next: Int = 0, booking: Int = 0) {
        state.withLock { state in
            state.failsNext = next
            state.failsBooking = booking
        }
    }

    var cursor: LanePosition { state.withLock { $0.cursor } }
    /// Ends told by `willSend`, in order.
    var sentEnds: [LanePosition] { state.withLock { $0.sent } }
    var delivered: UInt64 { state.withLock { $0.ledger.values.reduce(0) { $0 + $1.delivered } } }
    var dropped: [String: UInt64] {
        state.withLock { state in
            state.ledger.values.reduce(into: [:]) { $0.merge($1.dropped) { $0 + $1 } }
        }
    }

    /// scraped = delivered + dropped + buffered, for each job.
    var isBalanced: Bool {
        state.withLock { state in
            var scraped: [String: UInt64] = [:]
            var buffered: [String: UInt64] = [:]
            for read in state.frames {
                let job = read.frame.target.job
                let all = read.frame.sampleCount
                scraped[job, default: 0] += UInt64(all)
                if read.end <= state.cursor { continue }
                let done = read.start.offset == state.cursor.offset ? Int(state.cursor.sample) : 0
                buffered[job, default: 0] += UInt64(all - done)
            }
            return scraped.allSatisfy { job, count in
                let entry = state.ledger[job]
                let dropped = entry?.dropped.values.reduce(0, +) ?? 0
                return count == (entry?.delivered ?? 0) + dropped + (buffered[job] ?? 0)
            }
        }
    }

    func next() throws -> LaneFrame? {
        try state.withLock { state in
            if state.failsNext > 0 {
                state.failsNext -= 1
                throw Failure()
            }
            guard state.nextIndex < state.frames.count else { return nil }
            let read = state.frames[state.nextIndex]
            state.nextIndex += 1
            let isPartial =
                read.start.segment == state.cursor.segment && read.start.offset == state.cursor.offset
            return isPartial ? LaneFrame(frame: read.frame, start: state.cursor, end: read.end) : read
        }
    }

    func waitForMore(until deadlineNs: UInt64) async {
        let seen = appended.count
        if state.withLock({ $0.nextIndex < $0.frames.count }) { return }
        await appended.wait(after: seen, untilNs: deadlineNs, clock: clock)
    }

    var inFlightEnd: LanePosition? { state.withLock { $0.inFlightEnd } }
    var inFlightOmissions: [LaneOmission] { state.withLock { $0.omissions } }

    /// Retention takes the first `count` records, or what is left of them, when the next batch is announced.
    func retainBeforeNextSend(dropping count: Int) { state.withLock { $0.retention = count } }

    func rewind() {
        state.withLock { state in
            state.nextIndex = state.frames.firstIndex { $0.end > state.cursor } ?? state.frames.count
        }
    }

    func willSend(upTo end: LanePosition, leavingOut omissions: [LaneOmission]) throws -> Bool {
        state.withLock { state in
            if state.retention > 0 {
                for read in state.frames.prefix(state.retention) where read.end > state.cursor {
                    let done = read.start.offset == state.cursor.offset ? Int(state.cursor.sample) : 0
                    var entry = state.ledger[read.frame.target.job] ?? (0, [:])
                    entry.dropped["retention_size", default: 0] += UInt64(read.frame.sampleCount - done)
                    state.ledger[read.frame.target.job] = entry
                    state.cursor = read.end
                }
                state.retention = 0
                return false
            }
            precondition(end > state.cursor, "a request holds something")
            state.inFlightEnd = end
            state.omissions = omissions
            state.sent.append(end)
            return true
        }
    }

    func answered(upTo end: LanePosition, outcome: [LaneOutcome]) throws {
        try state.withLock { state in
            if state.failsBooking > 0 {
                state.failsBooking -= 1
                throw Failure()
            }
            precondition(end >= state.cursor, "the cursor does not go back")
            state.cursor = end
            state.inFlightEnd = nil
            state.omissions = []
            for job in outcome {
                var entry = state.ledger[job.job] ?? (0, [:])
                entry.delivered += job.delivered
                for dropped in job.dropped { entry.dropped[dropped.reason, default: 0] += dropped.count }
                state.ledger[job.job] = entry
            }
        }
    }
}

/// A destination of lanes in memory.
struct MemorySource: LaneSource {
    let lanes: [MemoryLane]
    var laneCount: Int { lanes.count }
    var highestTimestampMs: Int64 = 0

    func lane(_ index: Int) -> any SourceLane { lanes[index] }
}
