import Synchronization

/// The lines of a check that goes on: what is there at the deadline is told. Thread-safe.
final class LinesSoFar: Sendable {
    private let kept = Mutex<[DoctorLine]>([])

    var lines: [DoctorLine] { kept.withLock { $0 } }

    func add(_ line: DoctorLine) { kept.withLock { $0.append(line) } }
}
