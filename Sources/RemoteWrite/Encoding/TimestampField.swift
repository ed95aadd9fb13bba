/// `Sample.timestamp`, or another timestamp, as it stands in the request: tag and varint, nothing for 0.
struct TimestampField {
    let timestampMs: Int64
    /// The field, then zeros.
    let bytes: SIMD16<UInt8>
    let length: Int

    init(_ timestampMs: Int64, tag: UInt8 = 0x10) {
        self.timestampMs = timestampMs
        var bytes = SIMD16<UInt8>()
        var length = 0
        if timestampMs != 0 {
            bytes[0] = tag
            length = 1
            // An int64 below zero takes ten bytes: sign-extended, not zigzag.
            var rest = UInt64(bitPattern: timestampMs)
            while rest >= 0x80 {
                bytes[length] = UInt8(truncatingIfNeeded: rest) | 0x80
                length += 1
                rest >>= 7
            }
            bytes[length] = UInt8(truncatingIfNeeded: rest)
            length += 1
        }
        self.bytes = bytes
        self.length = length
    }
}
