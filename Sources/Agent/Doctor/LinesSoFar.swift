import Synchronization

/// The lines that a check has found so far. At its deadline they are reported, although the check still runs.
/// Thread-safe.
final class LinesSoFar: Sendable {
    private let kept = Mutex<[DoctorLine]>([])

    var lines: [DoctorLine] { kept.withLock { $0 } }

    func add(_ line: DoctorLine) { kept.withLock { $0.append(line) } }
}
