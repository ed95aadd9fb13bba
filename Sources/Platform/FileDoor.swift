/// An open file. A descriptor number and the path it was opened by, for errors.
public struct OpenFile: Sendable {
    public let descriptor: Int32
    public let path: String

    public init(descriptor: Int32, path: String) {
        self.descriptor = descriptor
        self.path = path
    }
}

/// How a file is opened.
public enum OpenMode: Sendable {
    /// It must exist; opened for reading.
    case read
    /// It must not exist yet; opened for reading and writing, readable by the owner alone.
    case create
    /// As `create`, and readable by everybody: for files that other programs read.
    case publish
    /// Created when absent; opened for reading and writing.
    case update
}

/// The only way to the disk. The POSIX implementation retries EINTR and finishes short writes; tests put one
/// in front of it that fails on cue.
public protocol FileDoor: Sendable {
    func open(_ path: String, _ mode: OpenMode) throws(FileError) -> OpenFile
    func close(_ file: OpenFile) throws(FileError)
    /// Writes all of `bytes` at `offset`, or throws; after a throw any prefix may have been written.
    func write(_ bytes: RawSpan, to file: OpenFile, at offset: UInt64) throws(FileError)
    /// Reads up to `buffer`'s length from `offset`; fewer bytes only at the end of the file.
    func read(into buffer: inout MutableRawSpan, from file: OpenFile, at offset: UInt64) throws(FileError)
        -> Int
    /// Makes the data and length durable (fdatasync).
    func sync(_ file: OpenFile) throws(FileError)
    /// Makes names in a directory durable.
    func syncDirectory(_ path: String) throws(FileError)
    func truncate(_ file: OpenFile, to length: UInt64) throws(FileError)
    /// Reserves disk for the first `length` bytes without changing the file's length; no error where
    /// unsupported.
    func allocate(_ file: OpenFile, length: UInt64) throws(FileError)
    func length(of file: OpenFile) throws(FileError) -> UInt64
    func rename(_ from: String, to: String) throws(FileError)
    func remove(_ path: String) throws(FileError)
    /// The names in a directory, sorted, without `.` and `..`.
    func list(_ directory: String) throws(FileError) -> [String]
    /// Makes a directory and those above it; fine when it is there.
    func makeDirectory(_ path: String) throws(FileError)
    /// Takes an exclusive advisory lock on the file; false when another process holds it.
    func lock(_ file: OpenFile) throws(FileError) -> Bool
    /// Bytes that this user may still write to the file system that a directory lies on; nil where it does
    /// not tell. It need not know of a quota.
    func freeBytes(_ directory: String) -> UInt64?
    /// Modification time in milliseconds since 1970 and length, or nil when there is no such file.
    func status(_ path: String) throws(FileError) -> FileStatus?
}

/// What tells one version of a file from another.
public struct FileStatus: Sendable, Equatable {
    public let modifiedNs: Int64
    public let inode: UInt64
    public let length: UInt64
    public let isDirectory: Bool
    /// A plain file, or a link to one: no directory, pipe, socket or device.
    public let isRegular: Bool

    public init(modifiedNs: Int64, inode: UInt64, length: UInt64, isDirectory: Bool, isRegular: Bool) {
        self.modifiedNs = modifiedNs
        self.inode = inode
        self.length = length
        self.isDirectory = isDirectory
        self.isRegular = isRegular
    }
}

extension FileDoor {
    /// The whole file, refused above `limitBytes`.
    public func contents(of path: String, limitBytes: Int) throws(FileError) -> [UInt8] {
        let file = try open(path, .read)
        let result: Result<[UInt8], FileError>
        do throws(FileError) {
            result = .success(try readAll(file, limitBytes: limitBytes))
        } catch {
            result = .failure(error)
        }
        try close(file)
        return try result.get()
    }

    /// Gives `take` the file's lines one after the other, without their newlines, and holds no more of the
    /// file than 16 KiB and one line. Refused above `limitBytes`; `take` has had the lines before that.
    func forEachLine(
        of path: String, limitBytes: Int, _ take: (ArraySlice<UInt8>) -> Void
    ) throws(FileError) {
        let file = try open(path, .read)
        let result: Result<Void, FileError>
        do throws(FileError) {
            result = .success(try readLines(file, limitBytes: limitBytes, take))
        } catch {
            result = .failure(error)
        }
        try close(file)
        return try result.get()
    }

    private func readLines(
        _ file: OpenFile, limitBytes: Int, _ take: (ArraySlice<UInt8>) -> Void
    ) throws(FileError) {
        var chunk = [UInt8](repeating: 0, count: 16_384)
        var line: [UInt8] = []
        var total = 0
        while true {
            var span = chunk.mutableSpan
            // Safety: UInt8 has no bit pattern that is not a value.
            var raw = unsafe span.mutableBytes
            let count = try read(into: &raw, from: file, at: UInt64(total))
            guard count > 0 else { break }
            total += count
            guard total <= limitBytes else { throw Self.tooLarge(file, limitBytes) }
            var rest = chunk[..<count]
            while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
                line.append(contentsOf: rest[..<end])
                take(line[...])
                line.removeAll(keepingCapacity: true)
                rest = rest[(end + 1)...]
            }
            line.append(contentsOf: rest)
        }
        if !line.isEmpty { take(line[...]) }
    }

    private func readAll(_ file: OpenFile, limitBytes: Int) throws(FileError) -> [UInt8] {
        // Special files such as those in /proc say length 0, so reading goes on until there is no more.
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            var span = chunk.mutableSpan
            // Safety: UInt8 has no bit pattern that is not a value.
            var raw = unsafe span.mutableBytes
            let count = try read(into: &raw, from: file, at: UInt64(bytes.count))
            guard count > 0 else { return bytes }
            guard bytes.count + count <= limitBytes else { throw Self.tooLarge(file, limitBytes) }
            bytes.append(contentsOf: chunk[..<count])
        }
    }

    private static func tooLarge(_ file: OpenFile, _ limitBytes: Int) -> FileError {
        FileError(
            operation: "read", path: file.path, errno: 0,
            message: "the file is larger than the \(limitBytes) bytes allowed")
    }
}
