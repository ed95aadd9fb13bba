import Glibc
import Platform
import Synchronization

/// Stands before a door, counts its calls, and does on cue what a workload asks for: a call that fails, a
/// thread that comes between, a kill.
final class CueDoor: FileDoor {
    /// The process kills itself before a call; where that is a write, with its first half written if asked
    /// for.
    struct Kill: Sendable {
        let call: Int
        let isHalf: Bool
    }

    private struct State {
        var count = 0
        /// The numbers of the calls before which operations of the workload have begun.
        var marks: [Int] = []
        /// The next sync, or the write after so many others, of a file with this ending fails.
        var failingSync: String?
        var failingWrite: (ending: String, skipped: Int)?
        var between: (ending: String, body: @Sendable () -> Void)?
        var betweenWrite: (part: String, body: @Sendable () -> Void)?
        var takesNoSamples = false
    }

    private let base: any FileDoor
    /// Tells the disk below that a sync has failed.
    private let failSync: @Sendable (OpenFile) -> Void
    private let kill: Kill?
    /// Told the number of each mark, from 0.
    private let progress: @Sendable (Int) -> Void
    private let state = Mutex(State())

    init(
        _ base: any FileDoor, failSync: @escaping @Sendable (OpenFile) -> Void = { _ in },
        kill: Kill? = nil, progress: @escaping @Sendable (Int) -> Void = { _ in }
    ) {
        self.base = base
        self.failSync = failSync
        self.kill = kill
        self.progress = progress
    }

    var callCount: Int { state.withLock { $0.count } }
    var marks: [Int] { state.withLock { $0.marks } }

    /// An operation of the workload begins.
    func mark() {
        let number = state.withLock { state in
            state.marks.append(state.count)
            return state.marks.count - 1
        }
        progress(number)
    }

    func failNextSync(of ending: String) { state.withLock { $0.failingSync = ending } }

    /// After `skipped` of them, a write to a file with this ending stops in its middle and fails.
    func failWrite(to ending: String, skipping skipped: Int) {
        state.withLock { $0.failingWrite = (ending, skipped) }
    }

    /// At the next sync of a file with this ending `body` runs first, as another thread may, between two
    /// marks.
    func comeBetween(atSyncOf ending: String, _ body: @escaping @Sendable () -> Void) {
        state.withLock { $0.between = (ending, body) }
    }

    /// The same at the next write to a file with this in its path. Only for a workload that is not recorded:
    /// there are no marks.
    func comeBetween(atWriteTo part: String, _ body: @escaping @Sendable () -> Void) {
        state.withLock { $0.betweenWrite = (part, body) }
    }

    /// Whether nobody has come between; forgets who was to.
    func forgetWhoComesBetween() -> Bool {
        state.withLock { state in
            defer { (state.between, state.betweenWrite) = (nil, nil) }
            return state.between != nil || state.betweenWrite != nil
        }
    }

    /// Whether every write fails but those of cursors.
    func setTakesNoSamples(_ takesNoSamples: Bool) { state.withLock { $0.takesNoSamples = takesNoSamples } }

    /// Counts a call; true where the process is to die in the middle of it.
    private func count(isWrite: Bool = false) -> Bool {
        let number = state.withLock { state in
            state.count += 1
            return state.count - 1
        }
        guard let kill, number == kill.call else { return false }
        if kill.isHalf && isWrite { return true }
        Self.die()
    }

    private static func die() -> Never {
        Glibc.kill(getpid(), SIGKILL)
        // It comes at once; nothing is done meanwhile.
        while true { pause() }
    }

    func open(_ path: String, _ mode: OpenMode) throws(FileError) -> OpenFile {
        _ = count()
        return try base.open(path, mode)
    }

    func close(_ file: OpenFile) throws(FileError) {
        _ = count()
        try base.close(file)
    }

    func write(_ bytes: RawSpan, to file: OpenFile, at offset: UInt64) throws(FileError) {
        if count(isWrite: true) {
            try base.write(bytes.extracting(0..<bytes.byteCount / 2), to: file, at: offset)
            Self.die()
        }
        let between = state.withLock { state -> (@Sendable () -> Void)? in
            guard let between = state.betweenWrite, file.path.contains(between.part) else { return nil }
            state.betweenWrite = nil
            return between.body
        }
        between?()
        if state.withLock({ $0.takesNoSamples }), !file.path.contains("/cursor-") {
            // The disk below counts it, too.
            try base.write(bytes.extracting(0..<0), to: file, at: offset)
            throw FileError(operation: "pwrite", path: file.path, errno: 5, message: "on cue")
        }
        let fails = state.withLock { state in
            guard let failing = state.failingWrite, file.path.hasSuffix(failing.ending) else { return false }
            guard failing.skipped == 0 else {
                state.failingWrite = (failing.ending, failing.skipped - 1)
                return false
            }
            state.failingWrite = nil
            return true
        }
        guard fails else { return try base.write(bytes, to: file, at: offset) }
        try base.write(bytes.extracting(0..<bytes.byteCount / 2), to: file, at: offset)
        throw FileError(operation: "pwrite", path: file.path, errno: 5, message: "on cue")
    }

    func read(
        into buffer: inout MutableRawSpan, from file: OpenFile, at offset: UInt64
    ) throws(FileError) -> Int {
        _ = count()
        return try base.read(into: &buffer, from: file, at: offset)
    }

    func sync(_ file: OpenFile) throws(FileError) {
        let between = state.withLock { state -> (@Sendable () -> Void)? in
            guard let between = state.between, file.path.hasSuffix(between.ending) else { return nil }
            state.between = nil
            return between.body
        }
        if let between {
            mark()
            between()
            mark()
        }
        _ = count()
        let fails = state.withLock { state in
            guard let ending = state.failingSync, file.path.hasSuffix(ending) else { return false }
            state.failingSync = nil
            return true
        }
        guard fails else { return try base.sync(file) }
        failSync(file)
        throw FileError(operation: "fdatasync", path: file.path, errno: 5, message: "on cue")
    }

    func syncDirectory(_ path: String) throws(FileError) {
        _ = count()
        try base.syncDirectory(path)
    }

    func truncate(_ file: OpenFile, to length: UInt64) throws(FileError) {
        _ = count()
        try base.truncate(file, to: length)
    }

    func allocate(_ file: OpenFile, length: UInt64) throws(FileError) {
        _ = count()
        try base.allocate(file, length: length)
    }

    func length(of file: OpenFile) throws(FileError) -> UInt64 {
        _ = count()
        return try base.length(of: file)
    }

    func rename(_ from: String, to: String) throws(FileError) {
        _ = count()
        try base.rename(from, to: to)
    }

    func remove(_ path: String) throws(FileError) {
        _ = count()
        try base.remove(path)
    }

    func list(_ directory: String) throws(FileError) -> [String] {
        _ = count()
        return try base.list(directory)
    }

    func makeDirectory(_ path: String) throws(FileError) {
        _ = count()
        try base.makeDirectory(path)
    }

    func lock(_ file: OpenFile) throws(FileError) -> Bool {
        _ = count()
        return try base.lock(file)
    }

    func freeBytes(_ directory: String) -> UInt64? { base.freeBytes(directory) }

    func status(_ path: String) throws(FileError) -> FileStatus? {
        _ = count()
        return try base.status(path)
    }
}
