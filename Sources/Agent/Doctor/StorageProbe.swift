import Platform
import WriteAheadBuffer

#if canImport(Glibc)
import Glibc
#endif

/// Tries a storage directory with a file of its own. What a running agent has there, its lock included, is
/// left alone. Blocks.
struct StorageProbe: Sendable {
    /// Unknown to the buffer, which leaves such files alone. A number of this process and one of chance stand
    /// behind it, so that nobody else has the name and nobody can put a link there before.
    static let filePrefix = "narthex.doctor."
    private static let chunkBytes = 1 << 20
    private static let writeLimitBytes: UInt64 = 8 << 20
    private static let smallBytes = 4_096
    private static let syncs = 10
    /// After this long the disk is slow, and known to be.
    private static let patienceNs: UInt64 = 3_000_000_000

    let files: any FileDoor
    let clock: any AgentClock
    /// Of the file system that a path lies on.
    let space: @Sendable (String) -> DiskSpace?

    init(
        files: any FileDoor, clock: any AgentClock,
        space: @escaping @Sendable (String) -> DiskSpace? = { DiskSpace.of($0) }
    ) {
        self.files = files
        self.clock = clock
        self.space = space
    }

    func facts(_ path: String) -> StorageFacts {
        var trimmed = path
        while trimmed.count > 1, trimmed.hasSuffix("/") { trimmed.removeLast() }
        var facts = StorageFacts(path: trimmed, folder: trimmed)
        do throws(FileError) {
            facts.folder = try nearest(trimmed)
            facts.space = space(facts.folder)
            if facts.folder == trimmed {
                facts.format = format(trimmed)
                facts.heldBytes = try held(trimmed)
            }
            try measure(&facts)
        } catch {
            facts.failure = "\(error)"
            facts.failureErrno = error.errno
        }
        return facts
    }

    /// The directory, or the first above it that is there: the agent makes what is missing.
    private func nearest(_ path: String) throws(FileError) -> String {
        var folder = path
        while true {
            if let status = try files.status(folder) {
                guard status.isDirectory else {
                    throw FileError(
                        operation: "open", path: folder, errno: ENOTDIR, message: "it is not a directory")
                }
                return folder
            }
            guard folder != "/", folder != "." else { return folder }
            switch folder.lastIndex(of: "/") {
            case nil: folder = "."
            case folder.startIndex: folder = "/"
            case let slash?: folder = String(folder[..<slash])
            }
        }
    }

    /// A file that goes meanwhile has no length: the agent removes segments while it runs.
    private func held(_ folder: String) throws(FileError) -> UInt64 {
        var sum: UInt64 = 0
        for name in try files.list(folder) where !name.hasPrefix(Self.filePrefix) {
            guard let status = try files.status("\(folder)/\(name)"), status.isRegular else { continue }
            sum = sum.addingReportingOverflow(status.length).partialValue
        }
        return sum
    }

    private func format(_ folder: String) -> FormatFacts {
        do throws(FileError) {
            return FormatFacts(headers: try BufferHeaders(directory: folder, files: files))
        } catch {
            return FormatFacts(failure: "\(error)")
        }
    }

    private func measure(_ facts: inout StorageFacts) throws(FileError) {
        let chance = UInt64.random(in: 1...UInt64.max)
        let path = "\(facts.folder)/\(Self.filePrefix)\(getpid()).\(String(chance, radix: 16))"
        // Made, and never one that is there: as root, through a link that somebody put in its place, another
        // file would be written over.
        let file = try files.open(path, .create)
        // Without a name it goes with this process, however that ends.
        let removing = Result { () throws(FileError) in try files.remove(path) }
        let result: Result<Void, FileError>
        do throws(FileError) {
            result = .success(try measure(file, &facts))
        } catch {
            result = .failure(error)
        }
        // All are tried, whatever the others say, and the first fault is told.
        let closing = Result { () throws(FileError) in try files.close(file) }
        try result.get()
        try closing.get()
        try removing.get()
    }

    private func measure(_ file: OpenFile, _ facts: inout StorageFacts) throws(FileError) {
        let startNs = clock.monotonicNs
        // A small part of what is free: a disk that is nearly full must not be filled by looking at it.
        let limit = min(Self.writeLimitBytes, max(64 << 10, (facts.space?.freeBytes ?? .max) / 16))
        let chunk = [UInt8](repeating: 0xA5, count: Self.chunkBytes)
        var offset: UInt64 = 0
        while offset < limit, clock.monotonicNs - startNs < Self.patienceNs {
            let count = Int(min(limit - offset, UInt64(Self.chunkBytes)))
            // Safety: UInt8 has no padding, so every byte of the span may be read.
            try unsafe files.write(chunk.span.bytes.extracting(0..<count), to: file, at: offset)
            offset += UInt64(count)
        }
        try files.sync(file)
        facts.writtenBytes = offset
        facts.writeNs = clock.monotonicNs - startNs
        for _ in 0..<Self.syncs where clock.monotonicNs - startNs < 2 * Self.patienceNs {
            let beforeNs = clock.monotonicNs
            // Safety: as above.
            try unsafe files.write(chunk.span.bytes.extracting(0..<Self.smallBytes), to: file, at: offset)
            try files.sync(file)
            offset += UInt64(Self.smallBytes)
            facts.syncsNs.append(clock.monotonicNs - beforeNs)
        }
        facts.syncsNs.sort()
    }
}
