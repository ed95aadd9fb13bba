/// `TimeSeries.metadata` of remote write 2.0 as it stands in the request; nothing where all of it is empty.
///
/// The type takes two bytes at most and each reference six, so that the field with its tag and length fits
/// 16.
struct MetadataField: Equatable {
    /// The field, then zeros.
    private(set) var bytes = SIMD16<UInt8>()
    private(set) var length = 0

    /// None.
    init() {}

    /// `help` and `unit` are references to symbols; 0 for none.
    init(kind: UInt8, help: UInt32, unit: UInt32) {
        length = 2
        put(0x08, UInt32(kind))
        put(0x18, help)
        put(0x20, unit)
        guard length > 2 else {
            length = 0
            return
        }
        bytes[0] = 0x2A
        bytes[1] = UInt8(length - 2)
    }

    private mutating func put(_ tag: UInt8, _ value: UInt32) {
        guard value != 0 else { return }
        put(tag)
        var rest = value
        while rest >= 0x80 {
            put(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        put(UInt8(truncatingIfNeeded: rest))
    }

    private mutating func put(_ byte: UInt8) {
        bytes[length] = byte
        length += 1
    }
}
