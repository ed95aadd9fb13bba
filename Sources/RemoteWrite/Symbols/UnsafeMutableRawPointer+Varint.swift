extension UnsafeMutableRawPointer {
    /// Writes a varint of at most five bytes, for which the caller has made room; returns its end.
    @inline(__always)
    func put(varint value: UInt32) -> UnsafeMutableRawPointer {
        // Safety: five bytes at most.
        if value < 0x80 {
            unsafe storeBytes(of: UInt8(truncatingIfNeeded: value), as: UInt8.self)
            return unsafe self + 1
        }
        if value < 0x4000 {
            let both = (value & 0x7F) | 0x80 | ((value >> 7) << 8)
            unsafe storeBytes(of: UInt16(truncatingIfNeeded: both).littleEndian, as: UInt16.self)
            return unsafe self + 2
        }
        return unsafe put(longVarint: UInt64(value))
    }

    /// Writes tag and length of a field, for which the caller has made room.
    func putHead(_ tag: UInt8, _ length: Int) {
        // Safety: one byte, and as many as the varint has.
        unsafe storeBytes(of: tag, as: UInt8.self)
        _ = unsafe (self + 1).put(longVarint: UInt64(length))
    }

    private func put(longVarint value: UInt64) -> UnsafeMutableRawPointer {
        // Safety: as many bytes as the varint has.
        var out = unsafe self
        var rest = value
        while rest >= 0x80 {
            unsafe out.storeBytes(of: UInt8(truncatingIfNeeded: rest) | 0x80, as: UInt8.self)
            unsafe out += 1
            rest >>= 7
        }
        unsafe out.storeBytes(of: UInt8(truncatingIfNeeded: rest), as: UInt8.self)
        return unsafe out + 1
    }
}
