internal import MetricModel

/// A column of values, XOR-ed chunk by chunk against the target's frame before.
///
/// A chunk is a mode byte; in mode `changed` then a bit for each series (set: its value's bits differ from
/// the base's), four bits for each changed series (which window of bytes the XOR fits in), and those windows'
/// bytes, lowest first.
enum ColumnCodec {
    enum Mode {
        /// Every value equals its base.
        static let unchanged: UInt8 = 0
        /// Every value is the stale marker.
        static let stale: UInt8 = 1
        static let changed: UInt8 = 2
    }

    /// The windows: highest byte (7 is the sign's) and length. Chosen by measuring scrapes: counters move in
    /// the high half of the mantissa, floats in nearly all of it; the fourth holds whatever fits no other.
    static let windows: [(top: Int, length: Int)] = [
        (7, 2), (7, 3), (7, 4), (7, 8), (6, 1), (6, 2), (6, 3), (6, 4),
        (6, 7), (5, 1), (5, 2), (5, 3), (5, 6), (4, 2), (4, 5), (3, 4),
    ]

    /// For a highest and a lowest byte that differ (`8 * high + low`) the shortest window that holds both.
    static let windowTable: [UInt8] = (0..<64).map { index in
        let (high, low) = (index / 8, index % 8)
        var best = 3
        for (code, window) in windows.enumerated()
        where window.top >= high && window.top + 1 - window.length <= low
            && window.length < windows[best].length
        {
            best = code
        }
        return UInt8(best)
    }

    /// Window lengths, four bits each, so that the decoder's look-up is a shift.
    private static let lengths: UInt64 = packed { UInt64($0.length) }
    /// The lowest byte of each window, four bits each.
    private static let shifts: UInt64 = packed { UInt64($0.top + 1 - $0.length) }

    private static func packed(_ field: ((top: Int, length: Int)) -> UInt64) -> UInt64 {
        windows.enumerated().reduce(0) { $0 | field($1.element) << UInt64(4 * $1.offset) }
    }

    /// What a chunk of `count` series takes at most, and eight bytes that the encoder may write beyond its
    /// end.
    private static func roomBytes(_ count: Int) -> Int {
        1 + (count + 7) / 8 + (count + 1) / 2 + 8 * count + 8
    }

    /// Appends the column of `values`, chunk by chunk as `starts` cuts it. `bases` has for each chunk the
    /// index in `base` of its first value, -1 for none (XOR against 0).
    static func encode(
        _ values: [Double], starts: [UInt32], base: [Double], bases: BaseMap, into buffer: inout RecordBuffer
    ) {
        let chunks = starts.count - 1
        precondition(Int(starts[chunks]) <= values.count, "a layout's series have a value each")
        // Rounding up costs a chunk at most a byte of bitmap and one of codes more than a series' share.
        let room = 3 * chunks + roomBytes(values.count)
        buffer.fill(room: room) { storage, offset in
            // Safety: reads stay inside `values` and `base` as checked above and below, writes inside the
            // room that `fill` made; no pointer leaves the closures.
            unsafe storage.withUnsafeMutableBytes { out in
                unsafe values.withUnsafeBytes { new in
                    unsafe base.withUnsafeBytes { old in
                        guard let out = out.baseAddress, let new = new.baseAddress else { return 0 }
                        var end = unsafe out + offset
                        for chunk in 0..<chunks {
                            let start = Int(starts[chunk])
                            let count = Int(starts[chunk + 1]) - start
                            let baseStart = bases.start(of: chunk, starts: starts)
                            precondition(
                                baseStart < 0 || baseStart + count <= base.count, "a base has its values")
                            let before =
                                baseStart < 0 ? nil : unsafe old.baseAddress.map { unsafe $0 + baseStart * 8 }
                            unsafe end += encodeChunk(new + start * 8, before, count, end)
                        }
                        return unsafe end - (out + offset)
                    }
                }
            }
        }
    }

    /// Reads a column of `starts.last` values at `offset` and moves it on; nil when the bytes are no such
    /// column.
    static func decode(
        _ bytes: Span<UInt8>, _ offset: inout Int, starts: [UInt32], base: [Double], bases: BaseMap
    ) -> [Double]? {
        let total = Int(starts[starts.count - 1])
        var cursor = offset
        var good = true
        // Safety: every chunk's output range lies inside `total`, its base inside `base` (checked below), and
        // `decodeChunk` reads no byte at or after `count` and writes every value of its chunk, or refuses;
        // what a refusal left unwritten is never initialized.
        let values = unsafe [Double](unsafeUninitializedCapacity: total) { out, initialized in
            defer { initialized = good ? total : 0 }
            guard let target = UnsafeMutableRawPointer(out.baseAddress) else { return }
            unsafe bytes.withUnsafeBytes { raw in
                unsafe base.withUnsafeBytes { old in
                    guard let input = raw.baseAddress else { return good = starts.count == 1 }
                    for chunk in 0..<starts.count - 1 {
                        let start = Int(starts[chunk])
                        let count = Int(starts[chunk + 1]) - start
                        let baseStart = bases.start(of: chunk, starts: starts)
                        guard baseStart < 0 || baseStart + count <= base.count,
                            let next = unsafe decodeChunk(
                                input, cursor, raw.count,
                                baseStart < 0 ? nil : old.baseAddress.map { unsafe $0 + baseStart * 8 },
                                count, target + start * 8)
                        else { return good = false }
                        cursor = next
                    }
                }
            }
        }
        guard good else { return nil }
        offset = cursor
        return values
    }

    /// Writes one chunk at `out` and returns its length.
    // Safety: the caller vouches for `count` values behind `new` and `old` and for `roomBytes(count)` behind
    // `out`.
    private static func encodeChunk(
        _ new: UnsafeRawPointer, _ old: UnsafeRawPointer?, _ count: Int, _ out: UnsafeMutableRawPointer
    ) -> Int {
        let bitmap = unsafe out + 1
        // Without a base every value is compared with 0: with itself, masked.
        let base = unsafe old ?? new
        let mask: UInt64 = unsafe old == nil ? 0 : ~0
        // Nothing here overflows: every offset is below eight times `count`, which memory holds.
        let endOffset = count &* 8
        var changed = 0
        var offset = 0
        while offset < endOffset {
            var word: UInt64 = 0
            var bit: UInt64 = 1
            let stop = min(offset &+ 512, endOffset)
            let place = offset &>> 6
            while offset < stop {
                let difference =
                    unsafe new.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
                    ^ (base.loadUnaligned(fromByteOffset: offset, as: UInt64.self) & mask)
                // All ones where any bit differs, without a branch: which values move cannot be foretold.
                word |= bit & (0 &- ((difference | (0 &- difference)) &>> 63))
                bit = bit &<< 1
                offset &+= 8
            }
            changed &+= word.nonzeroBitCount
            unsafe (bitmap + place).storeBytes(of: word.littleEndian, as: UInt64.self)
        }
        if changed == 0 {
            unsafe out.storeBytes(of: Mode.unchanged, as: UInt8.self)
            return 1
        }
        if unsafe isStale(new, count) {
            unsafe out.storeBytes(of: Mode.stale, as: UInt8.self)
            return 1
        }
        unsafe out.storeBytes(of: Mode.changed, as: UInt8.self)
        let codes = unsafe bitmap + (count + 7) / 8
        let data = unsafe codes + (changed + 1) / 2
        return unsafe encodeChanges(new, old, count, bitmap, codes, data) - out
    }

    /// Whether every value is the stale marker.
    // Safety: the caller vouches for `count` values behind `new`.
    private static func isStale(_ new: UnsafeRawPointer, _ count: Int) -> Bool {
        for index in 0..<count
        where unsafe new.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self) != StaleMarker.bits {
            return false
        }
        return true
    }

    /// Writes codes and windows of the series that `bitmap` names; returns the end.
    // Safety: as for `encodeChunk`, which also wrote the bitmap.
    private static func encodeChanges(
        _ new: UnsafeRawPointer, _ old: UnsafeRawPointer?, _ count: Int, _ bitmap: UnsafeMutableRawPointer,
        _ codes: UnsafeMutableRawPointer, _ data: UnsafeMutableRawPointer
    ) -> UnsafeMutableRawPointer {
        unsafe windowTable.withUnsafeBufferPointer { table in
            let base = unsafe old ?? new
            let mask: UInt64 = unsafe old == nil ? 0 : ~0
            var end = unsafe data
            var position = 0
            var pending: UInt8 = 0
            var index = 0
            let lengths = Self.lengths
            let shifts = Self.shifts
            // Nothing here overflows: offsets are below eight times `count`, shifts below 64, sums of lengths
            // below the room.
            while index < count {
                // The last word reads past the bitmap: only the bits of series there are count.
                var word = unsafe UInt64(
                    littleEndian: bitmap.loadUnaligned(fromByteOffset: index &>> 3, as: UInt64.self))
                if count &- index < 64 { word &= (1 &<< UInt64(count &- index)) &- 1 }
                while word != 0 {
                    let at = (index &+ word.trailingZeroBitCount) &* 8
                    word &= word &- 1
                    let bits =
                        unsafe new.loadUnaligned(fromByteOffset: at, as: UInt64.self)
                        ^ (base.loadUnaligned(fromByteOffset: at, as: UInt64.self) & mask)
                    let high = 7 &- bits.leadingZeroBitCount &>> 3
                    let code = unsafe table[high &* 8 &+ bits.trailingZeroBitCount &>> 3]
                    let select = UInt64(code) &* 4
                    // The first of two is written with an empty half, then again with the second in it.
                    pending = position & 1 == 0 ? code : pending | code &<< 4
                    unsafe codes.storeBytes(of: pending, toByteOffset: position &>> 1, as: UInt8.self)
                    position &+= 1
                    unsafe end.storeBytes(
                        of: (bits &>> ((shifts &>> select & 15) &* 8)).littleEndian, as: UInt64.self)
                    unsafe end += Int(truncatingIfNeeded: lengths &>> select & 15)
                }
                index &+= 64
            }
            return unsafe end
        }
    }

    /// Reads one chunk at `offset` and returns where it ends; nil when it does not fit `limit`.
    // Safety: the caller vouches for `limit` bytes behind `input`, `count` values behind `old` and room for
    // `count` values behind `out`; every read of `input` is checked against `limit` first.
    private static func decodeChunk(
        _ input: UnsafeRawPointer, _ offset: Int, _ limit: Int, _ old: UnsafeRawPointer?, _ count: Int,
        _ out: UnsafeMutableRawPointer
    ) -> Int? {
        guard offset < limit else { return nil }
        let mode = unsafe input.load(fromByteOffset: offset, as: UInt8.self)
        if mode == Mode.stale {
            for index in 0..<count {
                unsafe out.storeBytes(of: StaleMarker.bits, toByteOffset: index * 8, as: UInt64.self)
            }
            return offset + 1
        }
        guard mode == Mode.unchanged || mode == Mode.changed else { return nil }
        if let old = unsafe old {
            unsafe out.copyMemory(from: old, byteCount: count * 8)
        } else {
            unsafe out.initializeMemory(as: UInt8.self, repeating: 0, count: count * 8)
        }
        if mode == Mode.unchanged { return offset + 1 }
        let bitmap = offset + 1
        let codes = bitmap + (count + 7) / 8
        guard codes <= limit else { return nil }
        guard let changed = unsafe countBits(input + bitmap, count) else { return nil }
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

    /// How many of the bitmap's bits are set; nil when one stands beyond `count`.
    // Safety: the caller checked that the bitmap's `(count + 7) / 8` bytes are there.
    private static func countBits(_ bitmap: UnsafeRawPointer, _ count: Int) -> Int? {
        var total = 0
        let bytes = (count + 7) / 8
        for index in 0..<bytes {
            total += unsafe bitmap.load(fromByteOffset: index, as: UInt8.self).nonzeroBitCount
        }
        if count & 7 != 0 {
            let last = unsafe bitmap.load(fromByteOffset: bytes - 1, as: UInt8.self)
            guard last >> UInt8(count & 7) == 0 else { return nil }
        }
        return total
    }
}
