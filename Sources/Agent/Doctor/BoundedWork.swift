import Platform
import Synchronization

/// Work that is waited for no longer than until a deadline, whatever it hangs in.
enum BoundedWork {
    private final class Outcome<Value: Sendable>: Sendable {
        let value = Mutex<Value?>(nil)
        let done = Event()
    }

    /// What `work` returns, or nil where the deadline comes first.
    ///
    /// A task group would wait for its children, and a child that writes to a disk that does not answer
    /// cannot be cancelled. So the work is a task of its own: at the deadline it is cancelled and left alone.
    static func value<Value: Sendable>(
        untilNs deadlineNs: UInt64, clock: any AgentClock, _ work: @escaping @Sendable () async -> Value
    ) async -> Value? {
        let outcome = Outcome<Value>()
        let task = Task {
            let value = await work()
            outcome.value.withLock { $0 = value }
            outcome.done.signal()
        }
        await outcome.done.wait(untilNs: deadlineNs, clock: clock)
        task.cancel()
        return outcome.value.withLock { $0 }
    }
}
