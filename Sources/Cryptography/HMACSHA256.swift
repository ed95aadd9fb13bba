internal import CCrypto

/// HMAC-SHA-256 (RFC 2104) from libcrypto.
public enum HMACSHA256 {
    /// The 32 bytes of the code. `key` must not be empty.
    public static func code(key: [UInt8], _ message: [UInt8]) -> [UInt8] {
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
