import Discovery
import Platform

/// The files of this machine as they will be once a configuration's companions are written: an agent writes
/// them when it takes the configuration into use, and whoever looks before sees them here. They cannot be
/// changed by this door.
struct CompanionFiles: FileDoor {
    let companions: [ReadConfiguration.Companion]
    let files: any FileDoor

    /// A companion's descriptor is this less its index: below every number of the kernel's.
    private static let first: Int32 = -1_000

    private func index(_ path: String) -> Int? { companions.firstIndex { $0.path == path } }

    private func companion(_ file: OpenFile) -> ReadConfiguration.Companion? {
        let index = Int(Self.first) - Int(file.descriptor)
        return companions.indices.contains(index) ? companions[index] : nil
    }

    func open(_ path: String, _ mode: OpenMode) throws(FileError) -> OpenFile {
        guard mode == .read, let index = index(path) else { return try files.open(path, mode) }
        return OpenFile(descriptor: Self.first - Int32(clamping: index), path: path)
    }

    func close(_ file: OpenFile) throws(FileError) {
        if companion(file) == nil { try files.close(file) }
    }

    func read(
        into buffer: inout MutableRawSpan, from file: OpenFile, at offset: UInt64
    ) throws(FileError) -> Int {
        guard let companion = companion(file) else {
            return try files.read(into: &buffer, from: file, at: offset)
        }
        guard let start = Int(exactly: offset), start < companion.bytes.count else { return 0 }
        let count = min(buffer.byteCount, companion.bytes.count - start)
        for index in 0..<count {
            buffer.storeBytes(of: companion.bytes[start + index], toByteOffset: index, as: UInt8.self)
        }
        return count
    }

    func length(of file: OpenFile) throws(FileError) -> UInt64 {
        if let companion = companion(file) { return UInt64(companion.bytes.count) }
        return try files.length(of: file)
    }

    func status(_ path: String) throws(FileError) -> FileStatus? {
        if let index = index(path) {
            return FileStatus(
                modifiedNs: 0, inode: UInt64(index), length: UInt64(companions[index].bytes.count),
                isDirectory: false, isRegular: true)
        }
        if let status = try files.status(path) { return status }
        guard companions.contains(where: { $0.path.hasPrefix("\(path)/") }) else { return nil }
        return FileStatus(modifiedNs: 0, inode: 0, length: 0, isDirectory: true, isRegular: false)
    }

    func list(_ directory: String) throws(FileError) -> [String] {
        let prefix = directory.hasSuffix("/") ? directory : "\(directory)/"
        let own = companions.compactMap { companion -> String? in
            guard companion.path.hasPrefix(prefix) else { return nil }
            return companion.path.dropFirst(prefix.count).split(separator: "/").first.map(String.init)
        }
        guard !own.isEmpty else { return try files.list(directory) }
        let isThere = try files.status(directory) != nil
        return Set(own + (isThere ? try files.list(directory) : [])).sorted()
    }

    func write(_ bytes: RawSpan, to file: OpenFile, at offset: UInt64) throws(FileError) {
        try files.write(bytes, to: file, at: offset)
    }
    func sync(_ file: OpenFile) throws(FileError) { try files.sync(file) }
    func syncDirectory(_ path: String) throws(FileError) { try files.syncDirectory(path) }
    func truncate(_ file: OpenFile, to length: UInt64) throws(FileError) {
        try files.truncate(file, to: length)
    }
    func allocate(_ file: OpenFile, length: UInt64) throws(FileError) {
        try files.allocate(file, length: length)
    }
    func rename(_ from: String, to: String) throws(FileError) { try files.rename(from, to: to) }
    func remove(_ path: String) throws(FileError) { try files.remove(path) }
    func makeDirectory(_ path: String) throws(FileError) { try files.makeDirectory(path) }
    func lock(_ file: OpenFile) throws(FileError) -> Bool { try files.lock(file) }
    func freeBytes(_ directory: String) -> UInt64? { files.freeBytes(directory) }
}
