import Platform

/// One file in memory that can only be read: no call of the kernel, so that a second takes many inputs.
struct BytesDoor: FileDoor {
    let bytes: [UInt8]

    private func refused(_ operation: String, _ path: String) -> FileError {
        FileError(operation: operation, path: path, errno: 30, message: "the file can only be read")
    }

    func open(_ path: String, _ mode: OpenMode) throws(FileError) -> OpenFile {
        guard mode == .read else { throw refused("open", path) }
        return OpenFile(descriptor: 3, path: path)
    }

    func close(_ file: OpenFile) throws(FileError) {}

    func read(into buffer: inout MutableRawSpan, from file: OpenFile, at offset: UInt64)
        throws(FileError)
        -> Int
    {
        guard offset < UInt64(bytes.count) else { return 0 }
        let part = bytes[Int(offset)...].prefix(buffer.byteCount)
        // Safety: no more bytes than the buffer has.
        unsafe buffer.withUnsafeMutableBytes { room in unsafe room.copyBytes(from: part) }
        return part.count
    }

    func length(of file: OpenFile) throws(FileError) -> UInt64 { UInt64(bytes.count) }

    func write(_ bytes: RawSpan, to file: OpenFile, at offset: UInt64) throws(FileError) {
        throw refused("write", file.path)
    }
    func sync(_ file: OpenFile) throws(FileError) { throw refused("sync", file.path) }
    func syncDirectory(_ path: String) throws(FileError) { throw refused("sync", path) }
    func truncate(_ file: OpenFile, to length: UInt64) throws(FileError) {
        throw refused("truncate", file.path)
    }
    func allocate(_ file: OpenFile, length: UInt64) throws(FileError) { throw refused("allocate", file.path) }
    func rename(_ from: String, to: String) throws(FileError) { throw refused("rename", from) }
    func remove(_ path: String) throws(FileError) { throw refused("remove", path) }
    func list(_ directory: String) throws(FileError) -> [String] { [] }
    func makeDirectory(_ path: String) throws(FileError) { throw refused("make", path) }
    func lock(_ file: OpenFile) throws(FileError) -> Bool { true }
    func freeBytes(_ directory: String) -> UInt64? { nil }
    func status(_ path: String) throws(FileError) -> FileStatus? { nil }
}
