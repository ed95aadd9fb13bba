public import Platform
import Synchronization

/// A disk in memory that fails on cue and loses its power. What no sync has made durable goes with the power.
/// Pages of a failed fdatasync are given up, as Linux does it: a later one that succeeds does not write them.
public final class PowerLossFiles: FileDoor {
    public enum Operation: Sendable { case open, write, sync, syncDirectory, truncate, rename, remove }

    private struct Inode {
        var bytes: [UInt8] = []
        var durable: [UInt8] = []
        /// Written since the last sync, whether that was good or not.
        var dirty: [Range<Int>] = []

        mutating func sync() {
            let missing = bytes.count - durable.count
            if missing > 0 {
                durable += repeatElement(0, count: missing)
            } else {
                durable.removeLast(-missing)
            }
            for range in dirty {
                let range = range.clamped(to: 0..<bytes.count)
                durable.replaceSubrange(range, with: bytes[range])
            }
            dirty = []
        }
    }

    private struct State {
        var inodes: [Inode] = []
        var names: [String: Int] = [:]
        var durableNames: [String: Int] = [:]
        /// Names that were removed, whether the directory was synced since or not.
        var removed: Set<String> = []
        var open: [Int32: Int] = [:]
        var nextDescriptor: Int32 = 100
        var count = 0
        var fault: (@Sendable (Operation, Int) -> Bool)?
        var failing: Failing?
    }

    /// Operations on files of one kind that fail.
    private struct Failing {
        let isRead: Bool
        /// A part of the path.
        let name: String
        var skipped: Int
        var count: Int

        /// Whether this operation is one of them.
        mutating func meets(isRead: Bool, _ path: String) -> Bool {
            guard isRead == self.isRead, count > 0, path.contains(name) else { return false }
            guard skipped == 0 else {
                skipped -= 1
                return false
            }
            count -= 1
            return true
        }
    }

    private let state = Mutex(State())

    public init() {}

    /// Another disk with the same content, on which no file is open.
    public func copy() -> PowerLossFiles {
        let copy = PowerLossFiles()
        let (inodes, names, durable) = state.withLock { ($0.inodes, $0.names, $0.durableNames) }
        copy.state.withLock { state in
            state.inodes = inodes
            state.names = names
            state.durableNames = durable
        }
        return copy
    }

    /// Operations that change something, so far.
    public var operationCount: Int { state.withLock { $0.count } }

    /// Names there are now.
    public var names: [String] { state.withLock { $0.names.keys.sorted() } }

    /// From now on operations that `fault` chooses, by their number too, fail with EIO.
    public func fail(_ fault: (@Sendable (Operation, Int) -> Bool)?) { state.withLock { $0.fault = fault } }

    /// After `skipped` of them, `count` reads of files whose path has `name` in it fail.
    public func failReads(of name: String, skipping skipped: Int = 0, count: Int) {
        state.withLock { $0.failing = Failing(isRead: true, name: name, skipped: skipped, count: count) }
    }

    /// After `skipped` of them, `count` writes to files whose path has `name` in it fail.
    public func failWrites(to name: String, skipping skipped: Int = 0, count: Int) {
        state.withLock { $0.failing = Failing(isRead: false, name: name, skipped: skipped, count: count) }
    }

    /// Only what is durable is left, and no file is open. With `keepingRemovals` the file system has made the
    /// removal of files durable by itself, as the journal of ext4 does within seconds.
    public func losePower(keepingRemovals: Bool = false) {
        state.withLock { state in
            state.names = state.durableNames
            if keepingRemovals { for name in state.removed { state.names[name] = nil } }
            state.open = [:]
            state.fault = nil
            for index in state.inodes.indices {
                state.inodes[index].bytes = state.inodes[index].durable
                state.inodes[index].dirty = []
            }
        }
    }

    private func error(_ operation: String, _ path: String, _ errno: Int32) -> FileError {
        FileError(operation: operation, path: path, errno: errno, message: "on cue")
    }

    /// Counts the operation and does it, unless it is to fail.
    private func perform<Value: Sendable>(
        _ operation: Operation, _ path: String, _ body: (inout State) -> Value?
    ) throws(FileError) -> Value {
        let value: Value? = state.withLock { state in
            defer { state.count += 1 }
            if state.fault?(operation, state.count) ?? false { return nil }
            if operation == .write, state.failing?.meets(isRead: false, path) ?? false { return nil }
            return body(&state)
        }
        guard let value else { throw error("\(operation)", path, 5) }
        return value
    }

    private func inode(_ state: State, _ file: OpenFile) -> Int? { state.open[file.descriptor] }

    public func open(_ path: String, _ mode: OpenMode) throws(FileError) -> OpenFile {
        if mode == .read, state.withLock({ $0.names[path] }) == nil { throw error("open", path, 2) }
        if mode == .read { return state.withLock { Self.open(path, &$0) } }
        return try perform(.open, path) { Self.open(path, &$0) }
    }

    private static func open(_ path: String, _ state: inout State) -> OpenFile {
        if state.names[path] == nil {
            state.names[path] = state.inodes.count
            state.removed.remove(path)
            state.inodes.append(Inode())
        }
        state.nextDescriptor += 1
        state.open[state.nextDescriptor] = state.names[path]
        return OpenFile(descriptor: state.nextDescriptor, path: path)
    }

    public func close(_ file: OpenFile) throws(FileError) {
        state.withLock { $0.open[file.descriptor] = nil }
    }

    public func write(_ bytes: RawSpan, to file: OpenFile, at offset: UInt64) throws(FileError) {
        // Safety: the bytes are copied before the span ends.
        let copy = unsafe bytes.withUnsafeBytes { unsafe Array($0) }
        try perform(.write, file.path) { state -> Void? in
            guard let index = inode(state, file) else { return nil }
            let range = Int(offset)..<Int(offset) + copy.count
            let missing = range.upperBound - state.inodes[index].bytes.count
            if missing > 0 { state.inodes[index].bytes += repeatElement(0, count: missing) }
            state.inodes[index].bytes.replaceSubrange(range, with: copy)
            state.inodes[index].dirty.append(range)
            return ()
        }
    }

    public func read(into buffer: inout MutableRawSpan, from file: OpenFile, at offset: UInt64)
        throws(FileError)
        -> Int
    {
        let bytes = state.withLock { state -> ArraySlice<UInt8>? in
            if state.failing?.meets(isRead: true, file.path) ?? false { return nil }
            return inode(state, file).map {
                state.inodes[$0].bytes.dropFirst(Int(offset)).prefix(buffer.byteCount)
            }
        }
        guard let bytes else { throw error("read", file.path, 9) }
        // Safety: no more bytes than the buffer has.
        unsafe buffer.withUnsafeMutableBytes { room in unsafe room.copyBytes(from: bytes) }
        return bytes.count
    }

    public func sync(_ file: OpenFile) throws(FileError) {
        do throws(FileError) {
            try perform(.sync, file.path) { state -> Void? in
                inode(state, file).map { state.inodes[$0].sync() }
            }
        } catch {
            state.withLock { state in
                if let index = inode(state, file) { state.inodes[index].dirty = [] }
            }
            throw error
        }
    }

    public func syncDirectory(_ path: String) throws(FileError) {
        try perform(.syncDirectory, path) { $0.durableNames = $0.names }
    }

    public func truncate(_ file: OpenFile, to length: UInt64) throws(FileError) {
        try perform(.truncate, file.path) { state -> Void? in
            inode(state, file).map { index in
                let surplus = state.inodes[index].bytes.count - Int(length)
                if surplus > 0 { state.inodes[index].bytes.removeLast(surplus) }
            }
        }
    }

    public func allocate(_ file: OpenFile, length: UInt64) throws(FileError) {}

    public func freeBytes(_ directory: String) -> UInt64? { 1 << 40 }

    public func length(of file: OpenFile) throws(FileError) -> UInt64 {
        state.withLock { state in inode(state, file).map { UInt64(state.inodes[$0].bytes.count) } } ?? 0
    }

    public func rename(_ from: String, to: String) throws(FileError) {
        try perform(.rename, from) { state -> Void? in
            guard let index = state.names.removeValue(forKey: from) else { return nil }
            state.names[to] = index
            state.removed.remove(to)
            return ()
        }
    }

    public func remove(_ path: String) throws(FileError) {
        if state.withLock({ $0.names[path] }) == nil { throw error("remove", path, 2) }
        try perform(.remove, path) { state -> Void? in
            state.names[path] = nil
            state.removed.insert(path)
            return ()
        }
    }

    public func list(_ directory: String) throws(FileError) -> [String] {
        names.filter { $0.hasPrefix(directory + "/") }.map { String($0.dropFirst(directory.count + 1)) }
    }

    public func makeDirectory(_ path: String) throws(FileError) {}
    public func lock(_ file: OpenFile) throws(FileError) -> Bool { true }

    public func status(_ path: String) throws(FileError) -> FileStatus? {
        state.withLock { state in
            state.names[path].map {
                FileStatus(
                    modifiedNs: 0, inode: UInt64($0), length: UInt64(state.inodes[$0].bytes.count),
                    isDirectory: false, isRegular: true)
            }
        }
    }
}
