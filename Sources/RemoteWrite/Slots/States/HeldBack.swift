extension SlotState {
    /// The destination refuses credentials, has not this path, refuses every size, or has refused its first
    /// request: the request is kept and tried again slowly. The first 401 or 403 is tried again soon, as new
    /// credentials may be all that it takes.
    ///
    /// - `woke`: the wait is over, or was ended by a drain, under which the request is tried once more. It
    ///   becomes `ready`; `pausing` or `held` where it has to wait for something else now; `settling` where
    ///   its samples have become too old or the day's bytes are used up; `stopped` where a drain ends, or a
    ///   drain has begun and the request is one that a receiver refused which has stored nothing.
    struct HeldBack: Sendable {
        let flight: Flight
        let wait: Wait

        func woke(_ machine: inout SlotStateMachine, _ now: SlotStateMachine.Moment) -> SlotState {
            flight.woke(&machine, now)
        }
    }
}
