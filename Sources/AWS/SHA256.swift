internal import CCrypto

/// SHA-256 (FIPS 180-4) from libcrypto.
public enum SHA256 {
    /// Of no bytes at all: what a request without a body has.
    public static let emptyHex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

    /// The digest as 64 lower-case hexadecimal digits.
    public static func hex(_ bytes: RawSpan) -> String { Hex.text(digest(bytes)) }

    /// Of text, as UTF-8.
    static func hex(_ text: String) -> String { hex(bytes: Array(text.utf8)) }

    /// Of an array.
    public static func hex(bytes: [UInt8]) -> String {
        // Safety: the span is borrowed inside the closure, which `bytes` outlives.
        return unsafe bytes.withUnsafeBytes { unsafe hex($0.bytes) }
    }

    /// The 32 bytes themselves.
    static func digest(_ bytes: RawSpan) -> [UInt8] {
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

/// HMAC-SHA-256 (RFC 2104) from libcrypto.
enum HMACSHA256 {
    static func code(key: [UInt8], _ message: [UInt8]) -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: 32) { output, count in
            var written: UInt32 = 0
            // Safety: the code is 32 bytes, the capacity asked for; the pointers stay in the closures. A key
            // is never empty here, which HMAC would take for "as before".
            let result = unsafe key.withUnsafeBytes { key in
                unsafe message.withUnsafeBufferPointer { message in
                    unsafe HMAC(
                        EVP_sha256(), key.baseAddress, Int32(key.count), message.baseAddress, message.count,
                        output.baseAddress, &written)
                }
            }
            precondition(unsafe result != nil && written == 32, "libcrypto without HMAC cannot sign anything")
            count = 32
        }
    }
}

/// Overwrites what must not stay in memory. Only this array's own storage: a copy made before keeps its
/// bytes.
enum Wipe {
    static func bytes(_ secret: inout [UInt8]) {
        // Safety: OPENSSL_cleanse writes exactly the array's bytes.
        unsafe secret.withUnsafeMutableBytes { unsafe OPENSSL_cleanse($0.baseAddress, $0.count) }
        secret.removeAll()
    }
}

enum Hex {
    private static let digits = Array("0123456789abcdef".utf8)

    static func text(_ bytes: [UInt8]) -> String {
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count * 2)
        for byte in bytes {
            result.append(digits[Int(byte >> 4)])
            result.append(digits[Int(byte & 15)])
        }
        return String(decoding: result, as: UTF8.self)
    }
}
