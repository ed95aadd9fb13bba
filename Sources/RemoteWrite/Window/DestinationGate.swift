internal import Platform
import Synchronization

/// Stops the window while the destination itself is in the way: no connection, refused credentials, a
/// wrong path, a receiver that asks for less. One request, the probe, is tried again then, and the others
/// wait for its answer, so that fifty requests do not mean fifty back-offs and handshakes.
final class DestinationGate: Sendable {
    private enum State: Equatable {
        case open
        /// The slot whose request is the probe; nil when it has ended.
        case closed(probe: Int?)
    }

    private let state = Mutex(State.open)
    private let changed = Event()

    /// Whether the window stands still.
    var isClosed: Bool { state.withLock { $0 != .open } }

    /// The destination is in the way, as the request of `slot` was told. The first to say so is the probe.
    func close(by slot: Int) {
        state.withLock { state in
            switch state {
            case .open, .closed(probe: nil): state = .closed(probe: slot)
            case .closed: break
            }
        }
    }

    /// The destination answers.
    func open() {
        let wasClosed = state.withLock { state in
            defer { state = .open }
            return state != .open
        }
        if wasClosed { changed.signal() }
    }

    /// The receiver failed the request of the slot, which may be that request's own fault: where the slot
    /// is the probe, the request of another is the next.
    func handOn(_ slot: Int) { leave(slot) }

    /// The slot sends no more.
    func leave(_ slot: Int) {
        let wasProbe = state.withLock { state in
            guard state == .closed(probe: slot) else { return false }
            state = .closed(probe: nil)
            return true
        }
        if wasProbe { changed.signal() }
    }

    /// What `pass` did.
    enum Passage: Sendable {
        case atOnce
        /// Time has passed meanwhile.
        case afterWaiting
        /// The deadline or the cancellation of the task came first.
        case never
    }

    /// Returns when the slot may send: at once while the gate is open or the slot's request is the probe.
    func pass(_ slot: Int, untilNs deadlineNs: UInt64?, clock: any AgentClock) async -> Passage {
        var hasWaited = false
        while true {
            let seen = changed.count
            let mayPass = state.withLock { state in
                switch state {
                case .open: return true
                case .closed(let probe):
                    guard probe == nil || probe == slot else { return false }
                    state = .closed(probe: slot)
                    return true
                }
            }
            if mayPass { return hasWaited ? .afterWaiting : .atOnce }
            hasWaited = true
            let outcome =
                if let deadlineNs {
                    await changed.wait(after: seen, untilNs: deadlineNs, clock: clock)
                } else {
                    await changed.wait(after: seen)
                }
            if outcome != .signalled { return .never }
        }
    }
}
