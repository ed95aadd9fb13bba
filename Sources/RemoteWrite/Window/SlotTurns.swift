internal import Platform
import Synchronization

/// Whose turn it is to read the log and claim: one slot's at a time, and nobody's while as many requests
/// fly as may.
///
/// A slot that has to wait waits for an event of its own, and a turn that is given on wakes one of them, not
/// all: fifty that are woken to find the turn taken cost more than the request that woke them. The one that
/// waits for the shortest time is first: what it needs is still in the caches.
final class SlotTurns: Sendable {
    /// What a slot may do.
    enum Turn: Sendable {
        case mine
        /// Another slot reads, or as many requests fly as may: the slot's event is signalled when it is its
        /// turn to ask again.
        case wait
        /// Everything is sent that a drain found.
        case stop
    }

    private struct State {
        var isTaken = false
        /// Claims that are not answered for.
        var flying = 0
        /// Those of them whose slots have ended under a drain: no answer will come.
        var left = 0
        var slots = 0
        /// Slots without a claim.
        var idle = 0
        /// Those of them that wait.
        var parked: [Event] = []
        var isFinished = false

        var live: Int { flying - left }

        /// The slot whose turn it may be now.
        mutating func next(_ size: Int) -> Event? {
            !isTaken && live < size ? parked.popLast() : nil
        }
    }

    private let lessons: DestinationLessons
    private let state = Mutex(State())

    init(_ lessons: DestinationLessons) { self.lessons = lessons }

    /// Claims that an answer may still come to.
    var flying: Int { state.withLock { $0.live } }
    var slots: Int { state.withLock { $0.slots } }

    /// A slot begins, and looks for work.
    func began() {
        state.withLock { state in
            state.slots += 1
            state.idle += 1
        }
    }

    /// A slot ends, with a claim unless it is idle. `slot` is the event that it waits for.
    func ended(_ slot: Event, isIdle: Bool) {
        let size = lessons.windowSize
        let woken = state.withLock { state in
            state.slots -= 1
            if isIdle { state.idle -= 1 } else { state.left += 1 }
            state.parked.removeAll { $0 === slot }
            return state.next(size)
        }
        woken?.signal()
    }

    /// Asks for the turn. A slot that is told to wait waits for its event `slot` after the count that it read
    /// before it asked: so no signal in between is missed.
    func take(_ slot: Event) -> Turn {
        let size = lessons.windowSize
        return state.withLock { state in
            if state.isFinished { return .stop }
            guard !state.isTaken, state.live < size else {
                state.parked.append(slot)
                return .wait
            }
            state.isTaken = true
            return .mine
        }
    }

    /// Gives the turn on. With `isFinished` a drain has found nothing more, and what flies is all there is.
    func give(isFinished: Bool = false) {
        let size = lessons.windowSize
        let woken = state.withLock { state in
            state.isTaken = false
            guard isFinished else { return [state.next(size)].compactMap { $0 } }
            state.isFinished = true
            defer { state.parked = [] }
            return state.parked
        }
        for slot in woken { slot.signal() }
    }

    /// The turn ends with a claim. True when another slot would be of use.
    func claimed() -> Bool {
        let size = lessons.windowSize
        let (woken, isNeeded) = state.withLock { state in
            state.isTaken = false
            state.flying += 1
            state.idle -= 1
            let isNeeded = state.idle == 0 && state.slots < size && !state.isFinished
            return (state.next(size), isNeeded)
        }
        woken?.signal()
        return isNeeded
    }

    /// All of a claim is answered for. Nobody is woken: its own slot asks next.
    func released() {
        state.withLock { state in
            state.flying -= 1
            state.idle += 1
        }
    }
}
