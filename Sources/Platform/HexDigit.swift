/// A digit of a number to the base 16, as it stands in escaped URLs and in the sizes of HTTP's chunks.
public enum HexDigit {
    /// 0 to 15; nil when `byte` is no such digit in ASCII, of either case.
    public static func value(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x41 + 10
        case 0x61...0x66: byte - 0x61 + 10
        default: nil
        }
    }
}
