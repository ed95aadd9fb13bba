/// Packs a request as a snappy block (github.com/google/snappy, format_description.txt).
///
/// libsnappy cuts its input into pieces of 64 KiB and begins each with an empty table, so that each piece
/// states anew what all series of a request repeat: with a few long labels on each target, a piece holds no
/// more than 200 series. This encoder goes on over the whole request: a copy reaches up to 65,535 bytes back
/// from wherever it is. The format has no pieces, and decoders keep all of a block.
///
/// Where the table offers a short match only, the distance of the copy before the last is tried, too: labels
/// of a target stand at the same distance for many series.
///
/// The block depends on nothing but the bytes: the table is emptied before each.
@safe struct SnappyEncoder: ~Copyable {
    /// Entries of the table, as powers of two. The most are 32 KiB, which a processor has near.
    private static let leastTableBits: UInt32 = 8
    private static let mostTableBits: UInt32 = 14
    /// No match begins in the last bytes of a block, so that what looks for one reads nothing behind them.
    private static let tailBytes = 32
    /// A match this long is taken without a look at another. No more than `tailBytes`.
    private static let longMatch = 32

    /// By the hash of four bytes, where they stood last: the place modulo 65,536.
    private let table: UnsafeMutablePointer<UInt16>

    init() {
        // Safety: freed in deinit and nowhere else.
        unsafe table = .allocate(capacity: 1 << Self.mostTableBits)
    }

    deinit {
        // Safety: allocated in init, never handed out.
        unsafe table.deallocate()
    }

    /// Bytes held.
    var heldBytes: Int { 2 << Self.mostTableBits }

    /// The room that a block of `count` bytes needs. A literal has one byte of length, a second one from 61
    /// bytes on and two more at most; a copy takes at least one byte less than what it stands for. The last
    /// 64 bytes are for the block's own length and for stores that are wider than what they mean.
    static func room(for count: Int) -> Int { count + count / 6 + 64 }

    /// Packs `count` bytes from `input` on, and returns the length of the block. `output` has
    /// `room(for: count)` bytes, and does not overlap with the input.
    // Safety: the caller vouches for both pointers. Nothing of the input is read before its beginning: the
    // table has places of this block alone, or 0, and the two distances are those of earlier matches, or 1.
    // Nothing is read behind its end: `tailBytes` lie between a place that is looked at and the end, and
    // `Match` looks where the end is.
    func encode(_ input: UnsafeRawPointer, count: Int, to output: UnsafeMutableRawPointer) -> Int {
        precondition(count >= 0 && count <= UInt32.max, "the length of a block has 32 bits")
        let table = unsafe self.table
        var bits = Self.leastTableBits
        while bits < Self.mostTableBits, 1 << bits < count { bits += 1 }
        unsafe table.update(repeating: 0, count: 1 << bits)
        let shift = 32 &- bits

        var out = unsafe SnappyOutput(output)
        unsafe out.putLength(count)
        let end = count &- Self.tailBytes
        // What stands before `from` is in the block.
        var from = 0
        var place = 1
        var next = place < end ? unsafe load32(input, place) : 0
        var (last, secondLast) = (1, 1)
        search: while place < end {
            var distance: Int
            var match: Match
            // After 32 places without a match every other is looked at, and so on, as libsnappy does it.
            var skip = 32
            while true {
                let slot = Int(truncatingIfNeeded: Self.hash(next) >> shift)
                let low = UInt16(truncatingIfNeeded: place)
                distance = Int(low &- (unsafe table[slot]))
                unsafe table[slot] = low
                // The entry may be of a place farther back. The place that it then stands for is as good,
                // where the bytes are the same.
                if unsafe load32(input, place &- distance) == next, distance != 0 {
                    unsafe match = Match(input, place &- distance, place, count)
                    if match.length < Self.longMatch, secondLast != distance {
                        // A longer match has the byte with which this one ended.
                        let other = place &- secondLast
                        let ending = match.length &- 3
                        if unsafe load32(input, other &+ ending) == load32(input, place &+ ending),
                            unsafe load32(input, other) == next
                        {
                            let found = unsafe Match(input, other, place, count)
                            if found.length > match.length { (match, distance) = (found, secondLast) }
                        }
                    }
                    break
                }
                // Behind bytes that differ, as values do, the last copy often goes on.
                if unsafe load32(input, place &- last) == next {
                    distance = last
                    unsafe match = Match(input, place &- last, place, count)
                    break
                }
                place &+= skip >> 5
                skip &+= skip >> 5
                guard place < end else { break search }
                unsafe next = load32(input, place)
            }
            if from < place { unsafe out.putShortLiteral(input, from, place) }
            unsafe out.putCopy(match.length, from: distance)
            place &+= match.length
            from = place
            next = match.next
            if distance != last { (last, secondLast) = (distance, last) }
            guard place < end else { break }
            let slot = unsafe Int(truncatingIfNeeded: Self.hash(load32(input, place &- 1)) >> shift)
            unsafe table[slot] = UInt16(truncatingIfNeeded: place &- 1)
        }
        if from < count { unsafe out.putLiteral(input, from, count) }
        return unsafe out.end - output
    }

    /// libsnappy's multiplier: it spreads four bytes over the upper bits.
    @inline(__always)
    private static func hash(_ bytes: UInt32) -> UInt32 { bytes &* 0x1E35_A7BD }

    /// How far the bytes at two places are the same.
    private struct Match {
        /// At least four.
        let length: Int
        /// The four bytes behind it. They are known from what was compared, and need not be loaded, which
        /// the search would have to wait for. 0 at the end of the block, where nobody asks.
        let next: UInt32

        /// The four bytes at `earlier` and at `place` are the same; the block ends at `count`.
        @inline(__always)
        init(_ input: UnsafeRawPointer, _ earlier: Int, _ place: Int, _ count: Int) {
            var length = 4
            while place &+ length &+ 16 <= count {
                let bytes = unsafe load64(input, place &+ length)
                let difference = unsafe load64(input, earlier &+ length) ^ bytes
                if difference != 0 {
                    let bits = UInt64(truncatingIfNeeded: difference.trailingZeroBitCount)
                    let later = unsafe load64(input, place &+ length &+ 4)
                    let word = UInt32(truncatingIfNeeded: difference) != 0 ? bytes : later
                    next = UInt32(truncatingIfNeeded: word &>> (bits & 24))
                    self.length = length &+ Int(truncatingIfNeeded: bits >> 3)
                    return
                }
                length &+= 8
            }
            while place &+ length < count,
                unsafe input.load(fromByteOffset: earlier &+ length, as: UInt8.self)
                    == input.load(fromByteOffset: place &+ length, as: UInt8.self)
            { length &+= 1 }
            next = 0
            self.length = length
        }
    }
}

// Safety: the callers of both functions vouch for the place and the bytes behind it.
@inline(__always)
private func load32(_ input: UnsafeRawPointer, _ place: Int) -> UInt32 {
    UInt32(littleEndian: unsafe input.loadUnaligned(fromByteOffset: place, as: UInt32.self))
}

@inline(__always)
private func load64(_ input: UnsafeRawPointer, _ place: Int) -> UInt64 {
    UInt64(littleEndian: unsafe input.loadUnaligned(fromByteOffset: place, as: UInt64.self))
}
