import Synchronization

/// Work that runs once at a time for all who want its result: who comes while it runs waits for the same run.
///
/// The run belongs to none of its callers. A caller that is cancelled, or whose deadline has passed, leaves
/// at once and the run goes on for the others; when the last one has left it is cancelled, and whoever comes
/// then begins a new one without waiting for the end of the old.
public final class SharedFlight<Value: Sendable>: Sendable {
    /// What a caller comes away with.
    public enum Outcome: Sendable {
        case value(Value)
        case deadline
        /// The caller's task was cancelled.
        case cancelled
    }

    private struct Run {
        let ended = Event()
        var callers = 0
        var task: Task<Void, Never>?
        var value: Value?
    }

    private struct State {
        var nextID: UInt64 = 0
        /// The run that callers join.
        var current: UInt64?
        /// Those that still have callers.
        var runs: [UInt64: Run] = [:]
    }

    private let state = Mutex(State())

    public init() {}

    /// Whether callers would join a run rather than begin one.
    public var isRunning: Bool { state.withLock { $0.current != nil } }

    /// How many callers wait for runs now.
    package var callerCount: Int { state.withLock { $0.runs.values.reduce(0) { $0 + $1.callers } } }

    /// The result of the run that goes on, or else of `work`, which is begun for it. Waits no longer than
    /// until `clock.monotonicNs` has reached `deadlineNs`.
    public func value(
        untilNs deadlineNs: UInt64, clock: any AgentClock, of work: @escaping @Sendable () async -> Value
    ) async -> Outcome {
        let (id, ended) = state.withLock { join(&$0, work) }
        let outcome = await ended.wait(untilNs: deadlineNs, clock: clock)
        let (value, abandoned) = state.withLock { leave(&$0, id) }
        abandoned?.cancel()
        if let value { return .value(value) }
        switch outcome {
        case .deadline: return .deadline
        case .cancelled: return .cancelled
        case .signalled: preconditionFailure("a run has its value before its end is signalled")
        }
    }

    private func join(_ state: inout State, _ work: @escaping @Sendable () async -> Value) -> (UInt64, Event)
    {
        if let id = state.current, let ended = state.runs[id]?.ended {
            state.runs[id]?.callers += 1
            return (id, ended)
        }
        state.nextID += 1
        let id = state.nextID
        var run = Run()
        run.callers = 1
        // A task of its own, since no caller may end it alone; `leave` cancels it when all have gone.
        run.task = Task { self.end(id, await work()) }
        state.current = id
        state.runs[id] = run
        return (id, run.ended)
    }

    /// The value, if the run has ended, and otherwise its task, if nobody is left to wait for it.
    private func leave(_ state: inout State, _ id: UInt64) -> (Value?, Task<Void, Never>?) {
        guard var run = state.runs[id] else { preconditionFailure("a run stays while it has callers") }
        run.callers -= 1
        state.runs[id] = run.callers > 0 ? run : nil
        guard run.callers == 0, run.value == nil else { return (run.value, nil) }
        if state.current == id { state.current = nil }
        return (nil, run.task)
    }

    private func end(_ id: UInt64, _ value: Value) {
        let ended = state.withLock { state in
            if state.current == id { state.current = nil }
            // Nil: every caller has left.
            state.runs[id]?.value = value
            return state.runs[id]?.ended
        }
        ended?.signal()
    }
}
