extension SlotState {
    /// The request is due: it may leave once the gate of the destination lets it pass.
    ///
    /// - `leaves`: the gate was open. It becomes `inFlight`; `pausing` where another request has taken the
    ///   pace or a limit meanwhile; `stopped` where it would have to wait and the time of a drain is over.
    /// - `waited`: the gate let it pass only after a wait. It becomes `ready` again, `pausing` or `held`;
    ///   `settling` where its samples have become too old or the day's bytes are used up; `stopped` where a
    ///   drain ends, or a drain has begun and the request is one that a receiver refused which has stored
    ///   nothing.
    ///
    /// Under a drain the shell ends the slot from here (`stopped`) where the gate is given up.
    struct Ready: Sendable {
        let flight: Flight

        /// The gate was open, and the request leaves.
        func leaves(_ machine: inout SlotStateMachine, _ now: SlotStateMachine.Moment) -> SlotState {
            let untilNs = machine.lessons.begin(
                bytes: flight.request.bodyBytes, samples: flight.request.sampleCount, now.monotonicNs)
            if let untilNs { return flight.pause(untilNs: untilNs, machine, now) }
            return .inFlight(InFlight(flight: flight, leftNs: now.monotonicNs))
        }

        /// The gate was closed for a while.
        func waited(_ machine: inout SlotStateMachine, _ now: SlotStateMachine.Moment) -> SlotState {
            flight.woke(&machine, now)
        }
    }
}
