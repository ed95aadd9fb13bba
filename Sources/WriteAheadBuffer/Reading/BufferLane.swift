internal import MetricModel
internal import Platform
import Synchronization

/// One lane of a destination: the frames of its targets in order, and its part of the cursor. `next`,
/// `willSend`, `rewind` and `answered` are called by one task at a time; retention may come in between.
public final class BufferLane: Sendable {
    /// Samples that will not be handed out. They are booked with the answer that reaches `at`, and found
    /// again by a lane that begins before.
    private struct Lost: Sendable {
        let at: BufferPosition
        let reason: String
        let counts: [String: UInt64]
        /// The segment is no more, so nobody will find them again: they are booked with the next answer
        /// whatsoever.
        var isGone = false
    }

    /// Never held while the disk works.
    private struct State {
        /// Up to here everything is handed out or in `lost`: retention counts what lies behind it.
        var handedOut: BufferPosition
        /// Answers so far reach here.
        var answered: BufferPosition
        var open = OpenFrames()
        /// In no order that matters.
        var lost: [Lost] = []
        var seenAppends: UInt64 = 0
        /// Why retention took segments with frames that are still open.
        var retiredReason = BufferDropReason.retentionSize

        /// Takes back what is not answered for; returns where reading begins again.
        mutating func rewind(oldest: UInt64?) -> BufferPosition {
            let oldest = BufferPosition.start(of: oldest ?? answered.segment)
            let from = max(answered, oldest)
            let gone = open.samples(before: oldest.segment, answered: answered)
            // What lies behind the answers is found again; what retention took of it is not.
            lost.removeAll { !$0.isGone && $0.at > from }
            if !gone.isEmpty {
                lost.append(Lost(at: oldest, reason: retiredReason, counts: gone, isGone: true))
            }
            handedOut = from
            open = OpenFrames()
            return from
        }

        /// Notes what the reader found before `position`. Done with a frame, and at the tail, which had
        /// `seen` appends.
        mutating func take(
            _ found: LaneReader.Found, upTo position: BufferPosition, _ seen: UInt64
        ) -> (isDone: Bool, StoredFrame?) {
            switch found {
            case .frame(let stored, let lost):
                if !lost.isEmpty {
                    self.lost.append(Lost(at: stored.end, reason: BufferDropReason.damaged, counts: lost))
                }
                handedOut = stored.end
                open.append(stored)
                return (true, stored)
            case .lost(let counts, let at):
                lost.append(Lost(at: at, reason: BufferDropReason.damaged, counts: counts))
                handedOut = max(handedOut, at)
                return (false, nil)
            case .counted: preconditionFailure("a lane's reader hands frames out")
            case .nothing:
                seenAppends = seen
                handedOut = max(handedOut, position)
                return (true, nil)
            }
        }
    }

    /// Signalled when something of this lane was appended, so that an append wakes no other lane.
    let appended = Event()
    private let index: Int
    private let laneCount: Int
    private let core: BufferCore
    /// Held while the disk reads. Taken before `state` where both are needed.
    private let reader: Mutex<LaneReader>
    private let state: Mutex<State>
    private let owner = Mutex<Weak>(Weak())

    private struct Weak: Sendable {
        weak var destination: BufferDestination?
    }

    init(index: Int, laneCount: Int, start: BufferPosition, core: BufferCore) {
        self.index = index
        self.core = core
        self.laneCount = laneCount
        reader = Mutex(core.reader(lane: index, laneCount: laneCount, from: start))
        state = Mutex(State(handedOut: start, answered: start))
    }

    deinit { reader.withLock { $0.close() } }

    func attach(_ destination: BufferDestination) { owner.withLock { $0.destination = destination } }

    /// After a crash the end of the request that was in flight; nil once it is answered.
    public var inFlightEnd: BufferPosition? { destination?.cursor.sent(ofLane: index)?.end }

    /// What that request left out; empty mostly.
    public var inFlightOmissions: [BufferOmission] {
        destination?.cursor.sent(ofLane: index)?.omissions ?? []
    }

    /// The next frame of the lane's targets; nil when caught up with the tail. Reads files: not for Swift's
    /// cooperative pool.
    public func next() throws(BufferError) -> StoredFrame? {
        let seen = appended.count
        let frame = try reader.withLock { reader throws(BufferError) -> StoredFrame? in
            while true {
                let found = try reader.next()
                let position = reader.position
                let (isDone, frame) = state.withLock { $0.take(found, upTo: position, seen) }
                if isDone { return frame }
            }
        }
        if frame == nil { try settle() }
        return frame
    }

    /// Waits until something of this lane was appended since `next` gave nil, or until the deadline of the
    /// monotonic clock, or until the task is cancelled.
    public func waitForMore(until deadlineNs: UInt64) async {
        let seen = state.withLock { $0.seenAppends }
        await appended.wait(after: seen, untilNs: deadlineNs, clock: core.clock)
    }

    /// `next` begins again at the answered position. What retention has taken meanwhile is booked.
    public func rewind() {
        reader.withLock { reader in
            reader.close()
            let oldest = core.catalog.oldest?.number
            let from = state.withLock { $0.rewind(oldest: oldest) }
            reader = core.reader(lane: index, laneCount: laneCount, from: from)
        }
    }

    /// Notes, before a request leaves, how far it reaches, what it leaves out, and what its bytes depend on
    /// (`SentRequest`): after a crash it is made again up to there, without the same samples.
    public func willSend(
        upTo end: BufferPosition, leavingOut omissions: [BufferOmission] = [], protocolVersion: UInt8 = 1,
        options: UInt64 = 0
    ) throws(BufferError) {
        try check(end)
        let answered = state.withLock { $0.answered }
        let request = SentRequest(
            lane: index, upTo: end, from: answered, omissions: omissions, protocolVersion: protocolVersion,
            options: options)
        let number = UInt64(index)
        // One that reaches no further than the answers only ends the one before.
        try destination?.record(
            end > answered ? .sent([number: request]) : .sent([:], replacing: [number]))
    }

    /// Moves the cursor to `end` and books what became of the samples before it. After a throw nothing has
    /// changed: the outcome goes with the next answer.
    public func answered(upTo end: BufferPosition, outcome: Outcomes) throws(BufferError) {
        try check(end)
        try record(upTo: end, outcome)
        state.withLock { $0.open.answered(upTo: end) }
    }

    /// The timestamp of the oldest frame handed out and not answered for.
    var oldestOpenMs: Int64? { state.withLock { $0.open.first?.timestampMs } }

    /// The memory of the reader's window and how many records' places it knows: bounded by a segment.
    var readerFootprint: (windowBytes: Int, places: Int) { reader.withLock { $0.footprint } }

    /// Counts what of `segment` is neither handed out nor known as lost, and goes on behind the segment.
    /// `settle` books it once the segment is gone: were it booked before, a crash in between would bring it
    /// back.
    func retire(_ segment: SegmentInfo, reason: String) throws(BufferError) {
        let behind = BufferPosition.start(of: segment.number + 1)
        try reader.withLock { current throws(BufferError) in
            let handedOut = state.withLock { $0.handedOut }
            guard handedOut < behind else { return }
            var counting = core.reader(
                lane: index, laneCount: laneCount, from: max(handedOut, .start(of: segment.number)),
                countingThrough: segment.number, isLastLook: true)
            defer { counting.close() }
            let (counts, damaged) = try counting.countAll()
            current.skip(to: behind)
            state.withLock { state in
                if !counts.isEmpty { state.lost.append(Lost(at: behind, reason: reason, counts: counts)) }
                if !damaged.isEmpty {
                    state.lost.append(Lost(at: behind, reason: BufferDropReason.damaged, counts: damaged))
                }
                state.handedOut = behind
                state.retiredReason = reason
            }
        }
    }

    /// Books what retention took, once the segments up to `gone` are no more.
    func settle(gone: UInt64) throws(BufferError) {
        state.withLock { state in
            for index in state.lost.indices where state.lost[index].at <= .start(of: gone + 1) {
                state.lost[index].isGone = true
            }
        }
        try settle()
    }

    /// With nothing handed out no answer will come: books what is lost, and moves the cursor off segments
    /// that hold nothing for this lane, so that they can go. Else books what is gone and leaves the cursor.
    private func settle() throws(BufferError) {
        let end = state.withLock { state -> BufferPosition? in
            guard state.open.isEmpty else { return state.lost.contains { $0.isGone } ? state.answered : nil }
            let isBehind = state.answered.segment < state.handedOut.segment
            return isBehind || !state.lost.isEmpty ? state.handedOut : nil
        }
        if let end { try record(upTo: end, Outcomes()) }
    }

    /// Writes an answer down with the losses that it reaches.
    private func record(upTo end: BufferPosition, _ outcome: Outcomes) throws(BufferError) {
        let passed = state.withLock { state in
            let passed = state.lost.filter { $0.at <= end || $0.isGone }
            state.lost.removeAll { $0.at <= end || $0.isGone }
            return passed
        }
        var outcome = outcome
        for lost in passed {
            for (job, count) in lost.counts {
                outcome.add(JobOutcome(dropped: [lost.reason: count]), of: job)
            }
        }
        do throws(BufferError) {
            let inFlightEnd = inFlightEnd
            let isOver = inFlightEnd.map { $0 <= end } ?? false
            try destination?.record(
                .answered(.lane(index, end), requests: isOver ? [UInt64(index)] : [], outcome: outcome))
        } catch {
            state.withLock { $0.lost += passed }
            throw error
        }
        state.withLock { $0.answered = max($0.answered, end) }
    }

    private var destination: BufferDestination? { owner.withLock { $0.destination } }

    private func check(_ end: BufferPosition) throws(BufferError) {
        let (answered, handedOut) = state.withLock { ($0.answered, $0.handedOut) }
        guard end >= answered, end <= handedOut else {
            throw BufferError(
                .invalidAcknowledgement,
                "the lane has not handed out what would be acknowledged up to this position",
                segment: end.segment, offset: end.offset)
        }
    }
}
