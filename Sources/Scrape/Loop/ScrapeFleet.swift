import Synchronization

/// How many targets the jobs of an agent have together. Thread-safe.
public final class ScrapeFleet: Sendable {
    private let counts = Mutex<[ObjectIdentifier: Int]>([:])

    public init() {}

    /// Of all jobs.
    var targetCount: Int { counts.withLock { $0.values.reduce(0, +) } }

    /// Notes that the job of this pool has so many targets now; how many all have together.
    func note(_ targets: Int, of pool: ScrapePool) -> Int {
        counts.withLock { counts in
            counts[ObjectIdentifier(pool)] = targets
            return counts.values.reduce(0, +)
        }
    }

    /// The pool has no targets any more. To be called before it is gone: another may take its identity.
    func leave(_ pool: ScrapePool) {
        _ = counts.withLock { $0.removeValue(forKey: ObjectIdentifier(pool)) }
    }
}
