internal import Platform
import Synchronization
internal import WriteAheadBuffer

/// What is on its way to one destination, and what comes next. Its slots take turns: the one whose turn it
/// is reads the log, claims what it will send, and gives the turn on before it sends. So the log is read
/// once, whichever slots send it, and as many requests fly as the window allows.
///
/// Requests that had left before this sender began, and have no answer, are *to be made again*: they are read
/// and claimed before anything else.
final class ShippingWindow: Sendable {
    /// What a look at the log gave.
    enum Look: Sendable {
        case claim(WaitingSlices.Claim)
        /// Frames wait, `lacking` samples short of a batch; the oldest was appended (or read from disk) at
        /// `sinceNs`.
        case short(sinceNs: UInt64, lacking: Int)
        /// Nothing may leave now. With `isWaiting` an answer will change that: parts wait for keys that are
        /// in flight, or the reader waits for room.
        case nothing(isWaiting: Bool)
    }

    private struct State {
        /// Claims that are answered for, and whose keys the next look lets go of.
        var released: [WaitingSlices.Claim] = []
        var claimSize: ClaimSize
        /// The numbers of requests to be made again that are claimed and have not left yet.
        var leaving: Set<UInt64> = []
        var nextNumber: UInt64
        var unbooked = Unbooked()
        var unnoted = Unnoted()
        var waitingSamples = 0
        /// What the requests of claims that fly hold.
        var bodyBytes = 0
        var oldestMs: Int64?
        var readingStop: ReadingStop?
        /// The last look has read something.
        var hasRead = false
        /// Requests found damaged that `takeDamaged` has not given yet.
        var damaged = 0
    }

    /// Used by the slot whose turn it is.
    private struct Log {
        var waiting: WaitingSlices
        var keys = ConflictKeys()
        /// Requests to be made again.
        var sent: SentRequests
    }

    let reader: DestinationReader
    /// `RequestOptions.digest` of the configuration.
    let options: UInt64
    /// Signalled when another look may find a claim: a request is over, so that what waits for its keys may
    /// leave, or claims have become smaller.
    let changed = Event()
    let turns: SlotTurns
    private let lessons: DestinationLessons
    private let views: WriteRelabelViews?
    private let mostSamples: Int
    /// Requests that may ever fly at once.
    private let mostFlying: Int
    private let state: Mutex<State>
    private let log: Mutex<Log>
    private let hold: WindowHold
    private let isToLetGo = Atomic<Bool>(false)
    /// More samples do not wait: reading stops. Some batches for each request in flight.
    private static let waitingBatches = 4

    init(
        reader: DestinationReader, lessons: DestinationLessons, views: WriteRelabelViews?, mostSamples: Int,
        mostFlying: Int = 1, mostBeyondMemory: Int = SentRequests.mostBeyondMemory, options: UInt64
    ) {
        self.reader = reader
        hold = WindowHold(reader.memory, mostSamples: max(1, mostSamples))
        self.options = options
        self.lessons = lessons
        turns = SlotTurns(lessons)
        self.views = views
        self.mostSamples = max(1, mostSamples)
        self.mostFlying = max(1, mostFlying)
        let sent = reader.sent
        state = Mutex(State(claimSize: ClaimSize(most: mostSamples), nextNumber: (sent.keys.max() ?? 0) &+ 1))
        let requests = SentRequests(sent, mostBeyondMemory: mostBeyondMemory)
        log = Mutex(Log(waiting: WaitingSlices(sent: sent), sent: requests))
    }

    /// All of a claim is answered for.
    func release(_ claim: WaitingSlices.Claim) {
        // Its keys are let go of at the next look, its frames at once.
        var keys = claim
        keys.slices = []
        state.withLock { state in
            state.released.append(keys)
            state.bodyBytes -= claim.bodyBytes
            if let resend = claim.resend { state.leaving.remove(resend.number) }
        }
        turns.released()
        changed.signal()
    }

    /// The first request of a claim is handed to its connection. After a crash, samples that were not in
    /// flight wait until each claimed request that is made again has been handed over.
    func left(_ claim: WaitingSlices.Claim) {
        guard let resend = claim.resend else { return }
        let wasLast = state.withLock { $0.leaving.remove(resend.number) != nil && $0.leaving.isEmpty }
        if wasLast { changed.signal() }
    }

    /// Memory is scarce: the next look lets go of what is kept of frames and chunks that are gone. Any
    /// thread.
    func letGoOfThePast() { isToLetGo.store(true, ordering: .relaxed) }

    /// A slot ends, with a claim unless it is idle. A claim that is not answered for keeps its keys: nothing
    /// may overtake it.
    func slotEnded(_ slot: Event, isIdle: Bool) {
        turns.ended(slot, isIdle: isIdle)
        changed.signal()
    }

    /// Samples read and not claimed, and the timestamp of the oldest.
    var waiting: (samples: Int, oldestMs: Int64?) { state.withLock { ($0.waitingSamples, $0.oldestMs) } }

    /// Why the last look that had need to read on did not; nil when it did.
    var readingStop: ReadingStop? { state.withLock { $0.readingStop } }

    /// Whether the last look has read something, before it stopped or not.
    var hasRead: Bool { state.withLock { $0.hasRead } }

    /// Bytes charged for what waits and for what is in flight.
    var heldBytes: Int { hold.heldBytes }

    // MARK: looking

    /// Looks for the next claim, of `samples` samples at most. It may have fewer when one of its frames was
    /// appended (or read from disk) at `dueNs` or before, on the monotonic clock. Reads the log, so it is
    /// called on a worker, by the slot whose turn it is.
    func look(samples: Int, nowNs: UInt64, dueNs: UInt64) throws(BufferError) -> Look {
        let flying = turns.flying
        let (released, wanted) = state.withLock { state in
            defer { state.released = [] }
            let most = state.claimSize.samples(limitBytes: BatchCollector.maxRequestBytes)
            return (state.released, min(samples, most))
        }
        // While requests are in flight, an answer will free memory, so reading may stop. With none in flight
        // a batch is read whatever it takes.
        var bounds = Bounds(
            most: mostSamples * Self.waitingBatches * (lessons.windowSize + 1),
            least: flying > 0 ? 0 : mostSamples)
        return try log.withLock { log throws(BufferError) in
            for claim in released { log.waiting.release(claim) }
            if isToLetGo.exchange(false, ordering: .relaxed) {
                log.keys.letGoOfThePast()
                log.waiting.giveBackRoom()
                views?.letGoOfThePast()
            }
            var reading = Reading()
            var claimedBytes = 0
            defer { publish(log.waiting, reading, claimedBytes: claimedBytes) }
            while true {
                let bodyBytes = state.withLock { $0.bodyBytes }
                // As much as could wait while the window had its full size: then they may have left.
                let sentMost = max(bounds.most, mostSamples * Self.waitingBatches * (mostFlying + 1))
                let sentBounds = Bounds(most: sentMost, least: bounds.least)
                try readSent(&log, sentBounds, bodyBytes, nowNs, &reading)
                if let claim = claimResend(&log) {
                    claimedBytes = claim.bodyBytes
                    return .claim(claim)
                }
                // An answer or `left` ends the wait.
                guard state.withLock({ $0.leaving.isEmpty }) else { return .nothing(isWaiting: true) }
                let found = try claimNew(
                    &log, samples: wanted, bounds, bodyBytes, nowNs: nowNs, dueNs: dueNs, &reading)
                if let claim = found.claim {
                    claimedBytes = claim.bodyBytes
                    return .claim(claim)
                }
                if let ns = found.sinceNs { return .short(sinceNs: ns, lacking: found.lacking) }
                // No answer will make room, since nothing flies. All that waits has to follow a request to
                // be made again, and that request is not complete: its last frames are not read yet. So the
                // log is read on, a batch at a time, however much waits. Before the restart as much waited,
                // unless the cursor was forged or damaged.
                guard flying == 0, !log.sent.isEmpty else {
                    // What is full becomes free with an answer. More that is appended would not help.
                    return .nothing(isWaiting: !log.waiting.isEmpty || reading.stop != nil)
                }
                let isUsedUp = hold.isUsedUp(parts: log.waiting.partCount, bodyBytes: bodyBytes)
                guard log.sent.mayRead(waiting: log.waiting.sampleCount, isMemoryUsedUp: isUsedUp) else {
                    giveUpSent(&log)
                    continue
                }
                bounds.least = log.waiting.sampleCount + mostSamples
                bounds.most = max(bounds.most, bounds.least)
            }
        }
    }

    /// Reads nothing more for the requests to be made again that are not complete.
    private func giveUpSent(_ log: inout Log) {
        let numbers = log.sent.takeDamaged()
        for number in numbers { log.waiting.completeResend(number) }
        state.withLock { $0.damaged += numbers.count }
    }

    /// How many of the requests to be made again were found damaged since this was asked last.
    func takeDamaged() -> Int {
        state.withLock { state in
            defer { state.damaged = 0 }
            return state.damaged
        }
    }

    /// The next request to be made again; nil when none may leave now. What was read of a damaged request
    /// is claimed here as well, so that it leaves before later frames of its targets.
    private func claimResend(_ log: inout Log) -> WaitingSlices.Claim? {
        var over = log.waiting.takeEmptyResends()
        var claim = log.waiting.claimResend()
        if let number = claim?.resend?.number, log.sent.claimed(number) {
            claim?.resend = nil
            over.append(number)
        }
        state.withLock { state in
            // The cursor forgets them with the next answer.
            state.unbooked.numbers += over
            if let resend = claim?.resend { state.leaving.insert(resend.number) }
        }
        return claim
    }

    /// Claims what has not left before, and reads within bounds what that needs.
    private func claimNew(
        _ log: inout Log, samples: Int, _ bounds: Bounds, _ bodyBytes: Int, nowNs: UInt64, dueNs: UInt64,
        _ reading: inout Reading
    ) throws(BufferError) -> WaitingSlices.Found {
        // They are taken out of `log`, not copied: a copy of what the keys know would be made with each
        // target that is new.
        var (keys, sent, met) = (ConflictKeys(), SentRequests([:]), reading)
        swap(&keys, &log.keys)
        swap(&sent, &log.sent)
        defer { (log.keys, log.sent, reading) = (keys, sent, met) }
        do {
            return try log.waiting.claim(samples: samples, dueNs: dueNs) { waiting in
                met.isAsked = true
                met.stop = full(waiting, bounds, bodyBytes) ?? (reader.isFullOfRanges ? .answeredRanges : nil)
                guard met.stop == nil, let stored = try reader.next() else { return false }
                met.hasRead = true
                add(stored, nowNs, &sent, &keys, &waiting)
                return true
            }
        } catch let error as BufferError {
            throw error
        } catch {
            preconditionFailure("a reader throws the buffer's errors")
        }
    }

    /// Why nothing more is to be read now; nil where the bounds allow more.
    private func full(_ waiting: WaitingSlices, _ bounds: Bounds, _ bodyBytes: Int) -> ReadingStop? {
        if waiting.sampleCount >= bounds.most { return .waitingSamples }
        guard waiting.sampleCount >= bounds.least else { return nil }
        return hold.isUsedUp(parts: waiting.partCount, bodyBytes: bodyBytes) ? .memory : nil
    }

    /// Reads, within bounds, until all frames of the requests to be made again are there. They may lie far
    /// apart in the log.
    private func readSent(
        _ log: inout Log, _ bounds: Bounds, _ bodyBytes: Int, _ nowNs: UInt64, _ reading: inout Reading
    ) throws(BufferError) {
        reading.stop = nil
        while !log.sent.isEmpty {
            reading.isAsked = true
            reading.stop = full(log.waiting, bounds, bodyBytes)
            guard reading.stop == nil else { return }
            guard let stored = try reader.next() else {
                // What is not there now is gone from the disk.
                for number in log.sent.takeAll() { log.waiting.completeResend(number) }
                return
            }
            reading.hasRead = true
            add(stored, nowNs, &log.sent, &log.keys, &log.waiting)
        }
    }

    /// Adds the samples of a frame that are not answered for: those of a request to be made again to that
    /// request, the rest behind all that waits. A request that ends with the frame, or before it, is
    /// complete then.
    private func add(
        _ stored: StoredFrame, _ nowNs: UInt64, _ sent: inout SentRequests,
        _ keys: inout ConflictKeys, _ waiting: inout WaitingSlices
    ) {
        let held = hold.frame(stored)
        let own = keys.keys(of: stored.frame) { waiting.isUsed($0) }
        let maySplit = !keys.repeatsSeries(stored.frame)
        func entry(_ samples: Range<Int>) -> WaitingSlices.Entry {
            .init(
                slice: FrameSlice(
                    stored, samples: samples, views: views, repeatsSeries: !maySplit, held: held),
                keys: own, maySplit: maySplit, sinceNs: min(nowNs, stored.appendedNs ?? nowNs))
        }
        let (parts, rest) = sent.parts(of: stored, reader)
        for part in parts { waiting.append(entry(part.samples), toResend: part.number) }
        for samples in rest { waiting.append(entry(samples)) }
        if !rest.isEmpty { keys.waits(own) }
        for number in sent.takeComplete(upTo: stored.end) { waiting.completeResend(number) }
    }

    private func publish(_ waiting: WaitingSlices, _ reading: Reading, claimedBytes: Int) {
        let bodyBytes = state.withLock { state in
            if reading.isAsked { state.readingStop = reading.stop }
            state.hasRead = reading.hasRead
            state.waitingSamples = waiting.sampleCount
            state.bodyBytes += claimedBytes
            state.oldestMs = waiting.oldestMs
            return state.bodyBytes
        }
        hold.set(parts: waiting.partCount, bodyBytes: bodyBytes)
    }

    /// A request was cut of a claim.
    func cut(_ request: PreparedRequest) {
        let limitBytes = BatchCollector.maxRequestBytes
        // What waits may be enough for a smaller claim.
        if state.withLock({ $0.claimSize.cut(request, limitBytes: limitBytes) }) { changed.signal() }
    }

    // MARK: the cursor

    /// Numbers for requests that no other has.
    func newNumbers(_ count: Int) -> [UInt64] {
        state.withLock { state in
            defer { state.nextNumber &+= UInt64(count) }
            return (0..<UInt64(count)).map { state.nextNumber &+ $0 }
        }
    }

    /// Notes requests in the cursor before they leave (`DestinationReader.willSend`), in place of those with
    /// the numbers `replaced`. Where the cursor cannot be written, the note is kept and written with the next
    /// one, or with an answer. Writes a file: called on a worker.
    func note(_ requests: [UInt64: SentRequest], replacing replaced: [UInt64]) throws(BufferError) {
        var all = takeUnnoted()
        all.add(requests, replacing: replaced)
        try note(all)
    }

    private func takeUnnoted() -> Unnoted {
        state.withLock { state in
            defer { state.unnoted = Unnoted() }
            return state.unnoted
        }
    }

    private func note(_ all: Unnoted) throws(BufferError) {
        guard !all.isEmpty else { return }
        do throws(BufferError) {
            try reader.willSend(all.requests, replacing: all.replaced)
        } catch {
            state.withLock { state in
                var merged = all
                merged.add(state.unnoted.requests, replacing: state.unnoted.replaced)
                state.unnoted = merged
            }
            throw error
        }
    }

    var hasUnbooked: Bool { state.withLock { !$0.unbooked.isEmpty } }

    /// Books an answer: the cursor notes what became of the samples in `ranges`, and moves
    /// (`DestinationReader.answered`). The requests with these numbers are over. Where the cursor cannot be
    /// written, the answer is kept and booked with the next one. The buffer looks at the cursors once a
    /// second, and removes the segments that all of them have passed. Writes a file: called on a worker.
    func book(_ numbers: [UInt64], _ ranges: [Range<BufferPosition>], _ outcome: Outcomes) throws(BufferError)
    {
        var all = state.withLock { state in
            defer { state.unbooked = Unbooked() }
            return state.unbooked
        }
        all.add(numbers, ranges, outcome)
        do throws(BufferError) {
            var unnoted = takeUnnoted()
            for number in all.numbers { unnoted.requests[number] = nil }
            try note(unnoted)
            try reader.answered(all.numbers, ranges: all.ranges, outcome: all.outcome)
        } catch {
            state.withLock { state in
                all.add(state.unbooked.numbers, state.unbooked.ranges, state.unbooked.outcome)
                state.unbooked = all
            }
            throw error
        }
    }
}
