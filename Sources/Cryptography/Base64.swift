internal import CCrypto

/// Base64 (RFC 4648 §4) with padding, from libcrypto.
public enum Base64 {
    /// The text of `bytes`, without line ends.
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

    /// The bytes of a text in base64, with or without line ends and white space in it; nil for anything else.
    ///
    /// Strict where encoders agree: the padding is whole and stands at the end alone.
    public static func bytes(_ text: some Collection<UInt8>) -> [UInt8]? {
        let digits: [UInt8] = text.filter { $0 != 0x20 && !(0x09...0x0D).contains($0) }
        guard digits.count % 4 == 0, digits.count < 1 << 30 else { return nil }
        guard !digits.isEmpty else { return [] }
        let padding = digits.suffix(2).reversed().prefix { $0 == 0x3D }.count
        guard digits.dropLast(padding).allSatisfy(isDigit) else { return nil }
        var decoded = unsafe [UInt8](unsafeUninitializedCapacity: digits.count / 4 * 3) { output, count in
            // Safety: three bytes for each four digits are the capacity asked for; the input pointer stays in
            // the closure.
            let written = unsafe digits.withUnsafeBufferPointer {
                unsafe EVP_DecodeBlock(output.baseAddress, $0.baseAddress, Int32($0.count))
            }
            count = max(0, Int(written))
        }
        guard decoded.count == digits.count / 4 * 3 else { return nil }
        // libcrypto gives a zero byte for each padding character.
        decoded.removeLast(padding)
        return decoded
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2B, 0x2F: true
        default: false
        }
    }
}
