/// Bytes that no file system makes smaller: some compress what they write, or keep equal blocks once.
enum FillerBytes {
    static func make(count: Int) -> [UInt8] {
        var state = UInt64.random(in: 1...UInt64.max)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count + 7)
        while bytes.count < count {
            // xorshift64
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            for shift in stride(from: UInt64(0), to: 64, by: 8) {
                bytes.append(UInt8(truncatingIfNeeded: state >> shift))
            }
        }
        bytes.removeLast(bytes.count - count)
        return bytes
    }
}
