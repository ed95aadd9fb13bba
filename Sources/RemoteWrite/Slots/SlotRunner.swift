internal import Configuration
internal import Platform
import Synchronization
internal import Telemetry
internal import WriteAheadBuffer

/// One slot of a window: claims a request, and does what each `SlotState` asks for until all of the claim is
/// answered for.
final class SlotRunner: Sendable {
    let number: Int
    let shared: DestinationShared
    private let seed: UInt64
    /// Signalled when it may be this slot's turn.
    private let turn = Event()
    /// Asks for one more slot.
    private let spawn: @Sendable () -> Void
    private let published = Mutex(SlotStatus())

    var window: ShippingWindow { shared.window }

    /// A failing buffer is asked again after a second, and then after twice as long each time.
    private static let bufferRetryMs: Int64 = 1_000
    /// So a disk that was away is found to be back within half a minute.
    private static let bufferRetryMostMs: Int64 = 30_000
    /// While something other than an append or an answer may let a request leave, the log is looked at this
    /// often: rare enough to cost nothing.
    private static let lookMs: Int64 = 500
    /// A slot without work looks around once a minute even if nobody wakes it.
    private static let idleMs: Int64 = 60_000

    init(
        number: Int, shared: DestinationShared, seed: UInt64, spawn: @escaping @Sendable () -> Void
    ) {
        self.number = number
        self.shared = shared
        self.seed = seed
        self.spawn = spawn
    }

    var status: SlotStatus { published.withLock { $0 } }

    /// What the task keeps beside the state.
    struct Session {
        var machine: SlotStateMachine
        var collector: BatchCollector
        /// nil between two claims.
        var claimed: Claimed?
        var claim: WaitingSlices.Claim? { claimed?.claim }
        var lastText = ""
        /// How long the request has kept the slot busy so far: cutting it and trying it, without the waits
        /// between the tries. `ShardDemand` needs it.
        var busyNs: UInt64 = 0
        /// Waits between reads of the buffer that fail.
        var readBackoff = Backoff(firstMs: bufferRetryMs, mostMs: bufferRetryMostMs)
        var random: SplitMix64
    }

    /// What of the log a slot has to itself until all of it is answered for.
    struct Claimed {
        let claim: WaitingSlices.Claim
        /// The numbers of the cursor's notes about samples of the claim that have left before and are not cut
        /// again yet.
        var noted: [UInt64]
        /// These samples lie before this position; nil where none has left before.
        var leftTo: BufferPosition?

        init(_ claim: WaitingSlices.Claim) {
            self.claim = claim
            noted = claim.resend.map { [$0.number] } ?? []
            // All of a request that is made again has left.
            leftTo = claim.resend == nil ? nil : claim.slices.map(\.cover.upperBound).max()
        }

        /// A request of the claim has left, and is cut again.
        mutating func putBack(_ sent: Shipment) {
            noted.append(sent.note.number)
            leftTo = max(leftTo ?? sent.request.end, sent.request.end)
        }
    }

    /// A request that was cut of a claim: it is on its way until it is booked, or put back to be cut smaller.
    struct Shipment: Sendable {
        let request: PreparedRequest
        /// How the cursor knows it.
        let note: RequestNote
        /// When it was cut.
        let cutNs: UInt64
    }

    func run() async {
        var session = Session(
            machine: SlotStateMachine(
                queue: shared.configuration.queue, age: shared.limits.age, seed: seed,
                receiver: .init(shared.configuration), lessons: shared.lessons),
            collector: BatchCollector(
                limits: shared.limits, isSigned: shared.configuration.sigv4 != nil),
            random: SplitMix64(seed: seed))
        window.turns.began()
        var state = session.machine.begin()
        while case .filling(var filling) = state, !Task.isCancelled {
            heedDrain(&session)
            // A slot without a request keeps no other from sending.
            shared.gate.leave(number)
            publish(session, .idle)
            guard let sent = await collect(&filling, &session) else { break }
            let held = SlotStateMachine.Held(sent.request)
            state = await ship(sent, filling.collected(held, &session.machine, shared.now), &session)
        }
        shared.gate.leave(number)
        shared.log.gaveUp(slot: number)
        window.slotEnded(turn, isIdle: session.claim == nil)
        publish(session, .stopped)
    }

    /// Does what the states of a request ask for, from the `first` after its cut on. Returns the state that
    /// follows its end: `filling` or `stopped`.
    private func ship(_ sent: Shipment, _ first: SlotState, _ session: inout Session) async -> SlotState {
        var state = first
        var hasLeft = false
        while !Task.isCancelled {
            heedDrain(&session)
            publish(session, .init(state, session.machine.obstacle), sent.request)
            switch state {
            case .ready(let ready): state = await passGate(ready, &session)
            case .inFlight(let flying):
                hasLeft = true
                state = await send(sent, flying, &session)
            case .pausing(let pausing):
                await wait(pausing.wait)
                heedDrain(&session)
                state = pausing.woke(&session.machine, shared.now)
            case .held(let held):
                await wait(held.wait)
                heedDrain(&session)
                state = held.woke(&session.machine, shared.now)
            case .settling(let settling):
                switch settling.work {
                case .book(let verdict, let leaveOutForMs):
                    if let leaveOutForMs { leaveOut(sent.request, verdict, forMs: leaveOutForMs) }
                    await settle(sent, verdict, &session)
                case .putBack: putBack(sent, &session)
                }
                // As in `collect`: a request that was given up without being sent has waited for nobody.
                if !hasLeft { await Task.yield() }
                return settling.settled(session.machine, shared.now)
            case .filling, .stopped: return state
            }
        }
        return .stopped
    }

    /// Tells the machine of a drain that has begun.
    private func heedDrain(_ session: inout Session) {
        if let deadlineNs = shared.drainDeadlineNs { session.machine.drain(untilNs: deadlineNs) }
    }

    /// Cuts what is claimed until there is a request; claims more when all of it is answered for. nil when
    /// the slot is to end.
    private func collect(_ filling: inout SlotState.Filling, _ session: inout Session) async -> Shipment? {
        while !Task.isCancelled {
            let cut: Cut
            if session.collector.isEmpty {
                if let claim = session.claim {
                    window.release(claim)
                    session.claimed = nil
                }
                filling.claimed()
                guard let first = await claim(filling, &session) else { return nil }
                cut = first
            } else {
                cut = await self.cut(filling, &session)
            }
            switch cut {
            case .request(let sent): return sent
            case .dropped(let batch):
                shared.metrics.dropped(batch.outcome, histograms: batch.droppedHistograms)
                shared.lessons.finished(samples: batch.outcome.total, busyNs: session.busyNs)
                session.busyNs = 0
                await book(batch.covers, batch.outcome, &session)
            case .nothing: break
            }
            // A slot that sends nothing never waits. Between two cuts it lets others have its worker, so that
            // scrapes are parsed while a long backlog is dropped.
            await Task.yield()
        }
        return nil
    }

    /// Waits for the turn and for something to send, and cuts the first request of it; nil when there is
    /// nothing left to do.
    private func claim(_ filling: SlotState.Filling, _ session: inout Session) async -> Cut? {
        while !Task.isCancelled {
            let seen = turn.count
            switch window.turns.take(turn) {
            case .stop: return nil
            case .wait: await turn.wait(after: seen)
            case .mine: return await look(filling, &session)
            }
        }
        return nil
    }

    /// What a look at the log gave.
    private enum Found: Sendable {
        /// A claim, and the first that was cut of it.
        case claim(Claimed, CutOff)
        /// No claim: see `ShippingWindow.Look`.
        case short(sinceNs: UInt64, lacking: Int)
        case nothing(isWaiting: Bool)
    }

    /// Looks at the log until there is a claim, with the turn, which is given on then. The first request is
    /// cut of the claim in the same worker job, since each job costs several changes of thread. nil, and the
    /// turn is given on, when the slot is to end.
    private func look(_ filling: SlotState.Filling, _ session: inout Session) async -> Cut? {
        let reader = window.reader
        // Not fewer for a slot that cuts smaller requests for now: it cuts more of them off its claim.
        let samples = max(1, shared.configuration.queue.maxSamplesPerSend)
        while !Task.isCancelled {
            publish(session, .idle)
            // Counted before anything is looked at: a drain that begins after it was asked for ends the wait.
            let seen = window.changed.count
            let isDraining = shared.drainDeadlineNs != nil
            let nowNs = shared.clock.monotonicNs
            let deadlineNs = UInt64(shared.configuration.queue.batchSendDeadlineMs) * 1_000_000
            let dueNs = isDraining ? .max : nowNs - min(nowNs, deadlineNs)
            // Asked before the look. If nothing flew by then, the look knows all keys that were let go of,
            // and no answer will make another frame free.
            let mayBeAnswered = window.turns.flying > 0
            let empty = session.collector
            let result = await shared.workers.run { [self] in
                shared.look(samples: samples, nowNs: nowNs, dueNs: dueNs).map { look -> Found in
                    switch look {
                    case .short(let sinceNs, let lacking):
                        return .short(sinceNs: sinceNs, lacking: lacking)
                    case .nothing(let isWaiting): return .nothing(isWaiting: isWaiting)
                    case .claim(let claim):
                        // Another slot may look while this one cuts.
                        if window.turns.claimed() { spawn() }
                        let claimed = Claimed(claim)
                        var collector = empty
                        collector.load(claim.slices, asBefore: claim.resend?.request.omissions)
                        return .claim(claimed, cutOff(collector, claimed, filling))
                    }
                }
            }
            if case .success = result { session.readBackoff.reset() }
            switch result {
            case .success(.claim(let claimed, let off)):
                session.claimed = claimed
                return take(off, filling, &session)
            case .success(.short(let sinceNs, let lacking)):
                // The append that fills the batch ends the wait, and mostly no other before it. An answer
                // ends it as well, since it lets go of keys that others wait for, and so does a request after
                // which claims are smaller.
                var untilNs = sinceNs + deadlineNs
                if window.readingStop == nil {
                    reader.signal(window.changed, onceAppended: lacking)
                } else {
                    // What is appended is not read now. Nobody signals when another destination frees memory,
                    // so look again.
                    untilNs = min(untilNs, nowNs + UInt64(Self.lookMs) * 1_000_000)
                }
                await window.changed.wait(after: seen, untilNs: untilNs, clock: shared.clock)
            case .success(.nothing(let isWaiting)):
                // The cursor could not be written when the last answer came, and the next answer may be far
                // off. Until then no segment may go, and a full disk gets no room.
                if window.hasUnbooked { await book([], Outcomes(), &session) }
                // A drain waits for answers that may still come. Frames behind the request of a slot that has
                // ended stay in the buffer, as that request does.
                if isDraining, !isWaiting || !mayBeAnswered {
                    window.turns.give(isFinished: true)
                    return nil
                } else if isWaiting {
                    await window.changed.wait(
                        after: seen, untilNs: nowNs + UInt64(Self.lookMs) * 1_000_000, clock: shared.clock)
                } else {
                    let idleMs = UInt64(window.hasUnbooked ? Self.bufferRetryMs : Self.idleMs)
                    let untilNs = nowNs + idleMs * 1_000_000
                    // A drain that begins from here on ends the wait.
                    if shared.drainDeadlineNs == nil { await reader.waitForMore(until: untilNs) }
                }
            case .failure(let error):
                shared.metrics.bufferErrors.add()
                shared.log.bufferFailed(
                    "the buffer cannot be read; tried again", error, wallMs: shared.clock.wallMs)
                if isDraining {
                    window.turns.give(isFinished: true)
                    return nil
                }
                let waitMs = session.readBackoff.nextMs(&session.random)
                await wait(.init(untilNs: nowNs + UInt64(waitMs) * 1_000_000, isUnderDrain: false))
            }
        }
        window.turns.give()
        return nil
    }

    /// Waits until the destination is not known to be in the way.
    private func passGate(_ ready: SlotState.Ready, _ session: inout Session) async -> SlotState {
        switch await shared.gate.pass(number, untilNs: shared.drainDeadlineNs, clock: shared.clock) {
        case .atOnce: return ready.leaves(&session.machine, shared.now)
        case .afterWaiting: return ready.waited(&session.machine, shared.now)
        case .never:
            if Task.isCancelled || shared.gate.isGivenUp { return .stopped }
            return ready.waited(&session.machine, shared.now)
        }
    }

    private func send(
        _ sent: Shipment, _ flying: SlotState.InFlight, _ session: inout Session
    ) async -> SlotState {
        let (request, metrics) = (sent.request, shared.metrics)
        let beganNs = shared.clock.monotonicNs
        metrics.leaves(request, isAgain: flying.flight.tries > 0)
        shared.began()
        let (window, claim) = (window, session.claim)
        let outcome = await shared.sender.send(request, skewMs: session.machine.skewMs) {
            if let claim { window.left(claim) }
        }
        let inFlight = shared.ended()
        guard case .answer(let answer, let text) = outcome else { return .stopped }
        let now = shared.now
        let tookNs = now.monotonicNs - beganNs
        session.busyNs += tookNs
        metrics.sentBatchSeconds.observe(Double(tookNs) / 1e9)
        metrics.answered(answer)
        if case .status(let response) = answer {
            if await fallsBack(sent, response, text, now) {
                shared.gate.answered(number, nowNs: now.monotonicNs)
                return flying.messageChanged(&session.machine)
            }
            if answer.isStored {
                unwritten(request, response)
                shared.stored(now)
                shared.lessons.roundTrip(ns: tookNs, inFlight: inFlight)
            }
        }
        heedDrain(&session)
        let next = flying.answered(
            answer, succeededElsewhereNs: shared.lastStoredNs, inFlight: inFlight, &session.machine, now)
        tellGate(answer, next, session.machine, sentNs: beganNs, now)
        // A refusal may be told after parts of its request were stored, at the end of a search.
        if !answer.isStored {
            session.lastText = text
            if shared.configuration.logsFailedRequests { shared.log.notStored(request, text: text) }
        }
        shared.log.tried(session.machine.obstacle, slot: number, answer, text: text, wallMs: now.wallMs)
        if let change = session.machine.sizeChange {
            shared.log.sizeChanged(change, text: text, wallMs: now.wallMs)
        }
        published.withLock { status in
            status.lastError = next.verdict == .delivered ? nil : text
            status.isDropping = next.givesUp
            status.lastErrorMs = now.wallMs
        }
        return next
    }

    /// Waits. A drain that begins after the wait was decided ends it, also where it began before this call.
    private func wait(_ wait: SlotState.Wait) async {
        let clock = shared.clock
        // A cancelled wait ends the slot: the loop looks at the task.
        if wait.isUnderDrain {
            try? await clock.sleep(untilNs: wait.untilNs)
        } else {
            await shared.draining.wait(untilNs: wait.untilNs, clock: clock)
        }
    }

    /// Shows where the slot stands, with the request that it ships.
    private func publish(
        _ session: Session, _ state: SlotStatus.State, _ request: PreparedRequest? = nil
    ) {
        published.withLock { status in
            status.state = state
            status.pendingSamples = session.collector.sampleCount + (request?.sampleCount ?? 0)
            status.pendingHistograms = request?.histogramCount ?? 0
            status.pendingExemplars = request?.exemplarCount ?? 0
            status.oldestPendingMs = request?.oldestMs ?? session.collector.oldestFrameMs
        }
    }
}
