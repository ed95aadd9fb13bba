internal import CPlatform

#if canImport(Glibc)
import Glibc
#endif

/// The kernel's files. EINTR is retried and short writes are finished.
public struct POSIXFiles: FileDoor {
    public init() {}

    public func open(_ path: String, _ mode: OpenMode) throws(FileError) -> OpenFile {
        let flags: Int32 =
            switch mode {
            // A pipe without a writer, put where a file should be, would hold the thread for ever.
            case .read: O_RDONLY | O_CLOEXEC | O_NONBLOCK
            case .create, .publish: O_RDWR | O_CLOEXEC | O_CREAT | O_EXCL
            case .update: O_RDWR | O_CLOEXEC | O_CREAT
            }
        let permissions: mode_t = mode == .publish ? 0o644 : 0o600
        let descriptor = try retrying("open", path) { unsafe narthex_open(path, flags, permissions) }
        return OpenFile(descriptor: descriptor, path: path)
    }

    public func close(_ file: OpenFile) throws(FileError) {
        // On Linux the descriptor is gone even when close says EINTR, so it is not tried again.
        if Glibc.close(file.descriptor) != 0, errno != EINTR { throw failure("close", file.path) }
    }

    public func write(_ bytes: RawSpan, to file: OpenFile, at offset: UInt64) throws(FileError) {
        var done = 0
        while done < bytes.byteCount {
            let rest = bytes.extracting(done..<bytes.byteCount)
            // Safety: the pointer is used only inside the closure, for the span's own length.
            let count = unsafe rest.withUnsafeBytes {
                unsafe pwrite(file.descriptor, $0.baseAddress, $0.count, off_t(offset) + off_t(done))
            }
            if count < 0 {
                if errno == EINTR { continue }
                throw failure("pwrite", file.path)
            }
            guard count > 0 else {
                throw FileError(
                    operation: "pwrite", path: file.path, errno: 0, message: "nothing was written")
            }
            done += count
        }
    }

    public func read(
        into buffer: inout MutableRawSpan, from file: OpenFile, at offset: UInt64
    ) throws(FileError) -> Int {
        var done = 0
        let wanted = buffer.byteCount
        while done < wanted {
            // Safety: the pointer stays inside the closure and the range inside the span.
            let count = unsafe buffer.withUnsafeMutableBytes {
                let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: $0[done...])
                return unsafe pread(
                    file.descriptor, rest.baseAddress, rest.count, off_t(offset) + off_t(done))
            }
            if count < 0 {
                if errno == EINTR { continue }
                throw failure("pread", file.path)
            }
            if count == 0 { break }
            done += count
        }
        return done
    }

    public func sync(_ file: OpenFile) throws(FileError) {
        _ = try retrying("fdatasync", file.path) { fdatasync(file.descriptor) }
    }

    public func syncDirectory(_ path: String) throws(FileError) {
        let descriptor = try retrying("open", path) {
            unsafe narthex_open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)
        }
        defer { _ = Glibc.close(descriptor) }
        _ = try retrying("fsync", path) { fsync(descriptor) }
    }

    public func truncate(_ file: OpenFile, to length: UInt64) throws(FileError) {
        _ = try retrying("ftruncate", file.path) { ftruncate(file.descriptor, off_t(length)) }
    }

    public func allocate(_ file: OpenFile, length: UInt64) throws(FileError) {
        while narthex_reserve(file.descriptor, length) != 0 {
            if errno == EINTR { continue }
            if errno == EOPNOTSUPP || errno == ENOSYS { return }
            throw failure("fallocate", file.path)
        }
    }

    public func length(of file: OpenFile) throws(FileError) -> UInt64 {
        var info = stat()
        // Safety: `info` lives through the call.
        guard unsafe fstat(file.descriptor, &info) == 0 else { throw failure("fstat", file.path) }
        return UInt64(info.st_size)
    }

    public func rename(_ from: String, to: String) throws(FileError) {
        guard unsafe Glibc.rename(from, to) == 0 else { throw failure("rename", from) }
    }

    public func remove(_ path: String) throws(FileError) {
        guard unsafe unlink(path) == 0 else { throw failure("unlink", path) }
    }

    public func list(_ directory: String) throws(FileError) -> [String] {
        guard let stream = unsafe opendir(directory) else { throw failure("opendir", directory) }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        errno = 0
        // Safety: an entry is valid until the next readdir on this stream, and its name is copied before.
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafeBytes(of: entry.pointee.d_name) { raw in
                unsafe String(decoding: raw.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
            errno = 0
        }
        guard errno == 0 else { throw failure("readdir", directory) }
        return names.sorted()
    }

    public func makeDirectory(_ path: String) throws(FileError) { try makeDirectory(path, mode: 0o700) }

    /// As `makeDirectory`; what is made has these permissions, less what the umask takes.
    public func makeDirectory(_ path: String, mode: UInt32) throws(FileError) {
        if unsafe mkdir(path, mode) == 0 { return }
        if errno == EEXIST { return try requireDirectory(path) }
        guard errno == ENOENT, let slash = path.lastIndex(of: "/"), slash != path.startIndex else {
            throw failure("mkdir", path)
        }
        try makeDirectory(String(path[..<slash]), mode: mode)
        if unsafe mkdir(path, mode) == 0 { return }
        guard errno == EEXIST else { throw failure("mkdir", path) }
        try requireDirectory(path)
    }

    /// The permissions of a file, 0 to 0o777.
    public func permissions(of path: String) throws(FileError) -> UInt32 {
        var info = stat()
        // Safety: `info` lives through the call.
        guard unsafe stat(path, &info) == 0 else { throw failure("stat", path) }
        return info.st_mode & 0o777
    }

    public func setPermissions(of path: String, to mode: UInt32) throws(FileError) {
        guard unsafe chmod(path, mode) == 0 else { throw failure("chmod", path) }
    }

    public func lock(_ file: OpenFile) throws(FileError) -> Bool {
        while flock(file.descriptor, LOCK_EX | LOCK_NB) != 0 {
            if errno == EINTR { continue }
            if errno == EWOULDBLOCK { return false }
            throw failure("flock", file.path)
        }
        return true
    }

    public func freeBytes(_ directory: String) -> UInt64? {
        // A file system without a size, as some behind FUSE or a network are, counts nothing.
        guard let space = DiskSpace.of(directory), space.totalBytes > 0 else { return nil }
        return space.freeBytes
    }

    public func status(_ path: String) throws(FileError) -> FileStatus? {
        var info = stat()
        // Safety: `info` lives through the call.
        guard unsafe stat(path, &info) == 0 else {
            if errno == ENOENT || errno == ENOTDIR { return nil }
            throw failure("stat", path)
        }
        return FileStatus(
            modifiedNs: Self.nanoseconds(Int64(info.st_mtim.tv_sec), Int64(info.st_mtim.tv_nsec)),
            inode: UInt64(info.st_ino), length: UInt64(info.st_size),
            isDirectory: info.st_mode & S_IFMT == S_IFDIR, isRegular: info.st_mode & S_IFMT == S_IFREG)
    }

    /// Anybody may set a file's time to anything: what lies beyond the years 1678 to 2262 counts as their
    /// end.
    private static func nanoseconds(_ seconds: Int64, _ rest: Int64) -> Int64 {
        let (whole, isBeyond) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, overflow) = whole.addingReportingOverflow(rest)
        return isBeyond || overflow ? (seconds < 0 ? Int64.min : Int64.max) : sum
    }

    /// What mkdir found there may be a file, which is no directory to write to.
    private func requireDirectory(_ path: String) throws(FileError) {
        if let status = try status(path), status.isDirectory { return }
        throw FileError(
            operation: "mkdir", path: path, errno: EEXIST, message: "a file of this name is in the way")
    }

    private func retrying(_ operation: String, _ path: String, _ call: () -> Int32) throws(FileError) -> Int32
    {
        while true {
            let result = call()
            if result >= 0 { return result }
            if errno != EINTR { throw failure(operation, path) }
        }
    }

    private func failure(_ operation: String, _ path: String) -> FileError {
        let code = errno
        // Safety: strerror_r writes into the buffer it is given the length of, or returns a static string.
        let text = unsafe strerror(code).map { unsafe String(cString: $0) } ?? "errno \(code)"
        return FileError(operation: operation, path: path, errno: code, message: text)
    }
}
