internal import CCrypto

/// Base64 (RFC 4648 §4) with padding and without line ends, from libcrypto.
public enum Base64 {
    public static func text(_ bytes: [UInt8]) -> String {
        precondition(bytes.count < 1 << 30, "a header field is shorter than a gibibyte")
        // libcrypto writes a zero byte after the text.
        let capacity = (bytes.count + 2) / 3 * 4 + 1
        let encoded = unsafe [UInt8](unsafeUninitializedCapacity: capacity) { output, count in
            // Safety: four bytes for each three begun and a zero are the capacity asked for; the input
            // pointer stays in the closure.
            let written = unsafe bytes.withUnsafeBufferPointer {
                unsafe EVP_EncodeBlock(output.baseAddress, $0.baseAddress, Int32($0.count))
            }
            count = Int(written)
        }
        return String(decoding: encoded, as: UTF8.self)
    }
}
