/// Numbers written in pieces of four bits, the lowest first, the first piece in the low half of its byte.
// Safety: whoever makes one vouches for its room; no call goes beyond it.
@safe struct NibbleOutput {
    /// The byte that is not full yet.
    private var end: UnsafeMutableRawPointer
    /// 0, or 4 where the low half of that byte is taken.
    private var shift: UInt64 = 0
    private var carry: UInt64 = 0

    // Safety: the caller vouches for eight bytes of room behind everything it puts.
    init(_ start: UnsafeMutableRawPointer) { unsafe end = start }

    /// Writes `number`, which has no more than `nibbles` (at most 15).
    @inline(__always)
    mutating func put(_ number: UInt64, _ nibbles: Int) {
        let word = number &<< shift | carry
        // Safety: `init` says who vouches for the room.
        unsafe end.storeBytes(of: word.littleEndian, as: UInt64.self)
        let bits = UInt64(truncatingIfNeeded: nibbles) &* 4 &+ shift
        unsafe end += Int(truncatingIfNeeded: bits &>> 3)
        shift = bits & 4
        carry = shift == 0 ? 0 : word &>> (bits & 56) & 15
    }

    /// Where the byte behind the last one begins; an odd last half is 0.
    var finished: UnsafeMutableRawPointer { unsafe end + Int(shift &>> 2) }
}

/// Reads what `NibbleOutput` wrote. Behind the end of the input are zeros: whoever has taken everything looks
/// whether it was there.
// Safety: whoever makes one says how many bytes are there; no call reads beyond them.
@safe struct NibbleInput {
    private let input: UnsafeRawPointer
    private let limit: Int
    /// In nibbles from the beginning of the input.
    private var place: Int

    // Safety: the caller vouches for `limit` bytes behind `input`; nothing else is read.
    init(_ input: UnsafeRawPointer, from offset: Int, limit: Int) {
        unsafe self.input = input
        self.limit = limit
        place = offset * 2
    }

    /// The next `nibbles`, at most 15.
    @inline(__always)
    mutating func take(_ nibbles: Int) -> UInt64 {
        // Nothing overflows: a chunk takes 16 nibbles a series at most.
        let word = word(at: place &>> 1) &>> UInt64(truncatingIfNeeded: (place & 1) &* 4)
        place &+= nibbles
        return word & ((1 &<< UInt64(truncatingIfNeeded: nibbles &* 4)) &- 1)
    }

    /// The offset behind the last byte taken; nil when that is not there.
    var end: Int? { (place + 1) / 2 <= limit ? (place + 1) / 2 : nil }

    @inline(__always)
    private func word(at offset: Int) -> UInt64 {
        // Safety: eight bytes are there.
        if offset &+ 8 <= limit {
            return unsafe UInt64(littleEndian: input.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        }
        return lastWord(at: offset)
    }

    private func lastWord(at offset: Int) -> UInt64 {
        var word: UInt64 = 0
        for index in 0..<8 where offset + index < limit {
            // Safety: the byte is below the limit.
            word |=
                unsafe UInt64(input.load(fromByteOffset: offset + index, as: UInt8.self)) << UInt64(8 * index)
        }
        return word
    }
}
