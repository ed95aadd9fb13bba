internal import WriteAheadBuffer

extension SlotState {
    /// The request was handed to its connection, and its answer is waited for.
    ///
    /// - `answered`: a response came, or the try failed. It becomes `settling` where that decides about the
    ///   request; `pausing` or `held` where it is tried again; `stopped` where the time of a drain is over,
    ///   or under a drain where people have to mend what is in the way.
    /// - `messageChanged`: the receiver does not know the message. It becomes `settling`.
    ///
    /// The shell ends the slot from here (`stopped`) where its task is cancelled during the try.
    struct InFlight: Sendable {
        let flight: Flight
        /// When it left, by the monotonic clock.
        let leftNs: UInt64

        /// A try has ended. `succeededElsewhereNs` is when a request of any slot of the destination was last
        /// stored; `inFlight` requests were on their way with it.
        func answered(
            _ answer: ReceiverAnswer, succeededElsewhereNs: UInt64?, inFlight: Int = 1,
            _ machine: inout SlotStateMachine, _ now: SlotStateMachine.Moment
        ) -> SlotState {
            machine.tryEnded()
            var flight = flight
            flight.tries += 1
            switch answer {
            case .unsigned, .unsendable, .unconnected: break
            // Something may have left, which uses up what was reserved.
            case .status, .unreachable: flight.isReserved = false
            }
            // What fails while nobody is stored says nothing of the request, however often it did.
            let storesOthers = succeededElsewhereNs.map { $0 >= leftNs } ?? false
            switch answer {
            case .unreachable:
                flight.request.mayBeStored = true
                return flight.failing(after: nil, isItsOwn: true, storesOthers: storesOthers, &machine, now)
            case .unconnected: return flight.retry(.failing, after: nil, &machine, now)
            case .unsigned: return flight.retrySlowly(.unauthorized, &machine, now)
            case .unsendable: return flight.retrySlowly(.misconfigured, &machine, now)
            case .status(let response):
                if succeededElsewhereNs == nil, machine.doubts(flight.request, response) {
                    return flight.retrySlowly(.refusing, &machine, now)
                }
                switch response.meaning {
                case .stored: return flight.stored(response, &machine, now)
                case .refused: return flight.refused(response, &machine, now)
                case .unauthorized:
                    machine.learnSkew(response.serverMs, now)
                    // Once at the usual pace, as new credentials or the clock may have been all that it took.
                    let soon = flight.tries == 1 && machine.receiver.isGivenCredentials
                    return flight.retrySlowly(.unauthorized, soon: soon, &machine, now)
                case .misconfigured: return flight.retrySlowly(.misconfigured, &machine, now)
                case .tooLarge: return flight.tooLarge(&machine, now)
                case .throttled: return flight.throttled(response, inFlight: inFlight, &machine, now)
                case .failing:
                    return flight.failing(
                        response, storesOthers: storesOthers, inFlight: inFlight, &machine, now)
                }
            }
        }

        /// The receiver does not know the request's message (1.0 or 2.0): its samples are sent again in the
        /// other one.
        func messageChanged(_ machine: inout SlotStateMachine) -> SlotState {
            machine.tryEnded()
            machine.recovered()
            return flight.putBack()
        }
    }
}

/// What follows from an answer.
extension SlotState.Flight {
    fileprivate func stored(
        _ response: ReceiverAnswer.Response, _ machine: inout SlotStateMachine, _ now: Moment
    ) -> SlotState {
        machine.stored(request, now)
        // What an earlier try may have stored need not be written again.
        guard let missing = request.unwritten(response), missing.total > 0, !request.mayBeStored else {
            return settle(.delivered, machine)
        }
        return settle(.unwritten(missing), machine)
    }

    fileprivate func refused(
        _ response: ReceiverAnswer.Response, _ machine: inout SlotStateMachine, _ now: Moment
    ) -> SlotState {
        machine.recovered()
        let reason = response.reason
        if request.mayBeStored, request.wasStored(response) { return settle(.delivered, machine) }
        let verdict = RequestVerdict.refused(reason: reason.rawValue)
        // What the receiver says that it has written is believed before its text.
        let missing = request.unwritten(response)
        if let missing, missing.total < request.sampleCount {
            return settle(.partlyRefused(missing, reason: reason.rawValue), machine)
        }
        guard missing != nil || response.mayHaveTakenNothing else { return settle(verdict, machine) }
        var flight = self
        guard request.sampleCount > 1 else {
            flight.claim.search = nil
            return flight.settle(verdict, leaveOutForMs: SlotStateMachine.guiltyMs, machine)
        }
        if claim.search == nil, !machine.lessons.beginSearch(now.monotonicNs, isSmall: request.triesAgain) {
            return settle(
                verdict, leaveOutForMs: request.triesAgain ? SlotStateMachine.suspectedMs : nil, machine)
        }
        flight.claim.search = SeriesSearch(
            end: request.end, samples: request.sampleCount, reason: reason,
            isNarrowed: claim.search != nil || request.triesAgain)
        return flight.putBack()
    }

    /// The request is cut anew within the size that is learned from its refusal. A single sample cannot be
    /// cut: it is let go.
    fileprivate func tooLarge(_ machine: inout SlotStateMachine, _ now: Moment) -> SlotState {
        machine.tooLarge(request, now)
        guard request.sampleCount > 1 else {
            return settle(.refused(reason: RefusalReason.tooLarge.rawValue), machine)
        }
        return putBack()
    }

    fileprivate func throttled(
        _ response: ReceiverAnswer.Response, inFlight: Int, _ machine: inout SlotStateMachine, _ now: Moment
    ) -> SlotState {
        var flight = self
        if response.reason.isSeriesLimit {
            // The receiver takes what it can and answers for the rest: to ask for less would not help.
            flight.request.mayBeStored = true
            flight.throttledForSeries += 1
        } else {
            machine.lessons.throttled(inFlight: inFlight, lowersPace: true, now.monotonicNs)
        }
        let isTriedAgain = flight.throttledForSeries < SlotStateMachine.seriesLimitTries
        guard machine.retriesThrottled, isTriedAgain else {
            machine.recovered()
            return flight.settle(.refused(reason: response.reason.rawValue), machine)
        }
        return flight.retry(.throttled, after: response.retryAfterMs, &machine, now)
    }

    fileprivate func failing(
        _ response: ReceiverAnswer.Response, storesOthers: Bool, inFlight: Int,
        _ machine: inout SlotStateMachine, _ now: Moment
    ) -> SlotState {
        var flight = self
        flight.request.mayBeStored = true
        let isBusy = response.status == 503
        if isBusy { machine.lessons.throttled(inFlight: inFlight, lowersPace: false, now.monotonicNs) }
        // A receiver that says when to come back is busy and not broken.
        return flight.failing(
            after: response.retryAfterMs, isItsOwn: !isBusy || response.retryAfterMs == nil,
            storesOthers: storesOthers, &machine, now)
    }

    /// A try without a final answer, which may have been the request's own fault (`isItsOwn`): so often,
    /// while others succeed (`storesOthers`), it was, and it is halved to find the sample that the receiver
    /// breaks at.
    fileprivate func failing(
        after retryAfterMs: Int64?, isItsOwn: Bool, storesOthers: Bool, _ machine: inout SlotStateMachine,
        _ now: Moment
    ) -> SlotState {
        var flight = self
        if isItsOwn, storesOthers { flight.failures += 1 }
        guard isItsOwn, flight.failures >= SlotStateMachine.poisonTries else {
            return flight.retry(.failing, after: retryAfterMs, &machine, now)
        }
        machine.recovered()
        guard request.sampleCount > 1 else {
            return settle(.refused(reason: RefusalReason.serverError.rawValue), machine)
        }
        machine.halves(request)
        return putBack()
    }

    /// It is tried again after the back-off, or after `retryAfterMs` where that is longer.
    fileprivate func retry(
        _ why: SlotStateMachine.Obstacle, after retryAfterMs: Int64?, _ machine: inout SlotStateMachine,
        _ now: Moment
    ) -> SlotState {
        machine.meets(why)
        var flight = self
        let waitMs = max(machine.nextBackoffMs(), retryAfterMs ?? 0)
        let untilNs = flight.reserveRetry(afterMs: waitMs, machine, now)
        return flight.pause(untilNs: untilNs, machine, now)
    }

    /// It is tried again after the slow back-off, or `soon`. A drain waits for what people have to mend only
    /// where the request was tried no more than once.
    fileprivate func retrySlowly(
        _ why: SlotStateMachine.Obstacle, soon: Bool = false, _ machine: inout SlotStateMachine,
        _ now: Moment
    ) -> SlotState {
        machine.meets(why)
        if machine.isDraining, why == .refusing || !soon && tries > 1 { return .stopped }
        var flight = self
        let waitMs = soon ? machine.nextBackoffMs() : machine.nextSlowBackoffMs()
        let untilNs = flight.reserveRetry(afterMs: waitMs, machine, now)
        return flight.holdBack(untilNs: untilNs, machine, now)
    }
}
