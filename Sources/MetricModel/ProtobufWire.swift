/// The few protobuf wire forms that encoded labels need (protobuf.dev/programming-guides/encoding).
public enum ProtobufWire {
    /// Bytes that `value` takes as a varint.
    @inlinable
    public static func varintLength(_ value: Int) -> Int {
        // Each byte carries seven bits; zero takes one byte.
        value < 128 ? 1 : (70 - UInt64(value).leadingZeroBitCount) / 7
    }

    /// Appends `value` as a varint.
    public static func appendVarint(_ value: UInt64, to bytes: inout [UInt8]) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    /// Appends one `repeated Label labels = 1` field of prometheus.TimeSeries: tag 0x0A, length, then the
    /// label's name (tag 0x0A) and value (tag 0x12). The value must not be empty: such a label is absent.
    public static func appendLabel(name: Span<UInt8>, value: Span<UInt8>, to bytes: inout [UInt8]) {
        let length =
            2 + varintLength(name.count) + name.count + varintLength(value.count) + value.count
        if length < 128 { return appendShortLabel(name, value, UInt8(length), to: &bytes) }
        bytes.append(0x0A)
        appendVarint(UInt64(length), to: &bytes)
        bytes.append(0x0A)
        appendVarint(UInt64(name.count), to: &bytes)
        append(name, to: &bytes)
        bytes.append(0x12)
        appendVarint(UInt64(value.count), to: &bytes)
        append(value, to: &bytes)
    }

    /// The same for a label whose lengths all take one byte: most of them.
    private static func appendShortLabel(
        _ name: Span<UInt8>, _ value: Span<UInt8>, _ length: UInt8, to bytes: inout [UInt8]
    ) {
        let count = 2 + Int(length)
        bytes.append(addingCapacity: count) { room in
            // Safety: there is room for `count` bytes, which are two and those that `length` counts, and all
            // of them are written; no pointer leaves its closure.
            unsafe room.withUnsafeMutableBufferPointer { buffer, used in
                guard let start = buffer.baseAddress else { return }
                let place = unsafe UnsafeMutableRawPointer(start + used)
                unsafe place.storeBytes(of: 0x0A, as: UInt8.self)
                unsafe place.storeBytes(of: length, toByteOffset: 1, as: UInt8.self)
                unsafe place.storeBytes(of: 0x0A, toByteOffset: 2, as: UInt8.self)
                unsafe place.storeBytes(of: UInt8(name.count), toByteOffset: 3, as: UInt8.self)
                unsafe copy(name, to: place + 4)
                let behind = unsafe place + 4 + name.count
                unsafe behind.storeBytes(of: 0x12, as: UInt8.self)
                unsafe behind.storeBytes(of: UInt8(value.count), toByteOffset: 1, as: UInt8.self)
                unsafe copy(value, to: behind + 2)
                used += count
            }
        }
    }

    // Safety: the caller vouches for as many bytes behind `place`.
    @inline(__always)
    private static func copy(_ part: Span<UInt8>, to place: UnsafeMutableRawPointer) {
        unsafe part.withUnsafeBytes { bytes in
            if let start = bytes.baseAddress {
                unsafe place.copyMemory(from: start, byteCount: bytes.count)
            }
        }
    }

    private static func append(_ part: Span<UInt8>, to bytes: inout [UInt8]) {
        // Safety: the pointer is used only inside the closure, for the span's own length.
        unsafe part.withUnsafeBufferPointer { unsafe bytes.append(contentsOf: $0) }
    }

    /// Reads a varint at `offset` and moves it on; nil when the bytes end early or it does not fit 64 bits.
    public static func readVarint(_ bytes: Span<UInt8>, at offset: inout Int) -> UInt64? {
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
}
