/// The narrow job keys that frames have which were read so far (see `ConflictKeys`). Once a job has its wide
/// key, a frame with that key has to wait for those frames.
struct NarrowKeys: Sendable {
    /// By the job's wide key.
    private var jobs: [UInt64: Set<UInt64>] = [:]
    private var count = 0
    /// With so many, those that nobody uses any more are forgotten.
    private var cleanedAt: Int
    private let most: Int
    /// Below this there is nothing to gain.
    private static let leastCleaned = 1_000

    /// Holds `most` keys at most.
    init(most: Int) {
        self.most = most
        cleanedAt = min(most, Self.leastCleaned)
    }

    /// Notes that a frame is given this key. False where there are too many that are in use: the job's frames
    /// are to have its wide key from now on.
    mutating func add(_ key: UInt64, ofJob wide: UInt64, isUsed: (UInt64) -> Bool) -> Bool {
        if jobs[wide]?.contains(key) ?? false { return true }
        if count >= cleanedAt {
            clean(isUsed)
            // Twice as many, so that a key costs one look on average.
            cleanedAt = min(most, max(Self.leastCleaned, 2 * count))
        }
        guard count < most else { return false }
        jobs[wide, default: []].insert(key)
        count += 1
        return true
    }

    /// Those of a job's keys that are in use. The others are forgotten.
    mutating func used(ofJob wide: UInt64, isUsed: (UInt64) -> Bool) -> [UInt64] {
        guard let keys = jobs[wide] else { return [] }
        let used = keys.filter(isUsed)
        jobs[wide] = used.isEmpty ? nil : used
        count -= keys.count - used.count
        return Array(used)
    }

    /// No frame needs the job's narrow keys any more.
    mutating func forget(ofJob wide: UInt64) { count -= jobs.removeValue(forKey: wide)?.count ?? 0 }

    private mutating func clean(_ isUsed: (UInt64) -> Bool) {
        jobs = jobs.mapValues { $0.filter(isUsed) }.filter { !$0.value.isEmpty }
        count = jobs.values.reduce(0) { $0 + $1.count }
    }
}
