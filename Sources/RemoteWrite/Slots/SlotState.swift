/// Where a slot stands with its request, and so what may happen next. `SlotStateMachine` moves it from one
/// state to the next; a case carries the request where there is one.
enum SlotState: Sendable, Equatable {
    /// It has no request: it waits for its turn, claims, and cuts. `collected` makes it `ready`, `pausing`,
    /// `held` or `settling`. A slot that finds nothing more to send under a drain ends in this state.
    case filling
    /// The request may leave, or is on its way. `leaves` makes it `pausing` where the pace or a limit was
    /// taken by others meanwhile; `answered` makes it `pausing`, `held` or `settling`, and `messageChanged`
    /// `settling`. Where it had to wait for the destination, `woke` decides anew, as for `pausing`.
    case ready(SlotStateMachine.Held)
    /// The request waits for a back-off, for the pace or for a limit of one's own. `woke` makes it `ready`,
    /// `pausing` or `held` again, or `settling` where its samples have become too old or the day's bytes are
    /// used up.
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
