internal import Platform
internal import Telemetry
internal import WriteAheadBuffer

/// What follows from what was decided about a request.
extension SlotRunner {
    func settle(_ sent: Shipment, _ verdict: RequestVerdict, _ session: inout Session) async {
        let request = sent.request
        shared.metrics.settled(request, as: verdict)
        shared.lessons.finished(samples: request.outcome.total, busyNs: session.busyNs)
        session.busyNs = 0
        switch verdict {
        case .delivered, .unwritten: if request.triesAgain { shared.forgive(request) }
        case .refused(let reason): logRefusal(request.outcome.delivered, reason, request, session)
        case .partlyRefused(let missing, let reason):
            // It says that it has written the others.
            logRefusal(UInt64(missing.total), reason, request, session, isJudged: true)
        case .givenUp: shared.log.gaveUp(slot: number)
        }
        await book(request.covers, request.outcome.booked(as: verdict), over: [sent.note.number], &session)
    }

    /// Tells the gate what the answer to a request that left at `sentNs` means for the other slots. Only an
    /// answer that decides about the request opens the gate. A request that is given up after a failure does
    /// not, since the next one may fail in the same way.
    func tellGate(
        _ answer: ReceiverAnswer, _ next: SlotState, _ machine: SlotStateMachine,
        sentNs: UInt64, _ now: SlotStateMachine.Moment
    ) {
        let scope = answer.scope(storesOthers: (shared.lastStoredNs ?? 0) >= sentNs)
        let askedNs = now.monotonicNs + UInt64(max(0, answer.retryAfterMs ?? 0)) * 1_000_000
        switch next {
        case .pausing(let pausing):
            shared.gate.failed(number, scope, untilNs: pausing.wait.untilNs, nowNs: now.monotonicNs)
        case .held(let held):
            // What an operator has to mend keeps this request waiting for long. The gate may let another one
            // try before. A request that left before the gate was last opened may have been refused for what
            // was mended since, so it does not close the gate.
            let isSlow =
                machine.obstacle == .misconfigured
                || machine.obstacle == .unauthorized && held.flight.tries > 1
            shared.gate.failed(
                number, scope, untilNs: isSlow ? askedNs : held.wait.untilNs, nowNs: now.monotonicNs,
                leftNs: sentNs, isSlow: isSlow)
        case .settling:
            guard !answer.isFinal else { return shared.gate.answered(number, nowNs: now.monotonicNs) }
            shared.gate.failed(
                number, scope == .request ? .request : .unclear, untilNs: askedNs, nowNs: now.monotonicNs)
        case .stopped:
            // Under a drain what an operator has to mend is tried once more, by one request. The others stay
            // in the buffer without a try.
            guard !answer.isFinal else { return }
            if scope == .destination, (shared.lastStoredNs ?? 0) < sentNs { return shared.gate.giveUp() }
            shared.gate.failed(number, scope, untilNs: askedNs, nowNs: now.monotonicNs, isSlow: true)
        // No answer leads to these.
        case .filling, .ready, .inFlight: break
        }
    }

    /// Puts the samples of a request back in front of its claim.
    func putBack(_ sent: Shipment, _ session: inout Session) {
        // Its series are searched now.
        if sent.request.triesAgain { shared.forgive(sent.request) }
        session.collector.putBack(sent.request)
        // The parts take the place of the whole.
        session.claimed?.putBack(sent)
    }

    /// A receiver that has judged the samples, or names what is wrong with one, is the right one: path and
    /// message are not in doubt.
    private func logRefusal(
        _ samples: UInt64, _ reason: String, _ request: PreparedRequest, _ session: Session,
        isJudged: Bool = false
    ) {
        let isNamed = RefusalReason(rawValue: reason)?.namesSamples ?? false
        shared.log.refused(
            reason: reason, samples, of: request.outcome,
            hasStored: isJudged || isNamed || shared.lastStoredNs != nil,
            text: session.lastText, wallMs: shared.clock.wallMs)
    }

    /// The series of a request that was refused are left out from now on.
    func leaveOut(_ request: PreparedRequest, _ verdict: RequestVerdict, forMs leaveOutMs: Int64) {
        guard case .refused(let reason) = verdict else { return }
        let nowNs = shared.clock.monotonicNs
        let isNew = shared.leaveOut(
            request, reason: reason, untilNs: nowNs + UInt64(leaveOutMs) * 1_000_000, nowNs: nowNs)
        shared.log.leftOut(
            request, isNew: isNew, reason: reason,
            seconds: leaveOutMs / 1_000, wallMs: shared.clock.wallMs)
    }

    /// Books what became of the samples in `ranges`, with which the requests of these numbers are over: see
    /// `ShippingWindow.book`.
    func book(
        _ ranges: [Range<BufferPosition>], _ outcome: Outcomes, over numbers: [UInt64] = [],
        _ session: inout Session
    ) async {
        var numbers = numbers
        // With the last part of a claim all that was noted of it is over.
        if session.collector.isEmpty, let noted = session.claimed?.noted {
            numbers += noted
            session.claimed?.noted = []
        }
        let (window, over) = (window, numbers)
        let fault = await shared.workers.run { () -> BufferError? in
            do throws(BufferError) {
                try window.book(over, ranges, outcome)
                return nil
            } catch {
                return error
            }
        }
        guard let fault else { return }
        shared.metrics.bufferErrors.add()
        shared.log.bufferFailed(
            "the cursor cannot be written; booked later", fault, wallMs: shared.clock.wallMs)
    }
}
