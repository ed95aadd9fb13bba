/// Reads the changes of a chunk as versions 1 and 2 wrote them: for each changed series, which window of
/// bytes the XOR with its base fits in (four bits), and that window's bytes, lowest first.
enum WindowCoding {
    /// The windows: highest byte (7 is the sign's) and length. Chosen by measuring scrapes: counters move in
    /// the high half of the mantissa, floats in nearly all of it; the fourth holds whatever fits no other.
    static let windows: [(top: Int, length: Int)] = [
        (7, 2), (7, 3), (7, 4), (7, 8), (6, 1), (6, 2), (6, 3), (6, 4),
        (6, 7), (5, 1), (5, 2), (5, 3), (5, 6), (4, 2), (4, 5), (3, 4),
    ]

    /// Window lengths, four bits each, so that the decoder's look-up is a shift.
    private static let lengths: UInt64 = packed { UInt64($0.length) }
    /// The lowest byte of each window, four bits each.
    private static let shifts: UInt64 = packed { UInt64($0.top + 1 - $0.length) }

    private static func packed(_ field: ((top: Int, length: Int)) -> UInt64) -> UInt64 {
        windows.enumerated().reduce(0) { $0 | field($1.element) << UInt64(4 * $1.offset) }
    }

    /// Puts the changes in that a bitmap at `bitmap` tells of, `changed` of them; returns where they end, nil
    /// when that is behind `limit`.
    // Safety: the caller vouches for `limit` bytes behind `input` and `count` values behind `out`, and
    // checked that the bitmap is there and has no bit beyond `count`.
    static func decode(
        _ input: UnsafeRawPointer, bitmap: Int, changed: Int, limit: Int, count: Int,
        into out: UnsafeMutableRawPointer
    ) -> Int? {
        let codes = bitmap + (count + 7) / 8
        let data = codes + (changed + 1) / 2
        guard data <= limit else { return nil }
        // With eight bytes behind the last window each can be read as a word. Nothing overflows: all offsets
        // are below `limit` and eight more.
        let isRoomy = data &+ changed &* 8 &+ 8 <= limit
        return isRoomy
            ? unsafe decodeChanges(input, bitmap, codes, data, count, out)
            : unsafe decodeLast(input, bitmap, codes, data, limit, count, out)
    }

    /// Puts the changes in; every window may be read as eight bytes. Returns where they end.
    // Safety: the caller checked that bitmap, codes and eight bytes for each change and eight more are there,
    // and that no bit stands beyond `count`.
    private static func decodeChanges(
        _ input: UnsafeRawPointer, _ bitmap: Int, _ codes: Int, _ data: Int, _ count: Int,
        _ out: UnsafeMutableRawPointer
    ) -> Int {
        var data = data
        var position = 0
        var index = 0
        let lengths = Self.lengths
        let shifts = Self.shifts
        while index < count {
            // Bits beyond the bitmap's last byte are masked: what they are read from is there, as codes or
            // windows.
            var word = unsafe UInt64(
                littleEndian: input.loadUnaligned(fromByteOffset: bitmap &+ index &>> 3, as: UInt64.self))
            if count &- index < 64 { word &= (1 &<< UInt64(count &- index)) &- 1 }
            while word != 0 {
                let at = (index &+ word.trailingZeroBitCount) &* 8
                word &= word &- 1
                let pair = unsafe input.load(fromByteOffset: codes &+ position &>> 1, as: UInt8.self)
                let select = UInt64(pair &>> UInt8(truncatingIfNeeded: (position & 1) &* 4) & 15) &* 4
                position &+= 1
                let length = lengths &>> select & 15
                var bits = unsafe UInt64(
                    littleEndian: input.loadUnaligned(fromByteOffset: data, as: UInt64.self))
                bits &= ~0 &>> (64 &- length &* 8)
                data &+= Int(truncatingIfNeeded: length)
                let before = unsafe out.loadUnaligned(fromByteOffset: at, as: UInt64.self)
                unsafe out.storeBytes(
                    of: before ^ bits &<< ((shifts &>> select & 15) &* 8), toByteOffset: at, as: UInt64.self)
            }
            index &+= 64
        }
        return data
    }

    /// As `decodeChanges`, byte by byte near the end of the input; nil when that is too near.
    // Safety: the caller checked that bitmap and codes are there; every window is checked against `limit`.
    private static func decodeLast(
        _ input: UnsafeRawPointer, _ bitmap: Int, _ codes: Int, _ data: Int, _ limit: Int, _ count: Int,
        _ out: UnsafeMutableRawPointer
    ) -> Int? {
        var data = data
        var position = 0
        for index in 0..<count {
            let byte = unsafe input.load(fromByteOffset: bitmap + index / 8, as: UInt8.self)
            guard byte >> UInt8(index & 7) & 1 == 1 else { continue }
            let pair = unsafe input.load(fromByteOffset: codes + position / 2, as: UInt8.self)
            let select = UInt64(position & 1 == 0 ? pair & 15 : pair >> 4) * 4
            position += 1
            let length = Int(lengths >> select & 15)
            guard data + length <= limit else { return nil }
            var bits: UInt64 = 0
            for part in 0..<length {
                bits |=
                    unsafe UInt64(input.load(fromByteOffset: data + part, as: UInt8.self)) << UInt64(part * 8)
            }
            data += length
            let before = unsafe out.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self)
            unsafe out.storeBytes(
                of: before ^ bits << ((shifts >> select & 15) * 8), toByteOffset: index * 8, as: UInt64.self)
        }
        return data
    }
}
