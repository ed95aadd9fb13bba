internal import MetricModel

/// A column of values, chunk by chunk against the target's frame before.
///
/// A chunk is a mode byte; where values changed, then a bit for each series (set: its value's bits differ
/// from the base's), a code of four bits for each changed one, and what the codes need (`DifferenceCoding`).
/// Where most changed, each series has a code, and there are no bits.
enum ColumnCodec {
    enum Mode {
        /// Every value equals its base.
        static let unchanged: UInt8 = 0
        /// Every value is the stale marker.
        static let stale: UInt8 = 1
        /// Changed, by windows of bytes: read, and written before version 3.
        static let windows: UInt8 = 2
        /// Changed, with a bit for each series.
        static let marked: UInt8 = 3
        /// Changed, with a code for each series.
        static let coded: UInt8 = 4
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
        // A bit for each series and a code for each changed one, or a code for each series.
        if (count + 7) / 8 + (changed + 1) / 2 <= (count + 1) / 2 {
            unsafe out.storeBytes(of: Mode.marked, as: UInt8.self)
            return unsafe encodeMarked(new, base, mask, count, bitmap, changed) - out
        }
        unsafe out.storeBytes(of: Mode.coded, as: UInt8.self)
        return unsafe encodeAll(new, base, mask, count, out + 1) - out
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

    /// Writes codes and nibbles of the series that `bitmap` names, `changed` of them; returns the end.
    // Safety: as for `encodeChunk`, which also wrote the bitmap.
    private static func encodeMarked(
        _ new: UnsafeRawPointer, _ base: UnsafeRawPointer, _ mask: UInt64, _ count: Int,
        _ bitmap: UnsafeMutableRawPointer, _ changed: Int
    ) -> UnsafeMutableRawPointer {
        let codes = unsafe bitmap + (count + 7) / 8
        var output = unsafe NibbleOutput(codes + (changed + 1) / 2)
        var coding = DifferenceCoding()
        var position = 0
        var pending: UInt8 = 0
        var index = 0
        // Nothing here overflows: offsets are below eight times `count`.
        while index < count {
            // The last word reads past the bitmap: only the bits of series there are count.
            var word = unsafe UInt64(
                littleEndian: bitmap.loadUnaligned(fromByteOffset: index &>> 3, as: UInt64.self))
            if count &- index < 64 { word &= (1 &<< UInt64(count &- index)) &- 1 }
            while word != 0 {
                let at = (index &+ word.trailingZeroBitCount) &* 8
                word &= word &- 1
                let code = unsafe coding.put(
                    new.loadUnaligned(fromByteOffset: at, as: UInt64.self),
                    base: base.loadUnaligned(fromByteOffset: at, as: UInt64.self) & mask, into: &output)
                // The first of two is written with an empty half, then again with the second in it.
                pending = position & 1 == 0 ? code : pending | code &<< 4
                unsafe codes.storeBytes(of: pending, toByteOffset: position &>> 1, as: UInt8.self)
                position &+= 1
            }
            index &+= 64
        }
        return unsafe output.finished
    }

    /// Writes a code for each series, and the nibbles; returns the end.
    // Safety: as for `encodeChunk`.
    private static func encodeAll(
        _ new: UnsafeRawPointer, _ base: UnsafeRawPointer, _ mask: UInt64, _ count: Int,
        _ codes: UnsafeMutableRawPointer
    ) -> UnsafeMutableRawPointer {
        var output = unsafe NibbleOutput(codes + (count + 1) / 2)
        var coding = DifferenceCoding()
        var pending: UInt8 = 0
        for index in 0..<count {
            let value = unsafe new.loadUnaligned(fromByteOffset: index &* 8, as: UInt64.self)
            let before = unsafe base.loadUnaligned(fromByteOffset: index &* 8, as: UInt64.self) & mask
            let code =
                value == before ? DifferenceCoding.Code.same : coding.put(value, base: before, into: &output)
            pending = index & 1 == 0 ? code : pending | code &<< 4
            unsafe codes.storeBytes(of: pending, toByteOffset: index &>> 1, as: UInt8.self)
        }
        return unsafe output.finished
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
        guard mode <= Mode.coded else { return nil }
        if let old = unsafe old {
            unsafe out.copyMemory(from: old, byteCount: count * 8)
        } else {
            unsafe out.initializeMemory(as: UInt8.self, repeating: 0, count: count * 8)
        }
        if mode == Mode.unchanged { return offset + 1 }
        if mode == Mode.coded { return unsafe decodeAll(input, offset + 1, limit, count, out) }
        let bitmap = offset + 1
        let codes = bitmap + (count + 7) / 8
        guard codes <= limit, let changed = unsafe countBits(input + bitmap, count) else { return nil }
        if mode == Mode.windows {
            return unsafe WindowCoding.decode(
                input, bitmap: bitmap, changed: changed, limit: limit, count: count, into: out)
        }
        guard codes + (changed + 1) / 2 <= limit else { return nil }
        return unsafe decodeMarked(input, bitmap, codes, changed, limit, count, out)
    }

    /// Puts in the changes that the bitmap names; returns where they end.
    // Safety: the caller checked that bitmap and codes are there, and that no bit stands beyond `count`.
    private static func decodeMarked(
        _ input: UnsafeRawPointer, _ bitmap: Int, _ codes: Int, _ changed: Int, _ limit: Int, _ count: Int,
        _ out: UnsafeMutableRawPointer
    ) -> Int? {
        var nibbles = unsafe NibbleInput(input, from: codes + (changed + 1) / 2, limit: limit)
        var coding = DifferenceCoding()
        var position = 0
        // Nothing overflows: all offsets are below `limit` or eight times `count`.
        for place in 0..<(count + 7) / 8 {
            var byte = unsafe input.load(fromByteOffset: bitmap &+ place, as: UInt8.self)
            while byte != 0 {
                let at = (place &* 8 &+ byte.trailingZeroBitCount) &* 8
                byte &= byte &- 1
                let code = unsafe code(input, codes, position)
                position &+= 1
                guard unsafe change(out + at, code, &coding, &nibbles) else { return nil }
            }
        }
        return nibbles.end
    }

    /// Puts in the changes where each series has a code; returns where they end.
    // Safety: the caller vouches for `limit` bytes behind `input` and the values behind `out`.
    private static func decodeAll(
        _ input: UnsafeRawPointer, _ codes: Int, _ limit: Int, _ count: Int, _ out: UnsafeMutableRawPointer
    ) -> Int? {
        guard codes + (count + 1) / 2 <= limit else { return nil }
        var nibbles = unsafe NibbleInput(input, from: codes + (count + 1) / 2, limit: limit)
        var coding = DifferenceCoding()
        for index in 0..<count {
            let code = unsafe code(input, codes, index)
            guard unsafe change(out + index &* 8, code, &coding, &nibbles) else { return nil }
        }
        return nibbles.end
    }

    // Safety: the caller checked that the codes are there.
    @inline(__always)
    private static func code(_ input: UnsafeRawPointer, _ codes: Int, _ position: Int) -> UInt8 {
        let pair = unsafe input.load(fromByteOffset: codes &+ position &>> 1, as: UInt8.self)
        return pair &>> UInt8(truncatingIfNeeded: (position & 1) &* 4) & 15
    }

    /// Changes the base at `place` into the value; false when no writer writes that.
    // Safety: the caller vouches for the eight bytes at `place`.
    @inline(__always)
    private static func change(
        _ place: UnsafeMutableRawPointer, _ code: UInt8, _ coding: inout DifferenceCoding,
        _ nibbles: inout NibbleInput
    ) -> Bool {
        guard code != DifferenceCoding.Code.same else { return true }
        let base = unsafe place.loadUnaligned(as: UInt64.self)
        guard let value = coding.take(code, base: base, from: &nibbles) else { return false }
        unsafe place.storeBytes(of: value, as: UInt64.self)
        return true
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
