import Synchronization

/// A clock whose wall time does not follow a jump that may be wrong, as `ClockJudge` decides. Whoever
/// stamps samples or judges ages reads this one. Thread-safe.
///
/// The clocks are looked at with every reading; the buffer's keeper reads once a second, so that a jump is
/// seen by then.
public final class SteadyClock: AgentClock {
    private let base: any AgentClock
    private let judge: Mutex<ClockJudge>
    private let report: @Sendable (ClockJudge.Event) -> Void

    /// Starts at the wall time of `base`. `earliestMs` is when this version of the program was made.
    /// `report` is told what is to be said, on the thread that has read the clock.
    public init(
        _ base: any AgentClock, earliestMs: Int64 = SourceDate.ms,
        report: @escaping @Sendable (ClockJudge.Event) -> Void
    ) {
        self.base = base
        self.report = report
        judge = Mutex(ClockJudge(Self.reading(base), earliestMs: earliestMs))
    }

    public var wallMs: Int64 { look().timeMs }
    public var agingMs: Int64 { look().agingMs }
    public var monotonicNs: UInt64 { base.monotonicNs }
    public var elapsedNs: UInt64 { base.elapsedNs }
    public var isSynchronised: Bool? { base.isSynchronised }
    public var isKernels: Bool { base.isKernels }
    /// How far the machine's clock is from `wallMs` while a jump of it is not followed; 0 otherwise.
    public var doubtedMs: Int64 { look().doubtedMs }

    public func sleep(untilNs deadlineNs: UInt64) async throws { try await base.sleep(untilNs: deadlineNs) }

    /// To be called once, at the start: the newest record of an earlier run is of `newestMs`, 0 when there is
    /// none.
    public func begin(newestMs: Int64) {
        let events = judge.withLock { judge in
            judge.begin(newestMs: newestMs, Self.reading(base)) { base.isSynchronised }
        }
        for event in events { report(event) }
    }

    /// Returns once the clock shows a credible time, at once when it does already, or when the task is
    /// cancelled.
    public func untilCredible() async {
        while !look().isCredible {
            // A cancelled sleep ends the wait.
            guard (try? await base.sleep(forMs: 1_000)) != nil else { return }
        }
    }

    private func look() -> ClockJudge {
        let (judged, events) = judge.withLock { judge in
            // Read under the lock: readings must come in their order.
            let events = judge.look(Self.reading(base)) { base.isSynchronised }
            return (judge, events)
        }
        for event in events { report(event) }
        return judged
    }

    private static func reading(_ base: any AgentClock) -> ClockJudge.Reading {
        ClockJudge.Reading(wallMs: base.wallMs, elapsedNs: base.elapsedNs)
    }
}
