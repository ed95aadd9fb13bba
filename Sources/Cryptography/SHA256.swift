internal import CCrypto
internal import Platform

/// SHA-256 (FIPS 180-4) from libcrypto.
public enum SHA256 {
    /// Of no bytes at all: what a request without a body has.
    public static let emptyHex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

    /// The digest as 64 lower-case hexadecimal digits.
    public static func hex(_ bytes: RawSpan) -> String { Hex.text(digest(bytes)) }

    /// Of text, as UTF-8.
    public static func hex(_ text: String) -> String {
        // Safety: bytes have no padding.
        unsafe hex(text.utf8.span.bytes)
    }

    /// Of an array.
    public static func hex(bytes: [UInt8]) -> String {
        // Safety: the span is borrowed inside the closure, which `bytes` outlives.
        return unsafe bytes.withUnsafeBytes { unsafe hex($0.bytes) }
    }

    /// The 32 bytes themselves.
    public static func digest(_ bytes: RawSpan) -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: 32) { output, count in
            var written: UInt32 = 0
            // Safety: SHA-256 writes 32 bytes, the capacity asked for; the input pointer stays in the
            // closure.
            let status = unsafe bytes.withUnsafeBytes {
                unsafe EVP_Digest($0.baseAddress, $0.count, output.baseAddress, &written, EVP_sha256(), nil)
            }
            precondition(status == 1 && written == 32, "libcrypto without SHA-256 cannot sign anything")
            count = 32
        }
    }
}
