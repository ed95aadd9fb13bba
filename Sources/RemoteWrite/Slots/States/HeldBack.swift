extension SlotState {
    /// The destination refuses credentials, has not this path, refuses every size, or has refused its first
    /// request: the request is kept and tried again slowly. The first 401 or 403 is tried again soon, as new
    /// credentials may be all that it takes.
    ///
    /// - `woke`: the wait is over, or was ended by a drain, under which the request is tried once more. The
    ///   next states are those of `Pausing.woke`.
    struct HeldBack: Sendable {
        let flight: Flight
        let wait: Wait

        func woke(_ machine: inout SlotStateMachine, _ now: SlotStateMachine.Moment) -> SlotState {
            flight.woke(&machine, now)
        }
    }
}
