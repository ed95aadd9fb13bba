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
        bytes.append(0x0A)
        appendVarint(UInt64(length), to: &bytes)
        bytes.append(0x0A)
        appendVarint(UInt64(name.count), to: &bytes)
        append(name, to: &bytes)
        bytes.append(0x12)
        appendVarint(UInt64(value.count), to: &bytes)
        append(value, to: &bytes)
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
