/// A keyed 64-bit hash of bytes, after XXH3 and wyhash: sixteen bytes and one wide multiplication a step. Up
/// to 128 bytes the steps do not wait for each other, and which of them are taken depends on the length
/// alone. The key is drawn once a process, so that a target cannot make two lines look alike by intent; by
/// chance two lines of one place do with probability 2^-64. Never stored, never sent.
struct SegmentHasher: Sendable {
    /// The key of this process.
    static let process = SegmentHasher()

    /// Two words for each step of a short text, and two for what all texts have in common.
    private let key0, key1, key2, key3, key4, key5, key6, key7, key8, key9: UInt64
    private let key10, key11, key12, key13, key14, key15, key16, key17: UInt64

    init() {
        let words = HashKey.words(18)
        key0 = words[0]
        key1 = words[1]
        key2 = words[2]
        key3 = words[3]
        key4 = words[4]
        key5 = words[5]
        key6 = words[6]
        key7 = words[7]
        key8 = words[8]
        key9 = words[9]
        key10 = words[10]
        key11 = words[11]
        key12 = words[12]
        key13 = words[13]
        key14 = words[14]
        key15 = words[15]
        key16 = words[16]
        key17 = words[17]
    }

    /// The hash of `count` bytes from `start` on. The caller has checked that they lie in `text`.
    @inline(__always)
    func hash(_ text: RawSpan, _ start: Int, _ count: Int) -> UInt64 {
        let end = start &+ count
        var sum = UInt64(truncatingIfNeeded: count)
        if count > 128 { return longHash(text, start, count) }
        if count > 16 {
            // From both ends inwards; in the middle some bytes are taken twice.
            if count > 32 {
                if count > 64 {
                    if count > 96 {
                        sum &+= step(text, start &+ 48, key12, key13)
                        sum &+= step(text, end &- 64, key14, key15)
                    }
                    sum &+= step(text, start &+ 32, key8, key9)
                    sum &+= step(text, end &- 48, key10, key11)
                }
                sum &+= step(text, start &+ 16, key4, key5)
                sum &+= step(text, end &- 32, key6, key7)
            }
            sum &+= step(text, start, key0, key1)
            sum &+= step(text, end &- 16, key2, key3)
            return Self.mix(sum ^ key16, key17)
        }
        let first: UInt64
        let second: UInt64
        if count >= 8 {
            first = text.uncheckedWord64(start)
            second = text.uncheckedWord64(end &- 8)
        } else if count >= 4 {
            first = UInt64(text.uncheckedWord32(start))
            second = UInt64(text.uncheckedWord32(end &- 4))
        } else if count > 0 {
            first =
                UInt64(text.uncheckedByte(start)) | UInt64(text.uncheckedByte(start &+ count &>> 1)) &<< 8
                | UInt64(text.uncheckedByte(end &- 1)) &<< 16
            second = 0
        } else {
            first = 0
            second = 0
        }
        sum &+= Self.mix(first ^ key2, second ^ key3)
        return Self.mix(sum ^ key16, key17)
    }

    /// The hash of a pair, for a label's name and value; not symmetric.
    func combine(_ left: UInt64, _ right: UInt64) -> UInt64 {
        Self.mix(left ^ key3, right ^ key0)
    }

    /// More than 128 bytes, each step fed with the one before; three lanes so that they do not all wait.
    @inline(never)
    private func longHash(_ text: RawSpan, _ start: Int, _ count: Int) -> UInt64 {
        var lane0 = key0
        var lane1 = key2
        var lane2 = key4
        var offset = start
        var rest = count
        while rest > 48 {
            lane0 = Self.mix(text.uncheckedWord64(offset) ^ key1, text.uncheckedWord64(offset &+ 8) ^ lane0)
            lane1 = Self.mix(
                text.uncheckedWord64(offset &+ 16) ^ key3, text.uncheckedWord64(offset &+ 24) ^ lane1)
            lane2 = Self.mix(
                text.uncheckedWord64(offset &+ 32) ^ key5, text.uncheckedWord64(offset &+ 40) ^ lane2)
            offset &+= 48
            rest &-= 48
        }
        // The last 48 bytes, some of them a second time.
        let tail = start &+ count &- 48
        var sum = UInt64(truncatingIfNeeded: count) ^ lane0 ^ lane1 ^ lane2
        sum &+= step(text, tail, key6, key7)
        sum &+= step(text, tail &+ 16, key8, key9)
        sum &+= step(text, tail &+ 32, key10, key11)
        return Self.mix(sum ^ key16, key17)
    }

    @inline(__always)
    private func step(_ text: RawSpan, _ offset: Int, _ left: UInt64, _ right: UInt64) -> UInt64 {
        Self.mix(text.uncheckedWord64(offset) ^ left, text.uncheckedWord64(offset &+ 8) ^ right)
    }

    @inline(__always)
    private static func mix(_ left: UInt64, _ right: UInt64) -> UInt64 {
        let (high, low) = left.multipliedFullWidth(by: right)
        return high ^ low
    }
}
