import Platform

/// The only place of the crash points that looks at bytes through pointers.
enum SpanBytes {
    static func copy(_ span: RawSpan) -> [UInt8] {
        // Safety: the bytes are copied before the span ends.
        unsafe span.withUnsafeBytes { unsafe Array($0) }
    }

    static func put(_ bytes: ArraySlice<UInt8>, into room: inout MutableRawSpan) {
        precondition(bytes.count <= room.byteCount, "a read gives no more than was asked for")
        // Safety: no more bytes than the room has.
        unsafe room.withUnsafeMutableBytes { raw in unsafe raw.copyBytes(from: bytes) }
    }

    static func mix(_ bytes: [UInt8], into hasher: inout Hasher) {
        // Safety: the pointer stays inside the closure.
        unsafe bytes.withUnsafeBytes { unsafe hasher.combine(bytes: $0) }
    }

    static func write(
        _ bytes: [UInt8], to file: OpenFile, at offset: UInt64, _ files: any FileDoor
    ) throws(FileError) {
        // Safety: UInt8 has no padding that could be read.
        try unsafe files.write(bytes.span.bytes, to: file, at: offset)
    }
}
