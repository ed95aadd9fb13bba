internal import MetricModel
public import Platform
import Synchronization

/// The one reader of a destination: frames of all targets in the order of the log, without what is
/// answered for, and the cursor that answers move in any order.
///
/// Each frame that is handed out covers the log from where the one before ended (`StoredFrame.lead`) to
/// its own end, so that what lies between is passed with it and answered neighbours become one range.
///
/// `next` and `rewind` are called by one task at a time; `willSend` and `answered` by any, also while
/// another reads. Retention may come in between. All of them work on files: not for Swift's cooperative
/// pool.
public final class DestinationReader: Sendable {
    /// Samples that will not be handed out. They are booked once the mark passes `at`, and found again by a
    /// reader that begins before.
    struct Lost: Sendable {
        let at: BufferPosition
        let reason: String
        let counts: [String: UInt64]
        /// The segment is no more, so nobody will find them again: they are booked with the next answer.
        var isGone = false
    }

    /// Never held while the disk works.
    struct State {
        /// Up to here everything is handed out, answered for or in `lost`: retention counts what lies
        /// behind.
        var handedOut: BufferPosition
        /// Where the frame handed out last ended.
        var lead: BufferPosition
        var open = HandedFrames()
        /// In no order that matters.
        var lost: [Lost] = []
        var seenAppends: UInt64 = 0
        /// Samples that had been appended when the tail was met last.
        var seenSamples: UInt64 = 0
        /// Why retention took segments with frames that are still open.
        var retiredReason = BufferDropReason.retentionSize
        var roomLoss = RoomLoss()

        mutating func lose(
            _ counts: [String: UInt64], at: BufferPosition, _ reason: String, isGone: Bool = false
        ) {
            guard !counts.isEmpty else { return }
            lost.append(Lost(at: at, reason: reason, counts: counts, isGone: isGone))
        }
    }

    /// Signalled when something was appended.
    let appended = Event()
    private let growth = Mutex(AppendedSamples())
    let core: BufferCore
    /// Held while the disk reads. Taken before `state` where both are needed.
    let reader: Mutex<FrameReader>
    let state: Mutex<State>
    /// Held while an answer is written down: one at a time looks where the mark is and moves it.
    let booking = Mutex<Void>(())
    private let owner = Mutex<Weak>(Weak())
    /// Bases of the next frames, chunks of layouts, and the list of those handed out.
    private let hold: MemoryHold
    /// By this number the frames that are kept for those that follow know it.
    private let recentNumber: Int

    private struct Weak: Sendable {
        /// Weak, since the destination owns its reader, and not unowned: a window holds the reader alone, so
        /// the last of its workers may still ask when a reload or a stop has let the destination go, and
        /// then there is no cursor any more that could be written.
        weak var destination: BufferDestination?
    }

    init(_ cursor: CursorState, core: BufferCore) {
        self.core = core
        recentNumber = core.recent.newReader()
        hold = MemoryHold(core.memory, .reading)
        reader = Mutex(Self.reader(cursor, from: cursor.mark, core, follows: recentNumber))
        state = Mutex(State(handedOut: cursor.mark, lead: cursor.mark))
    }

    deinit {
        core.recent.leave(recentNumber)
        reader.withLock { $0.close() }
    }

    func attach(_ destination: BufferDestination) { owner.withLock { $0.destination = destination } }

    private static func reader(
        _ cursor: CursorState, from position: BufferPosition, _ core: BufferCore, follows number: Int
    ) -> FrameReader {
        var reader = core.reader(from: position, AnsweredPlaces(cursor))
        reader.recent = (core.recent, number)
        return reader
    }

    /// What readers and windows hold is charged to it.
    public var memory: MemoryAccount { core.memory }

    /// The requests that had left and had no answer when the cursor was opened, or since, by their
    /// numbers. After a crash they are made again, lowest number first, before anything else.
    public var sent: [UInt64: SentRequest] { destination?.cursor.sent ?? [:] }

    /// Which open samples of a frame, ascending, a request holds that is among `sent`.
    public func samples(of request: SentRequest, in stored: StoredFrame) -> [Range<Int>] {
        if let lane = request.lane {
            let count = destination?.standing.places.lanes.count ?? 0
            guard count > 0, stored.frame.target.id % UInt64(count) == UInt64(lane) else { return [] }
        }
        return request.spans.flatMap { stored.samples(in: $0) }
    }

    /// Ranges beyond the mark that are answered for.
    public var rangeCount: Int { destination?.standing.places.ranges.count ?? 0 }

    /// Whether the cursor holds as many ranges as it is to, and what would be read next lies behind all of
    /// them. What lies between them is read all the same: nothing else lets them become fewer.
    public var isFullOfRanges: Bool {
        guard let ranges = destination?.standing.places.ranges, ranges.count >= Self.mostRanges,
            let end = ranges.end
        else { return false }
        return state.withLock { $0.handedOut } >= end
    }

    /// How many ranges a cursor is to hold.
    public static let mostRanges = AnsweredRanges.most

    /// The next frame; nil when caught up with the tail. Throws when the log cannot be read. A cursor that
    /// cannot be written keeps nobody from reading on.
    public func next() throws(BufferError) -> StoredFrame? {
        let seen = (appends: appended.count, samples: growth.withLock { $0.total })
        let frame = try reader.withLock { reader throws(BufferError) -> StoredFrame? in
            while true {
                let found = try reader.next()
                let position = reader.position
                let (isDone, frame, handed) = state.withLock { state in
                    let (isDone, frame) = Self.take(found, upTo: position, seen, &state)
                    return (isDone, frame, state.open.heldBytes)
                }
                guard isDone else { continue }
                hold.set(reader.ownBytes + handed)
                if frame == nil { core.recent.caughtUp(recentNumber, at: position) }
                return frame
            }
        }
        if frame == nil { settle() }
        return frame
    }

    /// Notes what the reader found before `position`. Done with a frame, and at the tail, which had `seen`
    /// appends.
    private static func take(
        _ found: FrameReader.Found, upTo position: BufferPosition,
        _ seen: (appends: UInt64, samples: UInt64), _ state: inout State
    ) -> (isDone: Bool, StoredFrame?) {
        switch found {
        case .frame(var stored, let lost):
            state.lose(lost, at: stored.end, BufferDropReason.damaged)
            stored.lead = state.lead
            state.lead = stored.end
            state.handedOut = stored.end
            state.open.append(stored)
            return (true, stored)
        case .lost(let counts, let at):
            state.lose(counts, at: at, BufferDropReason.damaged)
            state.handedOut = max(state.handedOut, at)
            return (false, nil)
        case .counted: preconditionFailure("this reader hands frames out")
        case .nothing:
            state.seenAppends = seen.appends
            state.seenSamples = seen.samples
            state.handedOut = max(state.handedOut, position)
            return (true, nil)
        }
    }

    /// Waits until something was appended since `next` gave nil, or until the deadline of the monotonic
    /// clock, or until the task is cancelled. `endWaits` ends it, too.
    public func waitForMore(until deadlineNs: UInt64) async {
        let seen = state.withLock { $0.seenAppends }
        await appended.wait(after: seen, untilNs: deadlineNs, clock: core.clock)
    }

    /// Ends every wait for more. A wait that begins later ends at once, too, unless `next` was called in
    /// between.
    public func endWaits() { appended.signal() }

    /// Signals `event` once so many samples were appended since `next` gave nil, at once where they were. It
    /// takes the place of what was asked for before. The event may be signalled a little early, since what is
    /// appended while `next` reads may count and be handed out as well.
    public func signal(_ event: Event, onceAppended samples: Int) {
        let seen = state.withLock { $0.seenSamples }
        let isThere = growth.withLock { $0.expect(event, at: seen &+ UInt64(max(1, samples))) }
        if isThere { event.signal() }
    }

    /// Something was appended: so many samples.
    func raise(samples: UInt64) {
        // Counted before anybody is woken: a reader notes with what it reads how many samples there were.
        let event = growth.withLock { $0.append(samples) }
        appended.signal()
        event?.signal()
    }

    /// Notes requests before they leave, by numbers that no request has that is in flight. Of the requests
    /// with the numbers `replaced` nothing is in flight any more: these are their parts. Beyond
    /// `InFlightSize` requests are not noted, and the log says so. Throws only for places that were not
    /// handed out; a note that the disk does not take is kept in memory until it does.
    public func willSend(
        _ requests: [UInt64: SentRequest], replacing replaced: [UInt64] = []
    ) throws(BufferError) {
        for request in requests.values {
            try check(request.spans)
            guard SentRequest.areInOrder(request.spans) else {
                throw BufferError(
                    .invalidAcknowledgement, "a request's samples do not stand in the order of the log")
            }
        }
        destination?.note(requests, replacing: replaced)
    }

    /// What the senders before have learned of the receiver; nil where nobody has told.
    public var receiver: ReceiverNote? { destination?.cursor.receiver }

    /// Keeps what is known of the receiver now, in place of what was. Writes a file.
    public func note(_ receiver: ReceiverNote) { destination?.record(.receiver(receiver)) }

    /// Books what became of the samples in `ranges`, each of which covers frames, or parts of them, from
    /// their leads on; the requests with these numbers are over. Throws only for places that were not handed
    /// out, and nothing has changed then. An answer that the disk does not take counts all the same
    /// (`BufferDestination.record`).
    public func answered(
        _ requests: [UInt64], ranges: [Range<BufferPosition>], outcome: Outcomes
    ) throws(BufferError) {
        try check(ranges)
        booking.withLock { _ in
            guard let (mark, places) = destination?.standing else { return }
            record(mark, requests, ranges, outcome, places)
        }
    }

    /// `next` begins again at what is not answered for, for another sender: the one before has ended. What
    /// retention has taken of what was handed out is booked with the next answer.
    func rewind() {
        reader.withLock { reader in
            reader.close()
            guard let cursor = destination?.cursor else { return }
            let oldest = BufferPosition.start(of: core.catalog.oldest?.number ?? cursor.mark.segment)
            let from = max(cursor.mark, oldest)
            state.withLock { state in
                let places = AnsweredPlaces(cursor)
                let gone = state.open.samples(before: oldest.segment, mark: cursor.mark, places)
                let dropped = state.open.samples(mark: cursor.mark, places) { place in
                    isDropped(place, before: reader.memoryFrom)
                }
                // What lies behind is found again; what retention took of it is not.
                state.lost.removeAll { !$0.isGone && $0.at > from }
                state.lose(gone, at: oldest, state.retiredReason, isGone: true)
                state.lose(dropped, at: oldest, BufferDropReason.memoryFull, isGone: true)
                state.handedOut = from
                state.lead = cursor.mark
                state.open = HandedFrames()
            }
            core.recent.leave(recentNumber)
            hold.set(0)
            let memoryFrom = reader.memoryFrom
            reader = Self.reader(cursor, from: from, core, follows: recentNumber)
            reader.passMemory(before: memoryFrom)
        }
    }

    /// The memory of the window on the file, and how many records' places are known: bounded by a segment.
    var footprint: (windowBytes: Int, places: Int) { reader.withLock { $0.footprint } }

    /// The timestamp of the oldest frame handed out and not answered for.
    var oldestOpenMs: Int64? { state.withLock { $0.open.oldestMs } }

    /// Books what retention took, once the segments up to `gone` are no more.
    func settle(gone: UInt64) {
        state.withLock { state in
            for index in state.lost.indices where state.lost[index].at <= .start(of: gone + 1) {
                state.lost[index].isGone = true
            }
        }
        settle()
    }

    /// With nothing handed out no answer will come: books what is lost, and moves the mark off segments
    /// that hold nothing, so that they can go. Else books what is gone and leaves the mark.
    private func settle() {
        booking.withLock { _ in
            guard let (now, places) = destination?.standing else { return }
            let mark = state.withLock { state -> BufferPosition? in
                guard state.open.isAnswered(upTo: now) else {
                    return state.lost.contains { $0.isGone } ? now : nil
                }
                let isBehind = now.segment < state.handedOut.segment
                return isBehind || !state.lost.isEmpty ? state.handedOut : nil
            }
            if let mark { record(mark, [], [], Outcomes(), places) }
        }
    }

    /// Writes an answer down with the losses that the mark passes by it. `mark` is where it is now, or
    /// where it goes as nothing is open before; `places` are answered for beyond.
    func record(
        _ mark: BufferPosition, _ requests: [UInt64], _ ranges: [Range<BufferPosition>],
        _ outcome: Outcomes, _ places: AnsweredPlaces
    ) {
        var places = places
        places.ranges.insert(ranges)
        let moved = places.ranges.pass(mark)
        let passed = state.withLock { state in
            let passed = state.lost.filter { $0.at <= moved || $0.isGone }
            state.lost.removeAll { $0.at <= moved || $0.isGone }
            return passed
        }
        var outcome = outcome
        let hasDelivered = outcome.delivered > 0
        var lacked: UInt64 = 0
        for lost in passed {
            for (job, count) in lost.counts {
                outcome.add(JobOutcome(dropped: [lost.reason: count]), of: job)
                if RoomLoss.isReason(lost.reason) { lacked = SampleCount.sum(lacked, count) }
            }
        }
        destination?.record(
            .answered(upTo: mark, requests: requests, ranges: ranges, outcome: outcome))
        let (beyond, loss) = (places, lacked)
        state.withLock { state in
            state.open.answered(upTo: moved, beyond)
            // Most answers need no clock.
            guard loss > 0 || (hasDelivered && state.roomLoss.samples > 0) else { return }
            let nowNs = core.clock.monotonicNs
            state.roomLoss.lost(loss, nowNs: nowNs)
            if hasDelivered { state.roomLoss.delivered(nowNs: nowNs) }
        }
    }

    /// Samples were lost as there was no room for them.
    func noteLackOfRoom(_ samples: UInt64) {
        let nowNs = core.clock.monotonicNs
        state.withLock { $0.roomLoss.lost(samples, nowNs: nowNs) }
    }

    /// What was lost of late as there was no room, or for its age.
    var lostForRoom: UInt64 { state.withLock { $0.roomLoss.samples } }

    var destination: BufferDestination? { owner.withLock { $0.destination } }

    private func check(_ ranges: [Range<BufferPosition>]) throws(BufferError) {
        let handedOut = state.withLock { $0.handedOut }
        for range in ranges where range.isEmpty || range.upperBound > handedOut {
            throw BufferError(
                .invalidAcknowledgement, "what a request is said to hold was not handed out",
                segment: range.upperBound.segment, offset: range.upperBound.offset)
        }
    }
}
