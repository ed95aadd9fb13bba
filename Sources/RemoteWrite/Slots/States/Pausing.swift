extension SlotState {
    /// The request waits for a back-off, for the pace that the receiver has set, or for a limit that the
    /// configuration sets.
    ///
    /// - `woke`: the wait is over, or was ended by a drain. It becomes `ready`; `pausing` again, or `held`,
    ///   where it has to wait for something else now, or where a drain leaves it its back-off; `settling`
    ///   where its samples have become too old or the day's bytes are used up; `stopped` where a drain ends,
    ///   or a drain has begun and the request is one that a receiver refused which has stored nothing.
    struct Pausing: Sendable {
        let flight: Flight
        let wait: Wait

        func woke(_ machine: inout SlotStateMachine, _ now: SlotStateMachine.Moment) -> SlotState {
            if machine.leavesBackoff(wait, now) {
                return flight.pause(untilNs: wait.untilNs, machine, now)
            }
            return flight.woke(&machine, now)
        }
    }
}
