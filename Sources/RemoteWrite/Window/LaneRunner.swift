internal import Configuration
internal import Logging
internal import Platform
import Synchronization
internal import Telemetry
internal import WriteAheadBuffer

/// One lane's task: carries out what `LaneStateMachine` decides.
final class LaneRunner: Sendable {
    private let lane: BufferLane
    private let shared: LaneShared
    private let logger: Logger
    private let seed: UInt64
    private let published = Mutex(LaneStatus())

    /// A failing buffer is asked again after a second, and then after twice as long each time.
    private static let bufferRetryMs: Int64 = 1_000
    /// A disk that is away is found to be back within half a minute.
    private static let bufferRetryMostMs: Int64 = 30_000
    /// While a batch fills, the buffer is looked at this often: a fraction of the usual deadline, and rare
    /// enough to cost nothing.
    private static let lookMs: Int64 = 500
    /// A lane without work looks around once a minute even if nobody wakes it.
    private static let idleMs: Int64 = 60_000

    init(lane: BufferLane, shared: LaneShared, logger: Logger, seed: UInt64) {
        self.lane = lane
        self.shared = shared
        self.logger = logger
        self.seed = seed
    }

    var status: LaneStatus { published.withLock { $0 } }

    /// What the task keeps between two actions.
    private struct Session {
        var machine: LaneStateMachine
        var collector: BatchCollector
        var log: LaneLog
        var request: PreparedRequest?
        /// Outcomes that the cursor could not take down; they go with the next, or alone when none comes.
        var unbooked = Outcomes()
        /// How far they reach; nil when there are none.
        var unbookedEnd: BufferPosition?
        /// When the first frame of the batch being collected was read.
        var batchBeganNs: UInt64?
        var lastText = ""
        /// Waits between reads of the buffer that fail.
        var readBackoff = Backoff(firstMs: bufferRetryMs, mostMs: bufferRetryMostMs)
        var random: SplitMix64
    }

    func run() async {
        let queue = shared.configuration.queue
        var session = Session(
            machine: LaneStateMachine(
                queue: queue, age: shared.limits.age, seed: seed, lessons: shared.lessons),
            collector: BatchCollector(
                limits: shared.limits, isSigned: shared.configuration.sigv4 != nil,
                resendEnd: lane.inFlightEnd, resendOmissions: lane.inFlightOmissions, views: shared.views),
            log: LaneLog(logger), random: SplitMix64(seed: seed))
        var action = session.machine.begin()
        while action != .stop, !Task.isCancelled {
            if let deadlineNs = shared.drainDeadlineNs { session.machine.drain(untilNs: deadlineNs) }
            publish(session, action)
            switch action {
            case .collect(let samples, let end): action = await collect(samples, upTo: end, &session)
            case .send: action = await send(&session)
            case .wait(let untilNs):
                await pause(untilNs: untilNs, isDraining: session.machine.isDraining)
                if let deadlineNs = shared.drainDeadlineNs { session.machine.drain(untilNs: deadlineNs) }
                action = session.machine.woke(shared.now)
            case .settle(let verdict, let leaveOutForMs):
                if let leaveOutForMs { leaveOut(verdict, forMs: leaveOutForMs, &session) }
                await settle(verdict, &session)
                action = session.machine.settled(shared.now)
            case .split:
                if let request = session.request {
                    // Its series are searched now.
                    if request.triesAgain { session.collector.forgive(request) }
                    session.collector.putBack(request)
                }
                session.request = nil
                action = session.machine.settled(shared.now)
            case .stop: break
            }
        }
        published.withLock { $0.state = .stopped }
    }

    /// Reads and cuts until there is a request, or nothing left while draining.
    private func collect(
        _ samples: Int, upTo end: BufferPosition?, _ session: inout Session
    ) async -> LaneStateMachine.Action {
        while !Task.isCancelled {
            let isDraining = shared.drainDeadlineNs != nil
            let nowNs = shared.clock.monotonicNs
            let deadlineNs =
                (session.batchBeganNs ?? nowNs) + UInt64(shared.configuration.queue.batchSendDeadlineMs)
                * 1_000_000
            let isDue = isDraining || nowNs >= deadlineNs || end != nil
            switch await cut(samples, upTo: end, evenIfShort: isDue, &session) {
            case .cut(.request(let request), let fault):
                session.batchBeganNs = session.collector.isEmpty ? nil : nowNs
                if let fault { say(fault, &session) }
                session.request = request
                return session.machine.collected(
                    .init(
                        sampleCount: request.sampleCount, bytes: request.uncompressedBytes,
                        newestMs: request.newestMs, isOfOneMoment: request.oldestMs == request.newestMs,
                        mayBeStored: request.isResend, end: request.end,
                        triesAgain: request.triesAgain), shared.now)
            case .cut(.dropped(let batch), let fault):
                if let fault { say(fault, &session) }
                for (reason, count) in batch.outcome.dropped { shared.metrics.dropped(reason).add(count) }
                await book(batch.outcome, upTo: batch.end, &session)
            case .cut(.nothing, _):
                session.batchBeganNs = nil
                // No answer may come for long: a disk that was full stays so until its segments may go.
                if let end = session.unbookedEnd { await book(Outcomes(), upTo: end, &session) }
                if isDraining { return session.machine.caughtUp(shared.now) }
                publish(session, .collect(samples: samples))
                let idleMs = session.unbookedEnd == nil ? Self.idleMs : Self.bufferRetryMs
                await waitForMore(untilNs: nowNs + UInt64(idleMs) * 1_000_000)
            case .short:
                session.batchBeganNs = session.batchBeganNs ?? nowNs
                publish(session, .collect(samples: samples))
                if !isDraining {
                    // Not woken by each append: a batch that fills meanwhile is met at the next look, and
                    // those behind it at once.
                    let begunNs = session.batchBeganNs ?? nowNs
                    let dueNs = begunNs + UInt64(shared.configuration.queue.batchSendDeadlineMs) * 1_000_000
                    await pause(
                        untilNs: min(dueNs, nowNs + UInt64(Self.lookMs) * 1_000_000), isDraining: false)
                }
            case .failed(let error):
                shared.metrics.bufferErrors.add()
                session.log.bufferFailed(
                    "the buffer cannot be read; tried again", error, wallMs: shared.clock.wallMs)
                if isDraining { return .stop }
                let waitMs = session.readBackoff.nextMs(&session.random)
                await pause(untilNs: nowNs + UInt64(waitMs) * 1_000_000, isDraining: false)
            }
        }
        return .stop
    }

    private enum CutResult: Sendable {
        /// `fault` is why the cursor could not take down that the batch leaves.
        case cut(BatchCollector.Cut, fault: BufferError?)
        /// Frames are there, but fewer than a batch.
        case short
        case failed(any Error)
    }

    /// One worker job: reads what is there, and if that makes a batch, encodes it and tells the cursor that
    /// it is about to be sent or dropped.
    private func cut(
        _ samples: Int, upTo end: BufferPosition?, evenIfShort: Bool, _ session: inout Session
    ) async -> CutResult {
        let nowNs = shared.clock.monotonicNs
        let search = search(upTo: end, session, nowNs)
        let before = session.collector
        let lane = lane
        let scratches = shared.scratches
        let agingMs = shared.clock.agingMs
        let limitBytes = shared.lessons.limitBytes
        let (after, result) = await shared.workers.run { () -> (BatchCollector, CutResult) in
            var collector = before
            do {
                let isFull = try collector.fill(from: lane, samples: samples)
                if collector.isEmpty { return (collector, .cut(.nothing, fault: nil)) }
                // What was in flight lies behind the tail: it is made again at once.
                guard isFull || evenIfShort || collector.resendEnd != nil else { return (collector, .short) }
                let cut = scratches.with {
                    collector.cut(
                        samples: samples, bytes: limitBytes, search: search, agingMs: agingMs, scratch: $0)
                }
                return (collector, .cut(cut, fault: Self.note(cut, to: lane)))
            } catch {
                return (collector, .failed(error))
            }
        }
        session.collector = after
        if case .failed = result {} else { session.readBackoff.reset() }
        return result
    }

    private func search(upTo end: BufferPosition?, _ session: Session, _ nowNs: UInt64)
        -> BatchCollector.Search
    {
        guard !session.machine.isSearching else { return .init(end: end, nowNs: nowNs) }
        let lessons = shared.lessons
        return .init(
            end: end, takeTryingAgain: { lessons.takeTryingAgain(nowNs) },
            giveBackTryingAgain: { lessons.giveBackTryingAgain() }, nowNs: nowNs)
    }

    /// Tells the cursor what is about to be sent, or dropped; returns why it could not take that down.
    private static func note(_ cut: BatchCollector.Cut, to lane: BufferLane) -> BufferError? {
        do throws(BufferError) {
            switch cut {
            case .request(let request): try lane.willSend(upTo: request.end, leavingOut: request.omissions)
            case .dropped(let batch): try lane.willSend(upTo: batch.end, leavingOut: batch.omissions)
            case .nothing: break
            }
            return nil
        } catch {
            return error
        }
    }

    /// Without the note a crash now would cut the next batch elsewhere; not to send would be worse.
    private func say(_ fault: BufferError, _ session: inout Session) {
        shared.metrics.bufferErrors.add()
        session.log.bufferFailed(
            "the cursor cannot be written; sent all the same", fault, wallMs: shared.clock.wallMs)
    }

    private func send(_ session: inout Session) async -> LaneStateMachine.Action {
        guard let request = session.request else { preconditionFailure("a request is held while it is sent") }
        let metrics = shared.metrics
        let beganNs = shared.clock.monotonicNs
        metrics.samples.add(UInt64(request.sampleCount - request.histogramCount))
        metrics.histograms.add(UInt64(request.histogramCount))
        metrics.exemplars.add(UInt64(request.exemplarCount))
        metrics.bytes.add(UInt64(request.body.count))
        if session.machine.tries > 0 { metrics.retried.add(UInt64(request.sampleCount)) }
        guard
            case .answer(let answer, let text) = await shared.sender.send(
                request, skewMs: session.machine.skewMs)
        else { return .stop }
        let now = shared.now
        metrics.sentBatchSeconds.observe(Double(now.monotonicNs - beganNs) / 1e9)
        var isStored = false
        if case .status(let response) = answer {
            metrics.answered(String(response.status))
            isStored = response.meaning == .stored
            if isStored { shared.stored(now) }
        } else {
            metrics.answered("error")
        }
        if let deadlineNs = shared.drainDeadlineNs { session.machine.drain(untilNs: deadlineNs) }
        let action = session.machine.answered(answer, succeededElsewhereNs: shared.lastStoredNs, now)
        // A refusal may be told after parts of its request were stored, at the end of a search.
        if !isStored { session.lastText = text }
        session.log.tried(session.machine.obstacle, text: text, wallMs: now.wallMs)
        if let change = session.machine.sizeChange {
            session.log.sizeChanged(change, text: text, wallMs: now.wallMs)
        }
        published.withLock { status in
            status.lastError = action == .settle(.delivered) ? nil : text
            status.lastErrorMs = action == .settle(.delivered) ? nil : now.wallMs
        }
        return action
    }

    private func settle(_ verdict: LaneVerdict, _ session: inout Session) async {
        guard let request = session.request else {
            preconditionFailure("a request is held until it is booked")
        }
        let sent = request.outcome.delivered
        for (reason, count) in request.outcome.dropped { shared.metrics.dropped(reason).add(count) }
        switch verdict {
        case .delivered:
            shared.metrics.stored(newestMs: request.newestMs)
            if request.triesAgain { session.collector.forgive(request) }
        case .refused(let reason):
            shared.metrics.failed.add(sent)
            shared.metrics.refused(reason).add(sent)
            session.log.refused(
                reason: reason, outcome: request.outcome, text: session.lastText, wallMs: shared.clock.wallMs)
        case .givenUp(let reason): shared.metrics.dropped(reason).add(sent)
        }
        if request.exemplarsOff > 0 {
            shared.metrics.droppedExemplars(DropReason.exemplarsOff).add(UInt64(request.exemplarsOff))
        }
        session.request = nil
        await book(request.outcome.booked(as: verdict), upTo: request.end, &session)
    }

    /// The series of the request held are left out from now on.
    private func leaveOut(_ verdict: LaneVerdict, forMs leaveOutMs: Int64, _ session: inout Session) {
        guard case .refused(let reason) = verdict, let request = session.request else { return }
        let nowNs = shared.clock.monotonicNs
        let before = session.collector.leftOut.count
        session.collector.leaveOut(
            request, reason: reason, untilNs: nowNs + UInt64(leaveOutMs) * 1_000_000, nowNs: nowNs)
        session.log.leftOut(
            request, isNew: session.collector.leftOut.count > before, reason: reason,
            seconds: leaveOutMs / 1_000, wallMs: shared.clock.wallMs)
    }

    /// The way back of an answer: moves the cursor (`BufferLane.answered`), which removes the segments that
    /// every destination has answered for.
    private func book(_ outcome: Outcomes, upTo end: BufferPosition, _ session: inout Session) async {
        var all = session.unbooked
        all.add(outcome)
        let lane = lane
        do {
            try await shared.workers.run { [all] in try lane.answered(upTo: end, outcome: all) }
            session.unbooked = Outcomes()
            session.unbookedEnd = nil
        } catch {
            shared.metrics.bufferErrors.add()
            session.log.bufferFailed(
                "the cursor cannot be written; booked later", error, wallMs: shared.clock.wallMs)
            session.unbooked = all
            session.unbookedEnd = end
        }
    }

    private func waitForMore(untilNs: UInt64) async {
        let lane = lane
        await shared.draining.cancelling { await lane.waitForMore(until: untilNs) }
    }

    /// Waits; a drain that begins meanwhile ends the wait. `isDraining` is what the decision to wait knew: it
    /// was made under a drain, which then does not end it. Not asked anew here, since a drain that began
    /// after the decision must be seen.
    private func pause(untilNs: UInt64, isDraining: Bool) async {
        let clock = shared.clock
        // A cancelled wait ends the lane: the loop looks at the task.
        if isDraining {
            try? await clock.sleep(untilNs: untilNs)
        } else {
            await shared.draining.wait(untilNs: untilNs, clock: clock)
        }
    }

    private func publish(_ session: Session, _ action: LaneStateMachine.Action) {
        published.withLock { status in
            switch action {
            case .send: status.state = .sending
            case .wait:
                switch session.machine.obstacle {
                case .failing: status.state = .backingOff
                case .throttled, nil: status.state = .throttled
                case .unauthorized, .misconfigured, .refusingSize: status.state = .held
                }
            case .collect, .settle, .split: status.state = .idle
            case .stop: status.state = .stopped
            }
            status.tries = session.machine.tries
            status.leftOutSeries = session.collector.leftOut.count
            status.pendingSamples = session.collector.sampleCount + (session.request?.sampleCount ?? 0)
            status.oldestPendingMs = session.request?.oldestMs ?? session.collector.oldestFrameMs
        }
    }
}
