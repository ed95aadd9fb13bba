/// Where a slot stands, and so what may happen next. A slot is `filling`, then its request is `ready` and
/// `inFlight`, with waits between its tries (`pausing`, `held`), and in the end it is `settling`.
///
/// The value of a case carries what that state needs to know, and what the shell (`SlotRunner`) is to do
/// there. The events that may happen in a state are the functions of its value, and each returns the next
/// state. So an event that does not fit the state cannot be written down.
///
/// What lasts longer than one request is in the `SlotStateMachine`, which each event is given. A drain is a
/// deadline there and not a state: it may begin in any state, and the slot goes on from there.
enum SlotState: Sendable {
    /// The slot has no request. It waits for its turn, claims, and cuts.
    case filling(Filling)
    /// The request may leave once the gate lets it pass.
    case ready(Ready)
    /// The request is on its way, and its answer is waited for.
    case inFlight(InFlight)
    /// The request waits for a back-off, for the pace that the receiver has set, or for a limit that the
    /// configuration sets.
    case pausing(Pausing)
    /// The destination refuses credentials, path or every size, which people have to mend: the request waits,
    /// and is tried again slowly.
    case held(HeldBack)
    /// The request is over. It is booked, or put back to be cut anew.
    case settling(Settling)
    /// The slot has ended, and nothing leads out of this state. It is reached from every other one, once the
    /// time of a drain is over, or where a drain finds what people have to mend. The shell ends a slot so,
    /// too, when its task is cancelled. A request that was not settled stays in the buffer.
    case stopped
}

extension SlotState {
    /// How long a slot waits.
    struct Wait: Sendable, Equatable {
        /// By the monotonic clock.
        let untilNs: UInt64
        /// Whether a drain had begun when the wait was decided. One that begins later ends the wait.
        let isUnderDrain: Bool
    }

    /// What the request is booked as, where that is decided; nil where it is not.
    var verdict: RequestVerdict? {
        guard case .settling(let settling) = self, case .book(let verdict, _) = settling.work else {
            return nil
        }
        return verdict
    }

    /// Whether samples of the request are given up with it.
    var givesUp: Bool { verdict.map { $0 != .delivered } ?? false }
}
