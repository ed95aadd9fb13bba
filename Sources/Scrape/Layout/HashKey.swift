internal import Platform
import Synchronization

/// Where the key of `SegmentHasher.process` comes from.
package enum HashKey {
    private static let seed = Mutex<UInt64?>(nil)

    /// Makes the key follow from `seed` and no longer from chance. Chunks are cut by hashes, so that two
    /// processes cut the same layout in different places. For the benchmark that counts instructions: whoever
    /// knows the key can make two lines look alike. Has to be called before the first scrape.
    package static func fix(seed fixed: UInt64) { seed.withLock { $0 = fixed } }

    /// The words of a key.
    static func words(_ count: Int) -> [UInt64] {
        if let fixed = seed.withLock({ $0 }) {
            var generator = SplitMix64(seed: fixed)
            return (0..<count).map { _ in generator.next() }
        }
        var generator = SystemRandomNumberGenerator()
        return (0..<count).map { _ in generator.next() }
    }
}
