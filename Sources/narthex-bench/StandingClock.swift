import Platform

/// A clock that stands still, so that nothing in a run depends on how long it takes.
struct StandingClock: AgentClock {
    let wallMs: Int64
    var monotonicNs: UInt64 { 1_000_000_000 }

    /// Never returns before its task is cancelled.
    func sleep(untilNs deadlineNs: UInt64) async throws {
        guard deadlineNs > monotonicNs else { return try Task.checkCancellation() }
        let event = Event()
        while !Task.isCancelled { await event.wait() }
        throw CancellationError()
    }
}
