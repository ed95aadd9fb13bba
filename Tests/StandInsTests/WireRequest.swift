/// Writes remote-write requests by hand, so that the stand-in is not tested with the agent's own encoder.
struct WireRequest {
    var labels: [(String, String)]
    /// Milliseconds and value.
    var samples: [(Int64, Double)]

    static func body(_ series: [WireRequest]) -> [UInt8] { snappy(message(series)) }

    /// remote.proto: WriteRequest{1: TimeSeries{1: Label{1: name, 2: value}, 2: Sample{1: double, 2: int64}}}
    static func message(_ series: [WireRequest]) -> [UInt8] {
        series.flatMap { one -> [UInt8] in
            let labels = one.labels.flatMap {
                field(1, field(1, Array($0.0.utf8)) + field(2, Array($0.1.utf8)))
            }
            let samples = one.samples.flatMap { sample -> [UInt8] in
                let bits = sample.1.bitPattern
                let value = [0x09] + (0..<8).map { UInt8(truncatingIfNeeded: bits >> (8 * UInt64($0))) }
                return field(2, value + [0x10] + varint(UInt64(bitPattern: sample.0)))
            }
            return field(1, labels + samples)
        }
    }

    /// A block of literals only, as the format description allows.
    static func snappy(_ bytes: [UInt8]) -> [UInt8] {
        var block = varint(UInt64(bytes.count))
        var start = 0
        while start < bytes.count {
            let end = min(start + 65_536, bytes.count)
            let length = end - start - 1
            // 61 in the tag's upper bits: two bytes of length follow.
            block += [61 << 2, UInt8(length & 0xFF), UInt8(length >> 8)] + bytes[start..<end]
            start = end
        }
        return block
    }

    static func field(_ number: UInt8, _ bytes: [UInt8]) -> [UInt8] {
        [number << 3 | 2] + varint(UInt64(bytes.count)) + bytes
    }

    static func varint(_ value: UInt64) -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        return bytes + [UInt8(rest)]
    }
}
