/// The time as the agent sees it. Injected everywhere, so that tests hold it in their hand.
public protocol AgentClock: Sendable {
    /// Milliseconds since 1970-01-01T00:00:00Z by the wall clock; may jump.
    var wallMs: Int64 { get }
    /// Milliseconds since 1970 for judging how old something is. Not after `wallMs`, and behind it for as
    /// long as the wall clock may be wrong: nothing is given up for its age by mistake.
    var agingMs: Int64 { get }
    /// Nanoseconds of a clock that never goes back; its zero has no meaning.
    var monotonicNs: UInt64 { get }
    /// As `monotonicNs`, with the time in it during which the machine slept.
    var elapsedNs: UInt64 { get }
    /// Whether the kernel says that the wall clock is synchronised; nil when it says nothing.
    var isSynchronised: Bool? { get }
    /// Returns once `monotonicNs` has reached `deadlineNs`. Throws `CancellationError` when the task is
    /// cancelled.
    func sleep(untilNs deadlineNs: UInt64) async throws
    /// Whether `monotonicNs` is the kernel's monotonic clock, so that its deadlines need no task that sleeps.
    var isKernels: Bool { get }
}

extension AgentClock {
    public var agingMs: Int64 { wallMs }
    public var elapsedNs: UInt64 { monotonicNs }
    public var isSynchronised: Bool? { nil }
    public var isKernels: Bool { false }

    /// What `monotonicNs` will be in `durationMs` milliseconds: now for zero or less, and the largest number
    /// for a duration that it cannot count.
    public func deadlineNs(inMs durationMs: Int64) -> UInt64 {
        guard durationMs > 0 else { return monotonicNs }
        let (durationNs, overflows) = UInt64(durationMs).multipliedReportingOverflow(by: 1_000_000)
        let (deadlineNs, passes) = monotonicNs.addingReportingOverflow(durationNs)
        return overflows || passes ? .max : deadlineNs
    }

    /// Sleeps for `durationMs` milliseconds; not at all for zero or less.
    public func sleep(forMs durationMs: Int64) async throws {
        guard durationMs > 0 else { return }
        try await sleep(untilNs: deadlineNs(inMs: durationMs))
    }
}
