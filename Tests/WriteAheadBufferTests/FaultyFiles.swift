import Platform
import Synchronization

/// The kernel's files behind a door that fails on cue and counts what passes.
final class FaultyFiles: FileDoor {
    /// `make` is an open for writing, which is an `open` as well.
    enum Operation: Sendable { case open, make, write, read, sync, truncate, rename, remove, status }

    /// What goes wrong; a write leaves `keptBytes` of its beginning behind.
    struct Fault: Sendable {
        var errno: Int32 = 28
        var keptBytes = 0
    }

    private struct State {
        var fault: (@Sendable (Operation, String) -> Fault?)?
        var calls = 0
        var readBytes: UInt64 = 0
        var readCount = 0
        var open = 0
        var capacityBytes = UInt64.max
        var tellsRoom = true
        /// What files take that have allocated more than they have, by path.
        var allocated: [String: UInt64] = [:]
        var badSectors: (path: String, places: [Range<UInt64>])?
        var statuses: [String: FileStatus] = [:]
        var between: (part: String, body: @Sendable () -> Void)?
    }

    private let files = POSIXFiles()
    private let state = Mutex(State())

    /// Calls so far, but for those that look at a length or close a file.
    var callCount: Int { state.withLock { $0.calls } }
    /// Bytes read so far.
    var readBytes: UInt64 { state.withLock { $0.readBytes } }
    /// Reads so far, with those that failed.
    var readCount: Int { state.withLock { $0.readCount } }
    /// Descriptors that are open now.
    var openCount: Int { state.withLock { $0.open } }

    /// From now on what `fault` names fails; nil ends it.
    func fail(_ fault: (@Sendable (Operation, String) -> Fault?)?) { state.withLock { $0.fault = fault } }

    /// At the next write to a file whose path has this part `body` runs first, as another thread may.
    func comeBetween(atWriteTo part: String, _ body: @escaping @Sendable () -> Void) {
        state.withLock { $0.between = (part, body) }
    }

    /// Whether nobody has come between; forgets who was to.
    func forgetWhoComesBetween() -> Bool {
        state.withLock { state in
            defer { state.between = nil }
            return state.between != nil
        }
    }

    /// From now on everything that changes the disk fails, as on one that is full (28), gone (5), mounted
    /// read-only (30), or for a process without descriptors (24). A full disk lets files go.
    func refuse(errno: Int32) {
        fail { operation, _ in
            switch operation {
            case .make, .write, .sync, .truncate, .rename: Fault(errno: errno)
            case .remove: errno == 28 ? nil : Fault(errno: errno)
            case .open, .read, .status: nil
            }
        }
    }

    /// From now on no read of a file gets past these places.
    func spoil(_ path: String, _ places: Range<UInt64>) { spoil(path, [places]) }

    /// The same for several places.
    func spoil(_ path: String, _ places: [Range<UInt64>]) {
        state.withLock { $0.badSectors = (path, places) }
    }

    /// From now on a write that makes the files of a folder longer than this in all finds no space.
    /// `isTold`: whether who asks is told what room there is.
    func hold(atMostBytes capacity: UInt64, isTold: Bool = true) {
        state.withLock { ($0.capacityBytes, $0.tellsRoom) = (capacity, isTold) }
    }

    /// From now on a file has this status, as one that rots on its disk.
    func setStatus(_ status: FileStatus, of path: String) { state.withLock { $0.statuses[path] = status } }

    private func checkSpace(_ end: UInt64, _ file: OpenFile) throws(FileError) {
        let capacity = state.withLock { $0.capacityBytes }
        guard capacity < UInt64.max else { return }
        let folder = String(file.path[..<(file.path.lastIndex(of: "/") ?? file.path.startIndex)])
        let own = max(try files.length(of: file), state.withLock { $0.allocated[file.path] ?? 0 })
        if try usedBytes(folder) + max(end, own) - own > capacity { throw error(.write, file.path, Fault()) }
    }

    private func usedBytes(_ folder: String) throws(FileError) -> UInt64 {
        let allocated = state.withLock { $0.allocated }
        var used: UInt64 = 0
        for name in try files.list(folder) {
            let path = "\(folder)/\(name)"
            used += max(try files.status(path)?.length ?? 0, allocated[path] ?? 0)
        }
        return used
    }

    func freeBytes(_ directory: String) -> UInt64? {
        let (capacity, isTold) = state.withLock { ($0.capacityBytes, $0.tellsRoom) }
        guard isTold else { return nil }
        guard capacity < UInt64.max, let used = try? usedBytes(directory) else {
            return files.freeBytes(directory)
        }
        return capacity - min(used, capacity)
    }

    private func fault(_ operation: Operation, _ path: String) -> Fault? {
        let fault = state.withLock { state -> (@Sendable (Operation, String) -> Fault?)? in
            state.calls += 1
            return state.fault
        }
        return fault?(operation, path)
    }

    private func check(_ operation: Operation, _ path: String) throws(FileError) {
        if let fault = fault(operation, path) { throw error(operation, path, fault) }
    }

    private func error(_ operation: Operation, _ path: String, _ fault: Fault) -> FileError {
        FileError(operation: "\(operation)", path: path, errno: fault.errno, message: "on cue")
    }

    func open(_ path: String, _ mode: OpenMode) throws(FileError) -> OpenFile {
        try check(.open, path)
        if mode != .read { try check(.make, path) }
        let file = try files.open(path, mode)
        state.withLock { $0.open += 1 }
        return file
    }

    func close(_ file: OpenFile) throws(FileError) {
        state.withLock { $0.open -= 1 }
        try files.close(file)
    }

    func write(_ bytes: RawSpan, to file: OpenFile, at offset: UInt64) throws(FileError) {
        let between = state.withLock { state -> (@Sendable () -> Void)? in
            guard let between = state.between, file.path.contains(between.part) else { return nil }
            state.between = nil
            return between.body
        }
        between?()
        if let fault = fault(.write, file.path) {
            try files.write(bytes.extracting(0..<min(fault.keptBytes, bytes.byteCount)), to: file, at: offset)
            throw error(.write, file.path, fault)
        }
        try checkSpace(offset + UInt64(bytes.byteCount), file)
        try files.write(bytes, to: file, at: offset)
    }

    func read(into buffer: inout MutableRawSpan, from file: OpenFile, at offset: UInt64) throws(FileError)
        -> Int
    {
        state.withLock { $0.readCount += 1 }
        try check(.read, file.path)
        let wanted = offset..<offset + UInt64(buffer.byteCount)
        if let bad = state.withLock({ $0.badSectors }), bad.path == file.path,
            bad.places.contains(where: { $0.overlaps(wanted) })
        {
            throw error(.read, file.path, Fault(errno: 5))
        }
        let count = try files.read(into: &buffer, from: file, at: offset)
        state.withLock { $0.readBytes += UInt64(count) }
        return count
    }

    func sync(_ file: OpenFile) throws(FileError) {
        try check(.sync, file.path)
        // Nothing here loses power: the disk is spared.
    }

    func syncDirectory(_ path: String) throws(FileError) { try check(.sync, path) }

    func truncate(_ file: OpenFile, to length: UInt64) throws(FileError) {
        try check(.truncate, file.path)
        try files.truncate(file, to: length)
        state.withLock { $0.allocated[file.path] = nil }
    }

    func allocate(_ file: OpenFile, length: UInt64) throws(FileError) {
        try checkSpace(length, file)
        try files.allocate(file, length: length)
        state.withLock { $0.allocated[file.path] = length }
    }

    func length(of file: OpenFile) throws(FileError) -> UInt64 { try files.length(of: file) }

    func rename(_ from: String, to: String) throws(FileError) {
        try check(.rename, from)
        try files.rename(from, to: to)
        state.withLock { $0.allocated[to] = $0.allocated.removeValue(forKey: from) }
    }

    func remove(_ path: String) throws(FileError) {
        try check(.remove, path)
        try files.remove(path)
        state.withLock { $0.allocated[path] = nil }
    }

    func list(_ directory: String) throws(FileError) -> [String] { try files.list(directory) }
    func makeDirectory(_ path: String) throws(FileError) { try files.makeDirectory(path) }
    func lock(_ file: OpenFile) throws(FileError) -> Bool { try files.lock(file) }
    func status(_ path: String) throws(FileError) -> FileStatus? {
        try check(.status, path)
        if let set = state.withLock({ $0.statuses[path] }) { return set }
        return try files.status(path)
    }
}
