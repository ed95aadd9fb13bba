import Synchronization

/// Something that happens, once or again and again, for which any number of tasks may wait. It counts how
/// often it was signalled, and a wait ends as soon as the count is beyond the one that its caller has seen:
///
/// - As a latch: `wait()` returns after the first signal, now and ever after.
/// - For changes: read `count`, look at the state that others change, then call `wait(after:)` with that
///   count. A signal that came after the count was read ends the wait at once, so none is lost in between.
///
/// What holds, whatever the threads do:
///
/// - Every wait ends exactly once: by a signal, by its deadline or by the cancellation of its task. A signal
///   wins over the other two where it came before the wait was registered.
/// - A cancelled wait returns at once, whether it was cancelled before, while or after it was registered, and
///   no wait leaves anything behind in the event.
/// - `signal` may be called from any thread, takes one short lock, allocates only when somebody waits, and
///   holds no lock while it resumes the tasks that do.
///
/// A task that waits keeps the event alive. The tasks that one signal wakes are resumed in no given order.
public final class Event: Sendable {
    /// What ended a wait.
    public enum Outcome: Sendable {
        case signalled
        case deadline
        /// The task that waits was cancelled.
        case cancelled
    }

    private struct State {
        var count: UInt64 = 0
        var nextID: UInt64 = 0
        var waiters: [UInt64: CheckedContinuation<Outcome, Never>] = [:]
    }

    private let state = Mutex(State())

    public init() {}

    /// How often it was signalled.
    public var count: UInt64 { state.withLock { $0.count } }

    /// Whether it was signalled at all.
    public var isSignalled: Bool { count > 0 }

    /// How many tasks wait now.
    package var waiterCount: Int { state.withLock { $0.waiters.count } }

    /// Counts one more signal and ends every wait that goes on. For a latch, signals after the first change
    /// nothing.
    public func signal() {
        let waiters = state.withLock { state in
            state.count += 1
            // An empty dictionary is handed out without an allocation.
            let waiters = state.waiters
            if !waiters.isEmpty { state.waiters = [:] }
            return waiters
        }
        for waiter in waiters.values { waiter.resume(returning: .signalled) }
    }

    /// Returns once the event was signalled more often than `seen` times, or when the task is cancelled. With
    /// no argument: once it was signalled at all.
    @discardableResult
    public func wait(after seen: UInt64 = 0) async -> Outcome {
        guard let id = arrive(after: seen) else { return .signalled }
        return await suspend(id, after: seen) {}
    }

    /// As `wait(after:)`, but no longer than until `clock.monotonicNs` has reached `deadlineNs`.
    @discardableResult
    public func wait(
        after seen: UInt64 = 0, untilNs deadlineNs: UInt64, clock: any AgentClock
    ) async -> Outcome {
        guard let id = arrive(after: seen) else { return .signalled }
        guard !Task.isCancelled else { return .cancelled }
        guard deadlineNs > clock.monotonicNs else { return .deadline }
        if clock.isKernels, DeadlineQueue.process.begin() {
            return await waitByQueue(id, after: seen, untilNs: deadlineNs)
        }
        return await waitByTask(id, after: seen, untilNs: deadlineNs, clock: clock)
    }

    /// A wait with the deadline in the process' queue.
    private func waitByQueue(_ id: UInt64, after seen: UInt64, untilNs deadlineNs: UInt64) async -> Outcome {
        let queue = DeadlineQueue.process
        var ticket: DeadlineQueue.Ticket?
        let outcome = await suspend(id, after: seen) {
            // Only now that the wait is registered: a deadline that passes at once finds it.
            ticket = queue.add(deadlineNs) { self.end(id, .deadline) }
        }
        if let ticket, outcome != .deadline { queue.remove(ticket) }
        return outcome
    }

    /// A wait with a task that sleeps until the deadline.
    private func waitByTask(
        _ id: UInt64, after seen: UInt64, untilNs deadlineNs: UInt64, clock: any AgentClock
    ) async -> Outcome {
        await withTaskGroup(of: Void.self) { group in
            let outcome = await suspend(id, after: seen) {
                // Begun only now that the wait is registered: a deadline that passes at once finds it.
                group.addTask {
                    // The sleep is cancelled when the wait has ended in another way.
                    guard (try? await clock.sleep(untilNs: deadlineNs)) != nil else { return }
                    self.end(id, .deadline)
                }
            }
            group.cancelAll()
            return outcome
        }
    }

    /// Returns what `work` returns or throws. Once the event is signalled, or the caller's task is cancelled,
    /// `work` is cancelled too; it is waited for all the same.
    public func cancelling<Value: Sendable, Failure: Error>(
        _ work: @escaping @Sendable () async throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        let result = await withTaskGroup(of: Result<Value, Failure>?.self) { group in
            group.addTask {
                do throws(Failure) {
                    return .success(try await work())
                } catch {
                    return .failure(error)
                }
            }
            group.addTask {
                await self.wait()
                return nil
            }
            var result: Result<Value, Failure>?
            // Whichever of the two ends first ends the other.
            for await ended in group {
                if let ended { result = ended }
                group.cancelAll()
            }
            return result
        }
        guard let result else { preconditionFailure("the work is one of the two tasks of the group") }
        return try result.get()
    }

    /// A number for a wait that begins; nil when it need not wait.
    private func arrive(after seen: UInt64) -> UInt64? {
        state.withLock { state in
            guard state.count <= seen else { return nil }
            state.nextID += 1
            return state.nextID
        }
    }

    /// Registers the wait, calls `whenWaiting` and waits; calls nothing when the wait is over already.
    private func suspend(
        _ id: UInt64, after seen: UInt64, whenWaiting: () -> Void
    ) async -> Outcome {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let over: Outcome? = state.withLock { state in
                    if state.count > seen { return .signalled }
                    // A task is marked as cancelled before its handlers run. So a handler that ran before
                    // this and found nobody to wake is seen here, and one that runs later finds the wait.
                    if Task.isCancelled { return .cancelled }
                    state.waiters[id] = continuation
                    return nil
                }
                if let over { continuation.resume(returning: over) } else { whenWaiting() }
            }
        } onCancel: {
            end(id, .cancelled)
        }
    }

    /// Ends one wait, unless it has ended. Whoever takes the continuation out of the table resumes it, so
    /// that it is resumed once.
    private func end(_ id: UInt64, _ outcome: Outcome) {
        state.withLock { $0.waiters.removeValue(forKey: id) }?.resume(returning: outcome)
    }
}
