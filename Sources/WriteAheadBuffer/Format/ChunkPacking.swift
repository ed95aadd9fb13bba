/// Packs what is stated of a chunk: the labels of a series are mostly those of one shortly before, and a
/// family's name stands in each of its comments. What stands before is named by distance and length, as LZ4
/// does it, in a form that takes a byte less for short distances.
///
/// varint32 length of what is packed, then steps: a byte (low half: how many literals follow, high half: how
/// many bytes are copied, less four; 15 means more: bytes are added up to the first below 255), literals,
/// and unless everything is there, a varint32 distance back from the end so far, then the bytes that add to
/// the high half. A copy may reach into what it writes.
enum ChunkPacking {
    /// What is longer is not packed: the bound on what a damaged file can make a reader allocate.
    static let mostBytes = 1 << 20
    private static let shortest = 4
    /// Distances below take two bytes at most, so that every copy is a gain.
    private static let window = 1 << 14
    private static let tableBits: UInt32 = 12

    /// Appends `plain`, packed, to `buffer`. False, with nothing appended, where that is no shorter.
    static func put(_ plain: RecordBuffer, into buffer: inout RecordBuffer) -> Bool {
        let count = plain.count
        guard count > 16, count <= mostBytes else { return false }
        let before = buffer.count
        buffer.putVarint(UInt64(count))
        // Where nothing is copied, literals take a byte more for each 255 of them, and one for the step.
        buffer.fill(room: count + count / 255 + 16) { storage, offset in
            // Safety: every read is below `count`, every write inside the room, as a copy takes three bytes
            // for four at least; no pointer leaves the closures.
            unsafe storage.withUnsafeMutableBytes { room in
                unsafe plain.storage.withUnsafeBytes { source in
                    guard let out = room.baseAddress, let input = source.baseAddress else { return 0 }
                    return unsafe pack(input, count, out + offset)
                }
            }
        }
        if buffer.count - before < count { return true }
        buffer.removeLast(buffer.count - before)
        return false
    }

    // Safety: the caller vouches for `count` bytes behind `input`, and for as many, one more for each 255 of
    // them, and 16 behind `out`.
    private static func pack(_ input: UnsafeRawPointer, _ count: Int, _ out: UnsafeMutableRawPointer) -> Int {
        // By the hash of four bytes: one more than the place where such bytes stood last; 0 for none.
        var table = [UInt32](repeating: 0, count: 1 << Int(tableBits))
        var end = unsafe out
        var (place, firstLiteral) = (0, 0)
        while place + 8 <= count {
            let word = unsafe input.loadUnaligned(fromByteOffset: place, as: UInt32.self)
            let slot = Int((word &* 2_654_435_761) &>> (32 - tableBits))
            let candidate = Int(table[slot]) - 1
            table[slot] = UInt32(truncatingIfNeeded: place + 1)
            guard candidate >= 0, place - candidate < window,
                unsafe input.loadUnaligned(fromByteOffset: candidate, as: UInt32.self) == word
            else {
                place += 1
                continue
            }
            let length = unsafe shortest + common(input, candidate + shortest, place + shortest, count)
            unsafe end = step(
                end, input + firstLiteral, place - firstLiteral, distance: place - candidate, length: length)
            place += length
            firstLiteral = place
        }
        if firstLiteral < count {
            unsafe end = step(end, input + firstLiteral, count - firstLiteral, distance: 0, length: shortest)
        }
        return unsafe end - out
    }

    /// How many bytes at `first` and at `second`, which is behind it, are equal.
    // Safety: the caller vouches for `count` bytes behind `input`.
    private static func common(_ input: UnsafeRawPointer, _ first: Int, _ second: Int, _ count: Int) -> Int {
        var length = 0
        while second + length + 8 <= count {
            let difference =
                unsafe input.loadUnaligned(fromByteOffset: first + length, as: UInt64.self)
                ^ input.loadUnaligned(fromByteOffset: second + length, as: UInt64.self)
            if difference != 0 { return length + difference.littleEndian.trailingZeroBitCount / 8 }
            length += 8
        }
        while second + length < count,
            unsafe input.load(fromByteOffset: first + length, as: UInt8.self)
                == input.load(fromByteOffset: second + length, as: UInt8.self)
        {
            length += 1
        }
        return length
    }

    /// Writes literals, and unless the distance is 0 a copy; returns the end.
    // Safety: as for `pack`.
    private static func step(
        _ out: UnsafeMutableRawPointer, _ literals: UnsafeRawPointer, _ count: Int, distance: Int, length: Int
    ) -> UnsafeMutableRawPointer {
        let (few, more) = (min(count, 15), min(length - shortest, 15))
        unsafe out.storeBytes(of: UInt8(few | more << 4), as: UInt8.self)
        var end = unsafe out + 1
        unsafe end = add(count - 15, end)
        unsafe end.copyMemory(from: literals, byteCount: count)
        unsafe end += count
        guard distance > 0 else { return unsafe end }
        if distance >= 0x80 {
            unsafe end.storeBytes(of: UInt8(distance & 0x7F | 0x80), as: UInt8.self)
            unsafe end += 1
        }
        unsafe end.storeBytes(of: UInt8(distance >= 0x80 ? distance >> 7 : distance), as: UInt8.self)
        return unsafe add(length - shortest - 15, end + 1)
    }

    /// The bytes that add up to `rest`; none where that is negative.
    // Safety: as for `pack`.
    private static func add(_ rest: Int, _ out: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer {
        guard rest >= 0 else { return unsafe out }
        var (left, end) = unsafe (rest, out)
        while left >= 255 {
            unsafe end.storeBytes(of: 255, as: UInt8.self)
            unsafe end += 1
            left -= 255
        }
        unsafe end.storeBytes(of: UInt8(left), as: UInt8.self)
        return unsafe end + 1
    }

    /// What was packed in all of `bytes`; nil when they are damaged.
    static func plain(_ bytes: Span<UInt8>) -> [UInt8]? {
        var offset = 0
        guard let claimed = Wire.varint32(bytes, &offset), claimed <= UInt32(mostBytes),
            // A byte adds 255 at most, a step's first some more.
            Int(claimed) <= (bytes.count - offset) * 255
        else { return nil }
        let total = Int(claimed)
        var result: [UInt8] = []
        result.reserveCapacity(total)
        while result.count < total {
            guard let head = Wire.byte(bytes, &offset),
                let literals = sum(Int(head & 15), bytes, &offset), literals <= bytes.count - offset,
                literals <= total - result.count
            else { return nil }
            for index in offset..<offset + literals { result.append(bytes[index]) }
            offset += literals
            if result.count == total { break }
            guard let distance = Wire.varint32(bytes, &offset), distance > 0, distance <= result.count,
                let more = sum(Int(head >> 4), bytes, &offset),
                more + shortest <= total - result.count
            else { return nil }
            for _ in 0..<more + shortest { result.append(result[result.count - Int(distance)]) }
        }
        return offset == bytes.count ? result : nil
    }

    /// A half of a step's first byte with the bytes that add to it; nil when they end early.
    private static func sum(_ half: Int, _ bytes: Span<UInt8>, _ offset: inout Int) -> Int? {
        var total = half
        guard half == 15 else { return total }
        while let byte = Wire.byte(bytes, &offset) {
            // No overflow: the sum is below 255 times the payload.
            total += Int(byte)
            if byte < 255 { return total }
        }
        return nil
    }
}
