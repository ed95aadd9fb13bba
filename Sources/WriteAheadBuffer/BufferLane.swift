internal import MetricModel
internal import Platform
import Synchronization

/// One lane of a destination: the frames of its targets in order, and its part of the cursor. `next`, `willSend` and
/// `answered` are called by one task at a time; retention may come in between.
public final class BufferLane: Sendable {
    private struct Lost: Sendable {
        let at: BufferPosition
        let counts: [String: UInt64]
    }

    private struct State {
        var reader: LaneReader
        /// The end of what `next` has handed out: retention counts what lies behind it.
        var handedOut: BufferPosition
        /// Answers so far reach here.
        var answered: BufferPosition
        /// Timestamps of frames handed out and not answered for, oldest first, with their ends.
        var open: [(end: BufferPosition, timestampMs: Int64)] = []
        /// Losses met while reading, booked with the answer that passes them.
        var lost: [Lost] = []
        var seenAppends: UInt64 = 0
    }

    private let index: Int
    private let core: BufferCore
    private let state: Mutex<State>
    private let owner = Mutex<Weak>(Weak())

    private struct Weak: Sendable {
        weak var destination: BufferDestination?
    }

    init(index: Int, laneCount: Int, start: BufferPosition, core: BufferCore) {
        self.index = index
        self.core = core
        let reader = LaneReader(
            lane: index, laneCount: laneCount, from: start, catalog: core.catalog, interner: core.interner,
            files: core.files, metrics: core.metrics)
        state = Mutex(State(reader: reader, handedOut: start, answered: start))
    }

    func attach(_ destination: BufferDestination) { owner.withLock { $0.destination = destination } }

    /// After a crash the end of the request that was in flight; nil once it is answered.
    public var inFlightEnd: BufferPosition? { destination?.cursor.lanes[index].inFlightEnd }

    /// The next frame of the lane's targets; nil when caught up with the tail. Reads files: not for Swift's
    /// cooperative pool.
    public func next() throws(BufferError) -> StoredFrame? {
        let seen = core.signal.count
        let (frame, losses) = try state.withLock { state throws(BufferError) -> (StoredFrame?, Lost?) in
            while true {
                switch try state.reader.next() {
                case .frame(let stored, let lost):
                    if !lost.isEmpty { state.lost.append(Lost(at: stored.start, counts: lost)) }
                    state.handedOut = stored.end
                    state.open.append((stored.end, stored.frame.timestampMs))
                    return (stored, nil)
                case .lost(let counts, let at):
                    state.lost.append(Lost(at: at, counts: counts))
                case .nothing:
                    state.seenAppends = seen
                    // With nothing outstanding no answer will come to carry the losses.
                    guard state.open.isEmpty, let last = state.lost.last else { return (nil, nil) }
                    var counts: [String: UInt64] = [:]
                    for lost in state.lost { counts.merge(lost.counts, uniquingKeysWith: +) }
                    state.lost = []
                    return (nil, Lost(at: last.at, counts: counts))
                }
            }
        }
        if let losses { try book(losses) }
        return frame
    }

    /// Waits until something was appended since `next` gave nil, or until the deadline of the monotonic clock, or
    /// until the task is cancelled.
    public func waitForMore(until deadlineNs: UInt64) async {
        let seen = state.withLock { $0.seenAppends }
        await core.signal.wait(seen: seen, until: deadlineNs, clock: core.clock)
    }

    /// `next` begins again at the answered position.
    public func rewind() {
        state.withLock { state in
            state.reader.close()
            state.reader = LaneReader(
                lane: state.reader.lane, laneCount: Int(state.reader.laneCount), from: state.answered,
                catalog: core.catalog, interner: core.interner, files: core.files, metrics: core.metrics)
            state.handedOut = state.answered
            state.open = []
            state.lost = []
        }
    }

    /// Notes, before a request leaves, how far it reaches: after a crash it is made again up to there.
    public func willSend(upTo end: BufferPosition) throws(BufferError) {
        try check(end)
        try destination?.record(.sent(lane: index, end: end))
    }

    /// Moves the cursor to `end` and books what became of the samples before it.
    public func answered(upTo end: BufferPosition, outcome: [JobOutcome]) throws(BufferError) {
        try check(end)
        var entries = outcome.map { job in
            CursorChange.Outcome(
                job: job.job, delivered: job.delivered,
                dropped: job.dropped.map { .init(reason: $0.reason, count: $0.count) })
        }
        let passed = state.withLock { state in
            let passed = state.lost.filter { $0.at <= end }
            state.lost.removeAll { $0.at <= end }
            return passed
        }
        for lost in passed { entries += Self.outcome(lost.counts) }
        do throws(BufferError) {
            try destination?.record(.answered(lane: index, end: end, outcome: entries))
        } catch {
            state.withLock { $0.lost = passed + $0.lost }
            throw error
        }
        state.withLock { state in
            state.answered = max(state.answered, end)
            state.open.removeAll { $0.end <= end }
        }
    }

    /// The timestamp of the oldest frame handed out and not answered for.
    var oldestOpenMs: Int64? { state.withLock { $0.open.first?.timestampMs } }

    /// Counts what of `segment` nobody has read for this lane, books it, and goes on behind the segment.
    func retire(_ segment: SegmentInfo, reason: String) throws(BufferError) {
        let behind = BufferPosition.start(of: segment.number + 1)
        let counts = try state.withLock { state throws(BufferError) -> [String: UInt64]? in
            guard state.handedOut < behind else { return nil }
            let counts = try core.count(
                segment, lane: index, laneCount: state.reader.laneCount,
                from: max(state.handedOut, .start(of: segment.number)))
            state.reader.skip(to: behind)
            state.handedOut = behind
            return counts
        }
        guard let counts else { return }
        let outcome = counts.map { job, count in
            CursorChange.Outcome(job: job, delivered: 0, dropped: [.init(reason: reason, count: count)])
        }
        // Frames handed out are still with the sender: the cursor stays before them until they are answered for.
        let isIdle = state.withLock { $0.open.isEmpty }
        let end = isIdle ? behind : (destination?.cursor.lanes[index].answered ?? behind)
        guard isIdle || !outcome.isEmpty else { return }
        try destination?.record(.answered(lane: index, end: end, outcome: outcome))
        if isIdle { state.withLock { $0.answered = max($0.answered, behind) } }
    }

    private var destination: BufferDestination? { owner.withLock { $0.destination } }

    private func book(_ lost: Lost) throws(BufferError) {
        do throws(BufferError) {
            try destination?.record(.answered(lane: index, end: lost.at, outcome: Self.outcome(lost.counts)))
            state.withLock { $0.answered = max($0.answered, lost.at) }
        } catch {
            state.withLock { $0.lost.insert(lost, at: 0) }
            throw error
        }
    }

    private static func outcome(_ lost: [String: UInt64]) -> [CursorChange.Outcome] {
        lost.map { job, count in
            .init(job: job, delivered: 0, dropped: [.init(reason: BufferDropReason.damaged, count: count)])
        }
    }

    private func check(_ end: BufferPosition) throws(BufferError) {
        let handedOut = state.withLock { $0.handedOut }
        guard end <= handedOut else {
            throw BufferError(
                .invalidAcknowledgement, "the lane has handed out nothing up to this position", segment: end.segment,
                offset: end.offset)
        }
    }
}
