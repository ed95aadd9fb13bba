public import Platform
import Synchronization

/// A clock that stands still until a test moves it.
public final class ManualClock: AgentClock {
    private struct Sleeper {
        let deadlineNs: UInt64
        let continuation: CheckedContinuation<Void, any Error>
    }

    private struct State {
        var wallMs: Int64
        var monotonicNs: UInt64 = 1_000_000_000
        /// How long the machine has slept.
        var suspendedNs: UInt64 = 0
        var isSynchronised: Bool?
        var sleepers: [UInt64: Sleeper] = [:]
        var cancelled: Set<UInt64> = []
        var nextID: UInt64 = 0
    }

    private let state: Mutex<State>

    /// A clock that shows `wallMs`.
    public init(wallMs: Int64 = 1_700_000_000_000) {
        state = Mutex(State(wallMs: wallMs))
    }

    public var wallMs: Int64 { state.withLock { $0.wallMs } }
    public var monotonicNs: UInt64 { state.withLock { $0.monotonicNs } }
    public var elapsedNs: UInt64 { state.withLock { $0.monotonicNs + $0.suspendedNs } }
    public var isSynchronised: Bool? { state.withLock { $0.isSynchronised } }
    /// How many tasks sleep on this clock now.
    public var sleeperCount: Int { state.withLock { $0.sleepers.count } }

    /// Moves both clocks on and wakes whoever is due.
    public func advance(ms: Int64) {
        precondition(ms >= 0, "time does not go back; set the wall clock instead")
        let due = state.withLock { state in
            state.wallMs += ms
            state.monotonicNs += UInt64(ms) * 1_000_000
            let ids = state.sleepers.filter { $0.value.deadlineNs <= state.monotonicNs }
                .sorted { $0.value.deadlineNs < $1.value.deadlineNs }.map(\.key)
            return ids.compactMap { state.sleepers.removeValue(forKey: $0) }
        }
        for sleeper in due { sleeper.continuation.resume() }
    }

    /// The machine sleeps for so long: nobody is woken.
    public func suspend(ms: Int64) {
        precondition(ms >= 0, "time does not go back; set the wall clock instead")
        state.withLock { state in
            state.wallMs += ms
            state.suspendedNs += UInt64(ms) * 1_000_000
        }
    }

    /// Sets the wall clock alone, as an operator or NTP may.
    public func setWall(ms: Int64) { state.withLock { $0.wallMs = ms } }

    /// What the kernel says from now on.
    public func setSynchronised(_ isSynchronised: Bool?) {
        state.withLock { $0.isSynchronised = isSynchronised }
    }

    public func sleep(untilNs deadlineNs: UInt64) async throws {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                enum Outcome { case sleep, due, cancelled }
                let outcome: Outcome = state.withLock { state in
                    if state.cancelled.remove(id) != nil { return .cancelled }
                    if state.monotonicNs >= deadlineNs { return .due }
                    state.sleepers[id] = Sleeper(deadlineNs: deadlineNs, continuation: continuation)
                    return .sleep
                }
                switch outcome {
                case .sleep: break
                case .due: continuation.resume()
                case .cancelled: continuation.resume(throwing: CancellationError())
                }
            }
        } onCancel: {
            let sleeper = state.withLock { state in
                if let sleeper = state.sleepers.removeValue(forKey: id) { return Optional(sleeper) }
                state.cancelled.insert(id)
                return nil
            }
            sleeper?.continuation.resume(throwing: CancellationError())
        }
    }
}
