public import Platform
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

    /// What `work` comes to; it is cancelled when the signal is raised before it ends.
    public func cancelling<Value: Sendable>(
        _ work: @escaping @Sendable () async throws(AgentError) -> Value
    ) async throws(AgentError) -> Value {
        let task = Task { () -> Result<Value, AgentError> in
            do throws(AgentError) {
                return .success(try await work())
            } catch {
                return .failure(error)
            }
        }
        // Waits for a signal that may never come: it ends with the process.
        Task {
            await wait()
            task.cancel()
        }
        return try await task.value.get()
    }

    /// Returns once the signal is raised or the time is up.
    public func wait(atMostMs: Int64, clock: any AgentClock) async {
        let deadlineNs = clock.monotonicNs + UInt64(max(0, atMostMs)) * 1_000_000
        // Looked at often enough for a person; a waiter could not be taken back when the time is up.
        while !isRaised, clock.monotonicNs < deadlineNs {
            guard (try? await clock.sleep(forMs: min(50, atMostMs))) != nil else { return }
        }
    }

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
