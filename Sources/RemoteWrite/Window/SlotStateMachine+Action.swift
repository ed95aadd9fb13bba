internal import WriteAheadBuffer

extension SlotStateMachine {
    /// What the shell is to do.
    enum Action: Sendable, Equatable {
        /// Cut the next batch of at most so many samples, which ends at `upTo` at the latest, then
        /// `collected` or `caughtUp`.
        case collect(samples: Int, upTo: BufferPosition? = nil)
        /// Once the destination is not in the way, `leaves`; where that says `send`, too, sign with the wall
        /// clock corrected by `skewMs` and send the request held, then `answered`.
        case send
        /// Wait, then `woke`.
        case wait(untilNs: UInt64)
        /// Book the request held, then `settled`. With `leaveOutForMs` its series are left out of requests
        /// for so long.
        case settle(RequestVerdict, leaveOutForMs: Int64? = nil)
        /// Put the request held back to be cut smaller, then `settled`.
        case split
        case stop
    }

    /// Why nothing moves.
    enum Obstacle: String, Sendable {
        case failing, throttled, unauthorized, misconfigured
        /// The receiver refuses even single samples as too large.
        case refusingSize
    }
}
