/// A keyed 64-bit hash of bytes, after wyhash and rapidhash: two words and one wide multiplication a step.
/// The key is drawn once a process, so that a target cannot make two lines look alike by intent; by chance
/// two lines of one place do with probability 2^-64. Never stored, never sent.
struct SegmentHasher: Sendable {
    /// The key of this process.
    static let process = SegmentHasher()

    private let key0: UInt64
    private let key1: UInt64
    private let key2: UInt64
    private let key3: UInt64

    init() {
        var generator = SystemRandomNumberGenerator()
        key0 = generator.next()
        key1 = generator.next()
        key2 = generator.next()
        key3 = generator.next()
    }

    /// The hash of `count` bytes from `start` on. The caller has checked that they lie in `text`.
    @inline(__always)
    func hash(_ text: RawSpan, _ start: Int, _ count: Int) -> UInt64 {
        var state = key0
        let first: UInt64
        let second: UInt64
        if count > 16 {
            var offset = start
            var rest = count
            if rest > 48 {
                var state1 = state
                var state2 = state
                repeat {
                    state = Self.mix(
                        text.uncheckedWord64(offset) ^ key1, text.uncheckedWord64(offset &+ 8) ^ state)
                    state1 = Self.mix(
                        text.uncheckedWord64(offset &+ 16) ^ key2, text.uncheckedWord64(offset &+ 24) ^ state1
                    )
                    state2 = Self.mix(
                        text.uncheckedWord64(offset &+ 32) ^ key3, text.uncheckedWord64(offset &+ 40) ^ state2
                    )
                    offset &+= 48
                    rest &-= 48
                } while rest > 48
                state ^= state1 ^ state2
            }
            while rest > 16 {
                state = Self.mix(
                    text.uncheckedWord64(offset) ^ key1, text.uncheckedWord64(offset &+ 8) ^ state)
                offset &+= 16
                rest &-= 16
            }
            // The last sixteen bytes, some of them a second time.
            first = text.uncheckedWord64(start &+ count &- 16)
            second = text.uncheckedWord64(start &+ count &- 8)
        } else if count >= 8 {
            first = text.uncheckedWord64(start)
            second = text.uncheckedWord64(start &+ count &- 8)
        } else if count >= 4 {
            first = UInt64(text.uncheckedWord32(start))
            second = UInt64(text.uncheckedWord32(start &+ count &- 4))
        } else if count > 0 {
            first =
                UInt64(text.uncheckedByte(start)) | UInt64(text.uncheckedByte(start &+ count &>> 1)) &<< 8
                | UInt64(text.uncheckedByte(start &+ count &- 1)) &<< 16
            second = 0
        } else {
            first = 0
            second = 0
        }
        let length = UInt64(truncatingIfNeeded: count)
        return Self.mix(key1 ^ length, Self.mix(first ^ key2, second ^ state))
    }

    /// The hash of a pair, for a label's name and value; not symmetric.
    func combine(_ left: UInt64, _ right: UInt64) -> UInt64 {
        Self.mix(left ^ key3, right ^ key0)
    }

    @inline(__always)
    private static func mix(_ left: UInt64, _ right: UInt64) -> UInt64 {
        let (high, low) = left.multipliedFullWidth(by: right)
        return high ^ low
    }
}
