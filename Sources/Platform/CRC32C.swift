internal import CPlatform

/// CRC-32C (Castagnoli), the checksum of the buffer's records; RFC 3720 appendix B.4 has its test vectors.
public enum CRC32C {
    /// How it is computed here: `sse4.2` or `armv8` by the processor, `table` without its help.
    public static var path: String {
        // Safety: the text is a constant of the program.
        unsafe String(cString: narthex_crc32c_path())
    }

    /// The checksum of `bytes`, continued from `crc` (0 to begin), so that
    /// `checksum(b, from: checksum(a)) == checksum(a + b)`.
    public static func checksum(_ bytes: RawSpan, from crc: UInt32 = 0) -> UInt32 {
        // Safety: the pointer is used only inside the closure, for the span's own length.
        unsafe bytes.withUnsafeBytes { unsafe narthex_crc32c(crc, $0.baseAddress, $0.count) }
    }
}
