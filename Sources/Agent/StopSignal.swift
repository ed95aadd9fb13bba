import Synchronization

/// Says once that the agent shall stop; any number of tasks may wait for it.
public final class StopSignal: Sendable {
    private struct State {
        var raised = false
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    public init() {}

    /// Lets every waiter go on, now and later. Raising it again does nothing.
    public func raise() {
        let waiters = state.withLock { state in
            state.raised = true
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    public var isRaised: Bool { state.withLock { $0.raised } }

    /// Returns once the signal is raised.
    public func wait() async {
        await withCheckedContinuation { continuation in
            let already = state.withLock { state in
                if !state.raised { state.waiters.append(continuation) }
                return state.raised
            }
            if already { continuation.resume() }
        }
    }
}
