/// Reads the integers and strings of records. Nothing outside `bytes` is read; nil when they end early or a
/// size cannot be.
enum Wire {
    static func byte(_ bytes: Span<UInt8>, _ offset: inout Int) -> UInt8? {
        guard offset < bytes.count else { return nil }
        offset += 1
        return bytes[offset - 1]
    }

    static func fixed32(_ bytes: Span<UInt8>, _ offset: inout Int) -> UInt32? {
        guard bytes.count - offset >= 4 else { return nil }
        var result: UInt32 = 0
        for index in 0..<4 { result |= UInt32(bytes[offset + index]) << UInt32(8 * index) }
        offset += 4
        return result
    }

    static func fixed64(_ bytes: Span<UInt8>, _ offset: inout Int) -> UInt64? {
        guard bytes.count - offset >= 8 else { return nil }
        var result: UInt64 = 0
        for index in 0..<8 { result |= UInt64(bytes[offset + index]) << UInt64(8 * index) }
        offset += 8
        return result
    }

    /// LEB128, at most ten bytes.
    static func varint(_ bytes: Span<UInt8>, _ offset: inout Int) -> UInt64? {
        var result: UInt64 = 0
        var shift: UInt64 = 0
        while offset < bytes.count, shift < 64 {
            let byte = bytes[offset]
            offset += 1
            if shift == 63, byte > 1 { return nil }
            result |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return result }
            shift += 7
        }
        return nil
    }

    static func varint32(_ bytes: Span<UInt8>, _ offset: inout Int) -> UInt32? {
        varint(bytes, &offset).flatMap { UInt32(exactly: $0) }
    }

    /// Zigzag: 0, -1, 1, -2 … are 0, 1, 2, 3 ….
    static func signed(_ bytes: Span<UInt8>, _ offset: inout Int) -> Int64? {
        varint(bytes, &offset).map { Int64(bitPattern: $0 >> 1) ^ -Int64(bitPattern: $0 & 1) }
    }

    /// How many items follow, each at least `itemBytes` long: refused when they cannot all be there, so that
    /// a damaged count allocates nothing.
    static func count(_ bytes: Span<UInt8>, _ offset: inout Int, itemBytes: Int) -> Int? {
        guard let count = varint(bytes, &offset), count <= UInt64((bytes.count - offset) / itemBytes) else {
            return nil
        }
        return Int(count)
    }

    static func raw(_ bytes: Span<UInt8>, _ offset: inout Int) -> [UInt8]? {
        guard let length = count(bytes, &offset, itemBytes: 1) else { return nil }
        var result: [UInt8] = []
        result.reserveCapacity(length)
        for index in offset..<offset + length { result.append(bytes[index]) }
        offset += length
        return result
    }

    static func string(_ bytes: Span<UInt8>, _ offset: inout Int) -> String? {
        raw(bytes, &offset).flatMap { String(validating: $0, as: UTF8.self) }
    }

    /// A list of ascending ordinals: its length, the first, then the distance to each next, less one.
    static func ascending(_ bytes: Span<UInt8>, _ offset: inout Int) -> [UInt32]? {
        guard let count = count(bytes, &offset, itemBytes: 1) else { return nil }
        var result: [UInt32] = []
        result.reserveCapacity(count)
        var next: UInt64 = 0
        for _ in 0..<count {
            guard let distance = varint32(bytes, &offset) else { return nil }
            next += UInt64(distance)
            guard let ordinal = UInt32(exactly: next) else { return nil }
            result.append(ordinal)
            next += 1
        }
        return result
    }
}
