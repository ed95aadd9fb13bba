internal import CCrypto

/// MD5 (RFC 1321) from libcrypto, for the relabel action hashmod alone: what shard a target belongs to must
/// come out as in Prometheus. Nothing here is secret.
public enum MD5 {
    /// libcrypto's MD5.
    ///
    /// Where the machine is set to FIPS mode the process's own context has no MD5, and shards must come out
    /// there as anywhere else: then from a context of its own (0.2 MiB), which no openssl.cnf changes.
    // Safety: libcrypto's algorithms may be used by any thread at once, and this one is never freed.
    nonisolated(unsafe) private static let algorithm: OpaquePointer? =  // Any thread may read it.
        unsafe EVP_MD_fetch(nil, "MD5", nil) ?? EVP_MD_fetch(OSSL_LIB_CTX_new(), "MD5", nil)

    /// The digest's last eight bytes as a big-endian number: what hashmod divides.
    public static func lastWord(_ bytes: [UInt8]) -> UInt64 {
        digest(bytes)[8...].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    }

    /// The 16 bytes themselves.
    static func digest(_ bytes: [UInt8]) -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: 16) { output, count in
            var written: UInt32 = 0
            // Safety: MD5 writes 16 bytes, the capacity asked for; the input pointer stays in the closure.
            let status = unsafe bytes.withUnsafeBytes {
                unsafe EVP_Digest($0.baseAddress, $0.count, output.baseAddress, &written, algorithm, nil)
            }
            precondition(status == 1 && written == 16, "libcrypto without MD5 cannot shard by hashmod")
            count = 16
        }
    }
}
