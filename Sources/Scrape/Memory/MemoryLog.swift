import Synchronization

/// Has what all targets of a job may want to say at once said by one of them. Thread-safe.
final class MemoryLog: Sendable {
    /// Between two lines.
    private static let pauseNs: UInt64 = 60_000_000_000
    /// When the next line is due.
    private let dueNs = Atomic<UInt64>(0)

    init() {}

    /// Whether a line is due; the next one is after a minute.
    func isDue(nowNs: UInt64) -> Bool {
        let due = dueNs.load(ordering: .relaxed)
        guard nowNs >= due else { return false }
        return dueNs.compareExchange(
            expected: due, desired: nowNs &+ Self.pauseNs, ordering: .relaxed
        ).exchanged
    }
}
