internal import CSnappy

/// libsnappy, as a yardstick.
public enum LibSnappy {
    /// The block that libsnappy makes of `plain`.
    public static func compress(_ plain: [UInt8]) -> [UInt8] {
        var length = snappy_max_compressed_length(plain.count)
        return unsafe [UInt8](unsafeUninitializedCapacity: length) { block, count in
            // Safety: the pointers stay inside their closures, and `block` has the room that snappy asks for.
            let status = unsafe plain.withUnsafeBytes { source in
                unsafe snappy_compress(
                    source.assumingMemoryBound(to: CChar.self).baseAddress, source.count,
                    UnsafeMutableRawBufferPointer(block).assumingMemoryBound(to: CChar.self).baseAddress,
                    &length)
            }
            precondition(status == SNAPPY_OK, "snappy fails only when the output has no room, and it has")
            count = length
        }
    }
}
