/// The value that ends a series: a NaN with a payload of its own, so that it is told from a NaN that a target
/// exposes (prometheus/model/value).
public enum StaleMarker {
    /// Bits of the marker.
    public static let bits: UInt64 = 0x7FF0_0000_0000_0002
    /// Bits that every other NaN is normalised to, so that a target cannot forge a marker.
    public static let ordinaryNaNBits: UInt64 = 0x7FF8_0000_0000_0001

    /// The marker as a value. Never compare with `==`; use `isStale`.
    public static var value: Double { Double(bitPattern: bits) }

    public static func isStale(_ value: Double) -> Bool { value.bitPattern == bits }
}
