extension SlotState {
    /// What becomes of the request is decided, and `work` is to be done.
    ///
    /// - `settled`: the work is done. It becomes `filling`; `stopped` where the time of a drain is over.
    struct Settling: Sendable {
        /// What the shell is to do.
        enum Work: Sendable, Equatable {
            /// Book the request. With `leaveOutForMs` its series are left out of requests for so long.
            case book(RequestVerdict, leaveOutForMs: Int64? = nil)
            /// Put the request back, to be cut anew.
            case putBack
        }

        let request: SlotStateMachine.Held
        let claim: ClaimMemory
        let work: Work

        func settled(_ machine: SlotStateMachine, _ now: SlotStateMachine.Moment) -> SlotState {
            machine.isDrainOver(now) ? .stopped : .filling(Filling(claim, machine, now))
        }
    }
}
