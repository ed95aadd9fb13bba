import Platform
import Synchronization

/// The kernel's files on a disk that can be made to stand still: writes and syncs then wait until it goes on.
/// Or to refuse some files.
final class StallingFiles: FileDoor {
    private let files = POSIXFiles()
    private let isStalled = Mutex(false)
    private let gate = ConditionQueue<Void>()
    private let waiting = Mutex(0)

    private let refused = Mutex<String?>(nil)
    private let unreadable = Mutex<String?>(nil)

    /// From now on no file whose path has this in it can be opened to write; nil ends it.
    func refuse(_ text: String?) { refused.withLock { $0 = text } }

    /// From now on no file whose path has this in it can be read.
    func refuseReads(of text: String) { unreadable.withLock { $0 = text } }

    /// Calls that wait, or have waited.
    var stalledCount: Int { waiting.withLock { $0 } }

    func stall() { isStalled.withLock { $0 = true } }

    func goOn() {
        isStalled.withLock { $0 = false }
        gate.close()
    }

    private func pass() {
        guard isStalled.withLock({ $0 }) else { return }
        waiting.withLock { $0 += 1 }
        _ = gate.pop()
    }

    func open(_ path: String, _ mode: OpenMode) throws(FileError) -> OpenFile {
        if mode != .read { pass() }
        if mode != .read, let text = refused.withLock({ $0 }), path.contains(text) {
            throw FileError(operation: "open", path: path, errno: 5, message: "on cue")
        }
        return try files.open(path, mode)
    }

    func write(_ bytes: RawSpan, to file: OpenFile, at offset: UInt64) throws(FileError) {
        pass()
        try files.write(bytes, to: file, at: offset)
    }

    func sync(_ file: OpenFile) throws(FileError) {
        pass()
        try files.sync(file)
    }

    func syncDirectory(_ path: String) throws(FileError) {
        pass()
        try files.syncDirectory(path)
    }

    func read(into buffer: inout MutableRawSpan, from file: OpenFile, at offset: UInt64) throws(FileError)
        -> Int
    {
        if let text = unreadable.withLock({ $0 }), file.path.contains(text) {
            throw FileError(operation: "read", path: file.path, errno: 5, message: "on cue")
        }
        return try files.read(into: &buffer, from: file, at: offset)
    }

    func close(_ file: OpenFile) throws(FileError) { try files.close(file) }
    func truncate(_ file: OpenFile, to length: UInt64) throws(FileError) {
        try files.truncate(file, to: length)
    }
    func allocate(_ file: OpenFile, length: UInt64) throws(FileError) {
        try files.allocate(file, length: length)
    }
    func length(of file: OpenFile) throws(FileError) -> UInt64 { try files.length(of: file) }
    func rename(_ from: String, to: String) throws(FileError) { try files.rename(from, to: to) }
    func remove(_ path: String) throws(FileError) { try files.remove(path) }
    func list(_ directory: String) throws(FileError) -> [String] { try files.list(directory) }
    func makeDirectory(_ path: String) throws(FileError) { try files.makeDirectory(path) }
    func lock(_ file: OpenFile) throws(FileError) -> Bool { try files.lock(file) }
    func freeBytes(_ directory: String) -> UInt64? { files.freeBytes(directory) }
    func status(_ path: String) throws(FileError) -> FileStatus? { try files.status(path) }
}
