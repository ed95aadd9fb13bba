internal import Platform
import Synchronization

/// Tells the lane that waits at the tail that something of its own was appended. Each lane has one, so that
/// an append wakes nobody it does not concern.
final class AppendSignal: Sendable {
    private struct State {
        var count: UInt64 = 0
        var nextWaiter: UInt64 = 0
        var waiters: [UInt64: CheckedContinuation<Void, Never>] = [:]
    }

    private let state = Mutex(State())

    init() {}

    /// How many times it was raised. Read before looking at the tail, so that none is missed after it.
    var count: UInt64 { state.withLock { $0.count } }

    /// Wakes whoever waits, and lets the next that has not looked since not wait at all.
    func raise() {
        let waiters: [CheckedContinuation<Void, Never>] = state.withLock { state in
            state.count += 1
            guard !state.waiters.isEmpty else { return [] }
            defer { state.waiters.removeAll(keepingCapacity: true) }
            return Array(state.waiters.values)
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Returns at once when the count is no longer `seen`; else when it is next raised, at the deadline, or
    /// when the task is cancelled.
    func wait(seen: UInt64, until deadlineNs: UInt64, clock: any AgentClock) async {
        guard count == seen, deadlineNs > clock.monotonicNs else { return }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.wait(seen: seen) }
            // A cancelled sleep means that the other came first, or that the caller is cancelled.
            group.addTask { try? await clock.sleep(untilNs: deadlineNs) }
            await group.next()
            group.cancelAll()
        }
    }

    private func wait(seen: UInt64) async {
        let id = state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isDue = state.withLock { state in
                    if state.count != seen || Task.isCancelled { return true }
                    state.waiters[id] = continuation
                    return false
                }
                if isDue { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: id) }?.resume()
        }
    }
}
