internal import CCrypto

/// Overwrites what must not stay in memory. Only this array's own storage: a copy made before keeps its
/// bytes.
public enum Wipe {
    /// Overwrites the bytes and empties the array.
    public static func bytes(_ secret: inout [UInt8]) {
        // Safety: OPENSSL_cleanse writes exactly the array's bytes.
        unsafe secret.withUnsafeMutableBytes { unsafe OPENSSL_cleanse($0.baseAddress, $0.count) }
        secret.removeAll()
    }
}
