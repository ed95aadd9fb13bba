/// The hash FNV-1a of Fowler, Noll and Vo with 64 bits. It comes out the same on every machine, in every run
/// and in every version, so it may name files and targets. Nothing about it is secret, and whoever
/// chooses the text can choose the hash.
public struct FNV1a: Sendable {
    public private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

    public init() {}

    /// The hash of a text's UTF-8.
    public init(_ text: String) { mix(text) }

    public mutating func mix(_ byte: UInt8) {
        // FNV is defined modulo 2^64.
        value = (value ^ UInt64(byte)) &* 0x0000_0100_0000_01B3
    }

    /// Mixes a text's UTF-8 in.
    public mutating func mix(_ text: String) {
        for byte in text.utf8 { mix(byte) }
    }

    /// The value as 16 lower-case hexadecimal digits.
    public var hexadecimal: String {
        Hex.text(stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: value >> UInt64($0)) })
    }
}
