/// What a slot is about, and so what may happen next. `SlotStateMachine` moves it from one to the other.
enum SlotState: Sendable, Equatable {
    /// It has no request: it waits for its turn, claims, and cuts. `collected` makes it `ready`, `pausing`,
    /// `held` or `settling`; `caughtUp` under a drain makes it `stopped`.
    case filling
    /// The request may leave, or is on its way. `answered` makes it `pausing`, `held` or `settling`;
    /// `woke`, where it could not leave after all, as for `pausing`.
    case ready(SlotStateMachine.Held)
    /// The request waits for a back-off or for the pace. `woke` makes it `ready`, `pausing` or `held`
    /// again, or `settling` where its samples have become too old.
    case pausing(SlotStateMachine.Held)
    /// The destination refuses signatures, has not this path, or refuses every size: the request is kept
    /// and tried again slowly. `woke` as for `pausing`.
    case held(SlotStateMachine.Held)
    /// What becomes of the request is decided: it is booked, or put back to be cut anew. `settled` makes it
    /// `filling`.
    case settling(SlotStateMachine.Held)
    /// The time of a drain is over, from whichever state: what is left stays in the buffer, and nothing
    /// happens any more.
    case stopped

    /// The request that it is about.
    var request: SlotStateMachine.Held? {
        switch self {
        case .filling, .stopped: nil
        case .ready(let request), .pausing(let request), .held(let request), .settling(let request): request
        }
    }
}
