import Platform
import Synchronization

/// A door that numbers every call and lets those fail that a plan names.
final class FaultDoor: FileDoor {
    /// A call that failed on purpose.
    struct Hit: Sendable {
        let call: FaultCall
        let path: String
    }

    private struct State: Sendable {
        var count = 0
        var plan: FaultPlan?
        var hits: [Hit] = []
        var open = 0
        /// Kept while a run is looked at that has no fault.
        var calls: [FaultCall]?
    }

    private let inner: any FileDoor
    /// Told of a sync that fails.
    private let losesPages: (@Sendable (OpenFile) -> Void)?
    private let state = Mutex(State())

    /// A door to a disk in memory.
    convenience init(to disk: FaultDisk) { self.init(disk) { disk.losePages(of: $0) } }

    init(_ inner: any FileDoor, losesPages: (@Sendable (OpenFile) -> Void)? = nil) {
        self.inner = inner
        self.losesPages = losesPages
    }

    /// Calls so far.
    var count: Int { state.withLock { $0.count } }
    /// Calls that failed on purpose.
    var hits: [Hit] { state.withLock { $0.hits } }
    var hitCount: Int { state.withLock { $0.hits.count } }
    /// Descriptors that are open.
    var openCount: Int { state.withLock { $0.open } }
    /// The calls since `recordCalls`.
    var calls: [FaultCall] { state.withLock { $0.calls ?? [] } }
    func fail(_ plan: FaultPlan) { state.withLock { $0.plan = plan } }
    func heal() { state.withLock { $0.plan = nil } }
    func recordCalls() { state.withLock { $0.calls = [] } }

    /// Numbers a call; how it is to fail, where it is.
    private func number(_ call: FaultCall, _ path: String) -> FaultSort? {
        state.withLock { state in
            defer { state.count += 1 }
            state.calls?.append(call)
            guard let plan = state.plan, plan.meets(state.count, call) else { return nil }
            state.hits.append(Hit(call: call, path: path))
            return plan.sort
        }
    }

    private func fault(_ sort: FaultSort, _ call: FaultCall, _ path: String) -> FileError {
        FileError(operation: call.rawValue, path: path, errno: sort.errno, message: "\(sort.rawValue) on cue")
    }

    private func pass(_ call: FaultCall, _ path: String) throws(FileError) {
        if let sort = number(call, path) { throw fault(sort, call, path) }
    }

    func open(_ path: String, _ mode: OpenMode) throws(FileError) -> OpenFile {
        let call: FaultCall =
            switch mode {
            case .read: .open
            case .create, .publish: .create
            case .update: .update
            }
        try pass(call, path)
        let file = try inner.open(path, mode)
        state.withLock { $0.open += 1 }
        return file
    }

    /// The descriptor is gone also where the kernel says that something went wrong.
    func close(_ file: OpenFile) throws(FileError) {
        let sort = number(.close, file.path)
        try inner.close(file)
        state.withLock { $0.open -= 1 }
        if let sort { throw fault(sort, .close, file.path) }
    }

    func write(_ bytes: RawSpan, to file: OpenFile, at offset: UInt64) throws(FileError) {
        guard let sort = number(.write, file.path) else {
            return try inner.write(bytes, to: file, at: offset)
        }
        let kept = sort.kept(of: bytes.byteCount)
        if kept > 0 { try inner.write(bytes.extracting(0..<kept), to: file, at: offset) }
        throw fault(sort, .write, file.path)
    }

    func read(into buffer: inout MutableRawSpan, from file: OpenFile, at offset: UInt64)
        throws(FileError)
        -> Int
    {
        try pass(.read, file.path)
        return try inner.read(into: &buffer, from: file, at: offset)
    }

    func sync(_ file: OpenFile) throws(FileError) {
        guard let sort = number(.sync, file.path) else { return try inner.sync(file) }
        losesPages?(file)
        throw fault(sort, .sync, file.path)
    }

    func syncDirectory(_ path: String) throws(FileError) {
        try pass(.syncDirectory, path)
        try inner.syncDirectory(path)
    }

    func truncate(_ file: OpenFile, to length: UInt64) throws(FileError) {
        try pass(.truncate, file.path)
        try inner.truncate(file, to: length)
    }

    func allocate(_ file: OpenFile, length: UInt64) throws(FileError) {
        try pass(.allocate, file.path)
        try inner.allocate(file, length: length)
    }

    func length(of file: OpenFile) throws(FileError) -> UInt64 {
        try pass(.length, file.path)
        return try inner.length(of: file)
    }

    func rename(_ from: String, to: String) throws(FileError) {
        try pass(.rename, from)
        try inner.rename(from, to: to)
    }

    func remove(_ path: String) throws(FileError) {
        try pass(.remove, path)
        try inner.remove(path)
    }

    func list(_ directory: String) throws(FileError) -> [String] {
        try pass(.list, directory)
        return try inner.list(directory)
    }

    func makeDirectory(_ path: String) throws(FileError) {
        try pass(.makeDirectory, path)
        try inner.makeDirectory(path)
    }

    func lock(_ file: OpenFile) throws(FileError) -> Bool {
        try pass(.lock, file.path)
        return try inner.lock(file)
    }

    func freeBytes(_ directory: String) -> UInt64? { inner.freeBytes(directory) }

    func status(_ path: String) throws(FileError) -> FileStatus? {
        try pass(.status, path)
        return try inner.status(path)
    }
}
