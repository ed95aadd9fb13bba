/// Where a snappy block is written: literals and copies, each with a tag whose two lowest bits are its kind.
@unsafe struct SnappyOutput {
    private(set) var end: UnsafeMutableRawPointer

    /// Literals up to here have their length in the tag.
    private static let shortLiteral = 60
    /// The longest literal that is written as one: two bytes of length.
    private static let mostLiteral = 65_536

    // Safety: the callers of all functions vouch for the room, as `SnappyEncoder.room` tells it, and that the
    // bytes of literals are there.
    init(_ start: UnsafeMutableRawPointer) { unsafe end = start }

    /// The length of what the block stands for, as a varint.
    mutating func putLength(_ count: Int) {
        var rest = count
        while rest > 0x7F {
            unsafe put(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        unsafe put(UInt8(truncatingIfNeeded: rest))
    }

    /// The bytes `from..<to` of `input`, behind which 16 more are readable.
    @inline(__always)
    mutating func putShortLiteral(_ input: UnsafeRawPointer, _ from: Int, _ to: Int) {
        let count = to &- from
        guard count <= 16 else { return unsafe putLiteral(input, from, to) }
        unsafe end.storeBytes(of: UInt8(truncatingIfNeeded: (count &- 1) << 2), as: UInt8.self)
        // 16 bytes in any case: no branch on the length.
        let bytes = unsafe input.loadUnaligned(fromByteOffset: from, as: SIMD16<UInt8>.self)
        unsafe end.storeBytes(of: bytes, toByteOffset: 1, as: SIMD16<UInt8>.self)
        unsafe end += count &+ 1
    }

    /// The bytes `from..<to` of `input`.
    @inline(never)
    mutating func putLiteral(_ input: UnsafeRawPointer, _ from: Int, _ to: Int) {
        var place = from
        while place < to {
            let count = unsafe min(to - place, Self.mostLiteral)
            let number = count - 1
            if unsafe count <= Self.shortLiteral {
                unsafe put(UInt8(truncatingIfNeeded: number << 2))
            } else if count <= 256 {
                unsafe put(60 << 2)
                unsafe put(UInt8(truncatingIfNeeded: number))
            } else {
                unsafe put(61 << 2)
                unsafe put(UInt8(truncatingIfNeeded: number))
                unsafe put(UInt8(truncatingIfNeeded: number >> 8))
            }
            unsafe end.copyMemory(from: input + place, byteCount: count)
            unsafe end += count
            place += count
        }
    }

    /// A copy of `length` bytes, four or more, that stand `distance` bytes back, from 1 to 65,535. Of more
    /// than 64 bytes it takes several; none of them is shorter than four.
    @inline(__always)
    mutating func putCopy(_ length: Int, from distance: Int) {
        var rest = length
        if rest > 64 {
            while rest >= 68 {
                unsafe putWide(64, distance)
                rest &-= 64
            }
            if rest > 64 {
                unsafe putWide(60, distance)
                rest &-= 60
            }
        }
        // Up to 11 bytes from up to 2,047 bytes back take two bytes, others three. Four are stored in any
        // case: no branch on which.
        let isNear = rest < 12 && distance < 2_048
        let near = 1 | (rest &- 4) << 2 | (distance >> 8) << 5 | (distance & 0xFF) << 8
        let wide = 2 | (rest &- 1) << 2 | distance << 8
        unsafe end.storeBytes(
            of: UInt32(truncatingIfNeeded: isNear ? near : wide).littleEndian, as: UInt32.self)
        unsafe end += isNear ? 2 : 3
    }

    @inline(__always)
    private mutating func putWide(_ length: Int, _ distance: Int) {
        let bytes = 2 | (length &- 1) << 2 | distance << 8
        unsafe end.storeBytes(of: UInt32(truncatingIfNeeded: bytes).littleEndian, as: UInt32.self)
        unsafe end += 3
    }

    private mutating func put(_ byte: UInt8) {
        unsafe end.storeBytes(of: byte, as: UInt8.self)
        unsafe end += 1
    }
}
