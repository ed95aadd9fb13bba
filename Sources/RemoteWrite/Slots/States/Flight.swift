internal import WriteAheadBuffer

extension SlotState {
    /// A request from its cut to its end, with what its tries so far have shown. It is part of the states
    /// between `filling` and `settling`, and decides for them which state is next.
    struct Flight: Sendable {
        var request: SlotStateMachine.Held
        var claim: ClaimMemory
        /// Tries that were answered or failed.
        var tries = 0
        /// The budget of the day has reserved the bytes of the next try. The cut has done so for the first.
        var isReserved = true
        /// Tries that were refused for a limit on series.
        var throttledForSeries = 0
        /// Tries that failed while others were stored.
        var failures = 0

        init(_ request: SlotStateMachine.Held, _ claim: ClaimMemory) {
            self.request = request
            self.claim = claim
        }
    }
}

extension SlotState.Flight {
    typealias Moment = SlotStateMachine.Moment

    /// Whether it may be tried now, has to wait, or is given up.
    func nextTry(_ machine: inout SlotStateMachine, _ now: Moment) -> SlotState {
        if machine.isDrainOver(now) { return .stopped }
        if machine.age.isTooOld(request.newestMs, agingMs: now.agingMs) {
            machine.recovered()
            return settle(.givenUp(reason: DropReason.tooOld), machine)
        }
        let (lessons, nowNs) = (machine.lessons, now.monotonicNs)
        if tries > 0, lessons.limits.isOverdrawn(nowNs: nowNs, wallMs: now.wallMs) {
            machine.recovered()
            return settle(.givenUp(reason: DropReason.dailyBudget), machine)
        }
        if let notBeforeNs = lessons.notBeforeNs(nowNs) {
            machine.meets(.refusingSize)
            return holdBack(untilNs: max(notBeforeNs, lessons.earliestNs(nowNs)), machine, now)
        }
        let earliestNs = max(lessons.earliestNs(nowNs), lessons.limits.earliestNs(nowNs))
        if earliestNs > nowNs { return pause(untilNs: earliestNs, machine, now) }
        return .ready(SlotState.Ready(flight: self))
    }

    /// The same after a wait. A drain does not try again what a receiver refused that has stored nothing.
    func woke(_ machine: inout SlotStateMachine, _ now: Moment) -> SlotState {
        if machine.isDraining, machine.obstacle == .refusing { return .stopped }
        return nextTry(&machine, now)
    }

    func pause(untilNs: UInt64, _ machine: SlotStateMachine, _ now: Moment) -> SlotState {
        guard let wait = machine.wait(untilNs: untilNs, now) else { return .stopped }
        return .pausing(SlotState.Pausing(flight: self, wait: wait))
    }

    func holdBack(untilNs: UInt64, _ machine: SlotStateMachine, _ now: Moment) -> SlotState {
        guard let wait = machine.wait(untilNs: untilNs, now) else { return .stopped }
        return .held(SlotState.HeldBack(flight: self, wait: wait))
    }

    /// Reserves the bytes of the next try where that is not done yet. Returns when that try may leave, which
    /// is in `waitMs` at the earliest.
    mutating func reserveRetry(
        afterMs waitMs: Int64, _ machine: SlotStateMachine, _ now: Moment
    ) -> UInt64 {
        var untilNs = now.monotonicNs + UInt64(max(0, waitMs)) * 1_000_000
        if !isReserved {
            isReserved = true
            let budgetNs = machine.lessons.limits.reserveRetry(
                bytes: request.bodyBytes, nowNs: now.monotonicNs, wallMs: now.wallMs)
            untilNs = max(untilNs, budgetNs)
        }
        return max(untilNs, machine.lessons.earliestNs(now.monotonicNs))
    }

    /// The request is booked. What it held is no longer searched.
    func settle(
        _ verdict: RequestVerdict, leaveOutForMs: Int64? = nil, _ machine: SlotStateMachine
    ) -> SlotState {
        var claim = claim
        claim.settled(request)
        if isReserved { machine.lessons.limits.giveBack(bytes: request.bodyBytes) }
        return .settling(
            SlotState.Settling(
                request: request, claim: claim, work: .book(verdict, leaveOutForMs: leaveOutForMs)))
    }

    /// The request is cut anew.
    func putBack() -> SlotState {
        var claim = claim
        claim.putBack(request)
        return .settling(SlotState.Settling(request: request, claim: claim, work: .putBack))
    }
}
