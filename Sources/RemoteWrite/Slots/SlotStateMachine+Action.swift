internal import WriteAheadBuffer

extension SlotStateMachine {
    /// What the shell is to do while no request is held.
    enum Next: Sendable, Equatable {
        /// Cut the next batch of at most so many samples, which ends at `upTo` at the latest, then
        /// `collected`. Where a drain finds nothing more to cut, the slot ends.
        case collect(samples: Int, upTo: BufferPosition? = nil)
        /// The time of a drain is over.
        case stop
    }

    /// What the shell is to do with the request held.
    enum Action: Sendable, Equatable {
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
        /// The time of a drain is over, or nothing that it could wait for: the request stays in the buffer.
        case stop
    }

    /// Why nothing moves.
    enum Obstacle: String, Sendable {
        case failing, throttled, unauthorized, misconfigured
        /// The receiver has refused the first request, and has stored none.
        case refusing
        /// The receiver refuses even single samples as too large.
        case refusingSize
    }
}
